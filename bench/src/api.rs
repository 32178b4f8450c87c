//! REST requests with one credential.

use reqwest::RequestBuilder;
use serde_json::Value;

use crate::Outcome;
use crate::feed::Endpoint;

#[derive(Clone)]
pub struct Api {
    endpoint: Endpoint,
    token: String,
}

impl Api {
    pub fn new(endpoint: &Endpoint, token: String) -> Self {
        Self { endpoint: endpoint.clone(), token }
    }

    pub async fn get(&self, path: &str) -> Outcome<Value> {
        self.answer(self.endpoint.http.get(format!("{}{path}", self.endpoint.url))).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Outcome<Value> {
        self.answer(self.endpoint.http.post(format!("{}{path}", self.endpoint.url)).json(body)).await
    }

    /// Reads the whole body without parsing it: for load.
    pub async fn read(&self, path: &str) -> Outcome<()> {
        let request = self.endpoint.http.get(format!("{}{path}", self.endpoint.url)).bearer_auth(&self.token);
        request.send().await?.error_for_status()?.bytes().await?;
        Ok(())
    }

    async fn answer(&self, request: RequestBuilder) -> Outcome<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let (status, body) = (answer.status(), answer.text().await?);
        if !status.is_success() {
            return Err(format!("{status}: {body}").into());
        }
        Ok(serde_json::from_str(&body)?)
    }
}
