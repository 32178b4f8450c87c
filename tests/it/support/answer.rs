//! An HTTP response, read completely.

use serde_json::Value;

use super::wait::within;

#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: http::HeaderMap,
    pub text: String,
}

impl Response {
    /// Sends the request and reads the response.
    pub async fn send(request: reqwest::RequestBuilder) -> Self {
        within("an answer", async {
            let response = request.send().await.unwrap();
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            // After a 101 the connection uses another protocol, and has no body to wait for.
            let text = if status == 101 { String::new() } else { response.text().await.unwrap() };
            Self { status, headers, text }
        })
        .await
    }

    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text)
            .unwrap_or_else(|error| panic!("{error} in {}: {}", self.status, self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Asserts a 429 with `retry-after`; returns its detail.
    #[track_caller]
    pub fn expect_rate_limited(&self) -> String {
        let problem = self.expect_problem(429, "rate_limited");
        let seconds: u32 = self.header("retry-after").unwrap().parse().unwrap();
        assert!(seconds >= 1, "{self:?}");
        problem["detail"].as_str().unwrap().to_owned()
    }

    /// Asserts a problem with this status and code.
    #[track_caller]
    pub fn expect_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.header("content-type")),
            (status, Some("application/problem+json")),
            "{self:?}"
        );
        let problem = self.json();
        assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(status.into()), Some(code)));
        assert!(problem["request_id"].is_string() && problem["detail"].is_string(), "{problem}");
        problem
    }
}
