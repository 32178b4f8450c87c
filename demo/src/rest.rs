//! A client of the REST routes for a user of the demo: over HTTP, with a token, against the running server.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, StatusCode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::wire::{Item, Job, JobId, JobStatus, Property};

/// Where the REST routes begin.
const BASE: &str = "/api/v1";
/// No call of the demo takes longer on a working machine.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Rows of a page; the maximum of a list.
const PAGE: &str = "200";
/// All that an API key can be allowed.
const KEY_SCOPES: [&str; 4] = ["jobs:run", "properties:write", "logs:write", "events:read"];

/// A client with one credential.
pub(crate) struct RestClient {
    http: reqwest::Client,
    base: String,
    token: String,
}

/// A user to add.
#[derive(Serialize)]
pub(crate) struct NewUser<'a> {
    pub(crate) username: &'a str,
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
    pub(crate) role: &'a str,
}

#[derive(Deserialize)]
struct SignedIn {
    access_token: String,
}

#[derive(Deserialize)]
struct NewKey {
    key: String,
}

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

/// Signs in as `tenant/name`; returns an access token.
pub(crate) async fn sign_in(address: SocketAddr, username: &str, password: &str) -> Result<String, String> {
    let form = Serializer::new(String::new())
        .append_pair("username", username)
        .append_pair("password", password)
        .finish();
    let request = http_client()?.post(format!("http://{address}{BASE}/auth/token")).body(form);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let signed_in: SignedIn = send_json(request).await?;
    Ok(signed_in.access_token)
}

fn http_client() -> Result<reqwest::Client, String> {
    reqwest::Client::builder().no_proxy().timeout(TIMEOUT).build().map_err(error_line)
}

impl RestClient {
    pub(crate) fn new(address: SocketAddr, token: &str) -> Result<Self, String> {
        let base = format!("http://{address}{BASE}");
        Ok(Self { http: http_client()?, base, token: token.to_owned() })
    }

    /// Adds a user to the tenant.
    pub(crate) async fn create_user(&self, new: &NewUser<'_>) -> Result<(), String> {
        let _: Value = send_json(self.request(Method::POST, "/users").json(new)).await?;
        Ok(())
    }

    /// An API key with every scope.
    pub(crate) async fn create_worker_key(&self, name: &str) -> Result<String, String> {
        let body = json!({"name": name, "scopes": KEY_SCOPES});
        let new: NewKey = send_json(self.request(Method::POST, "/api-keys").json(&body)).await?;
        Ok(new.key)
    }

    /// Has `target` crawled by the spider for arbitrary sites.
    pub(crate) async fn start_crawl(&self, target: &str) -> Result<JobId, String> {
        let body = json!({"spider_name": "auto", "target_urls": [target]});
        let job: Job = send_json(self.request(Method::POST, "/jobs").json(&body)).await?;
        Ok(job.job_id)
    }

    pub(crate) async fn job(&self, id: JobId) -> Result<Job, String> {
        send_json(self.request(Method::GET, &format!("/jobs/{id}"))).await
    }

    /// The response status of a request for the job.
    pub(crate) async fn status_of_job(&self, id: JobId) -> Result<StatusCode, String> {
        let answer = self.request(Method::GET, &format!("/jobs/{id}")).send().await.map_err(error_line)?;
        Ok(answer.status())
    }

    /// Whether any job of the tenant is pending or running.
    pub(crate) async fn is_crawling(&self) -> Result<bool, String> {
        for status in [JobStatus::Pending, JobStatus::Running] {
            let path = format!("/jobs?limit=1&status={}", status.name());
            let page: Page<Job> = send_json(self.request(Method::GET, &path)).await?;
            if !page.data.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The items that were accepted for the job.
    pub(crate) async fn items(&self, id: JobId) -> Result<Vec<Item>, String> {
        self.fetch_all(&format!("/jobs/{id}/items"), &[]).await
    }

    /// Every property that is not removed.
    pub(crate) async fn properties(&self) -> Result<Vec<Property>, String> {
        self.fetch_all("/properties", &[]).await
    }

    /// Every property, removed ones too.
    pub(crate) async fn all_properties(&self) -> Result<Vec<Property>, String> {
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
