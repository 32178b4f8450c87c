//! A retry never acts twice: the same request under the same `Idempotency-Key` is answered again and not done again.

mod deleted;
mod nodes;
mod operators;
mod others;
mod refusals;
mod replays;
mod twins;

use serde_json::{Value, json};

use crate::support::answer::Answer;
use crate::support::people::Caller;

impl Caller<'_> {
    /// A request under a key; null stands for no body.
    async fn sends_once(&self, key: &str, method: &str, path: &str, body: &Value) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.app.http.request(method, self.app.url(path)).bearer_auth(self.token());
        let request = request.header("idempotency-key", key);
        Answer::of(if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn posts_once(&self, key: &str, path: &str, body: &Value) -> Answer {
        self.sends_once(key, "POST", path, body).await
    }

    /// How many jobs the tenant has.
    async fn counts_jobs(&self) -> usize {
        self.get("/api/v1/jobs?limit=200").await.json()["data"].as_array().unwrap().len()
    }
}

impl Answer {
    /// Whether it was answered before.
    fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

/// A job that waits for nobody.
fn job() -> Value {
    json!({"spider_name": "auto", "target_urls": ["https://listings.example/"]})
}

fn spider(name: &str) -> Value {
    json!({"name": name, "runner": "external", "start_urls": ["https://listings.example/"]})
}
