//! A retry never acts twice: the same request under the same `Idempotency-Key` gets the stored answer.

mod concurrent;
mod deleted;
mod nodes;
mod operators;
mod others;
mod refusals;
mod replays;

use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::people::Caller;

impl Caller<'_> {
    /// A request under a key; null means no body.
    async fn sends_with_key(&self, key: &str, method: &str, path: &str, body: &Value) -> Response {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.app.http.request(method, self.app.url(path)).bearer_auth(self.token());
        let request = request.header("idempotency-key", key);
        Response::send(if body.is_null() { request } else { request.json(body) }).await
    }

    pub async fn posts_with_key(&self, key: &str, path: &str, body: &Value) -> Response {
        self.sends_with_key(key, "POST", path, body).await
    }

    /// How many jobs the tenant has.
    async fn counts_jobs(&self) -> usize {
        self.get("/api/v1/jobs?limit=200").await.json()["data"].as_array().unwrap().len()
    }
}

impl Response {
    /// Whether the answer is a stored one.
    fn is_replay(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }
}

/// A job that no worker has to claim.
fn job() -> Value {
    json!({"spider_name": "auto", "target_urls": ["https://listings.example/"]})
}

fn spider(name: &str) -> Value {
    json!({"name": name, "runner": "external", "start_urls": ["https://listings.example/"]})
}
