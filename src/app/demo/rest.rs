//! A client of the REST routes for a user of the demo: over HTTP, with a token, against the running server.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use crate::base::ids::{JobId, PropertyId};
use crate::http::router::BASE;
use crate::protocol::job::JobStatus;
use crate::protocol::property::Property;

/// No call of the demo takes longer on a working machine.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Rows of a page; the maximum of a list.
const PAGE: &str = "200";

/// A client with one credential.
pub(super) struct RestClient {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// What the demo reads of a job.
#[derive(Debug, Deserialize)]
pub(super) struct JobView {
    pub(super) job_id: JobId,
    pub(super) status: JobStatus,
    pub(super) pages_crawled: u64,
    #[serde(default)]
    pub(super) finish_reason: Option<String>,
    #[serde(default)]
    pub(super) error: Option<String>,
    #[serde(default)]
    pub(super) stats: Value,
}

/// A listing that was accepted for a job.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    pub(super) property_id: PropertyId,
    pub(super) status: String,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

impl RestClient {
    pub(super) fn new(address: SocketAddr, token: &str) -> Result<Self, String> {
        let http = reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(error_line)?;
        Ok(Self { http, base: format!("http://{address}{BASE}"), token: token.to_owned() })
    }

    /// Has `target` crawled by the spider for arbitrary sites.
    pub(super) async fn start_crawl(&self, target: &str) -> Result<JobId, String> {
        let body = json!({"spider_name": "auto", "target_urls": [target]});
        let job: JobView = send_json(self.request(Method::POST, "/jobs").json(&body)).await?;
        Ok(job.job_id)
    }

    pub(super) async fn job(&self, id: JobId) -> Result<JobView, String> {
        send_json(self.request(Method::GET, &format!("/jobs/{id}"))).await
    }

    /// The response status of a request for the job.
    pub(super) async fn status_of_job(&self, id: JobId) -> Result<StatusCode, String> {
        let answer = self.request(Method::GET, &format!("/jobs/{id}")).send().await.map_err(error_line)?;
        Ok(answer.status())
    }

    /// Whether any job of the tenant is pending or running.
    pub(super) async fn is_crawling(&self) -> Result<bool, String> {
        for status in [JobStatus::Pending, JobStatus::Running] {
            let path = format!("/jobs?limit=1&status={}", status.name());
            let page: Page<JobView> = send_json(self.request(Method::GET, &path)).await?;
            if !page.data.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The items that were accepted for the job.
    pub(super) async fn items(&self, id: JobId) -> Result<Vec<Item>, String> {
        self.fetch_all(&format!("/jobs/{id}/items"), &[]).await
    }

    /// Every property that is not removed.
    pub(super) async fn properties(&self) -> Result<Vec<Property>, String> {
        self.fetch_all("/properties", &[]).await
    }

    /// Every property, removed ones too.
    pub(super) async fn all_properties(&self) -> Result<Vec<Property>, String> {
        self.fetch_all("/properties", &[("include_removed", "true")]).await
    }

    /// A whole list, fetched page by page.
    async fn fetch_all<T: DeserializeOwned>(
        &self,
        path: &str,
        filters: &[(&str, &str)],
    ) -> Result<Vec<T>, String> {
        let mut rows = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let mut query = Serializer::new(String::new());
            query.append_pair("limit", PAGE).extend_pairs(filters);
            if let Some(cursor) = &cursor {
                query.append_pair("cursor", cursor);
            }
            let path = format!("{path}?{}", query.finish());
            let page: Page<T> = send_json(self.request(Method::GET, &path)).await?;
            rows.extend(page.data);
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(rows),
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }
}

/// The body of a successful response; for any other, its error detail.
async fn send_json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, String> {
    let answer = request.send().await.map_err(error_line)?;
    let (status, path) = (answer.status(), answer.url().path().to_owned());
    if status.is_success() {
        return answer.json().await.map_err(|error| format!("{path}: {error}"));
    }
    let problem: Value = answer.json().await.unwrap_or_default();
    Err(format!("{path} answers {}: {}", status.as_u16(), problem["detail"].as_str().unwrap_or("no reason")))
}

fn error_line(error: impl std::fmt::Display) -> String {
    error.to_string()
}
