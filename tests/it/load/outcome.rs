//! The outcome of a request to a node that may be failing.

use serde_json::Value;

/// A refusal with its problem fields.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub has_retry_after: bool,
}

#[derive(Debug)]
pub enum Outcome {
    Done(Value),
    Refused(Refusal),
    /// No complete answer: the request may or may not have been processed.
    NoResponse,
}

impl Outcome {
    pub async fn send(request: reqwest::RequestBuilder) -> Self {
        let Ok(response) = request.send().await else { return Self::NoResponse };
        let (status, headers) = (response.status(), response.headers().clone());
        let Ok(text) = response.text().await else { return Self::NoResponse };
        if status == 204 {
            return Self::Done(Value::Null);
        }
        let body: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{status}, {error}: {text}"));
        if status.is_success() {
            return Self::Done(body);
        }
        let word = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let has_retry_after = headers.contains_key("retry-after");
        let (code, detail) = (word("code"), word("detail"));
        Self::Refused(Refusal { status: status.as_u16(), code, detail, has_retry_after })
    }

    pub fn done(self) -> Option<Value> {
        match self {
            Self::Done(body) => Some(body),
            Self::Refused(_) | Self::NoResponse => None,
        }
    }

    #[track_caller]
    pub fn expect_done(self, what: &str) -> Value {
        match self {
            Self::Done(body) => body,
            other => panic!("{what}: {other:?}"),
        }
    }
}
