//! The program on a folder of its own, started again after each kill. Where it listens changes every time, and whoever
//! waits for it learns the new address.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::support::binary::{Server, serve_in};

pub const TENANT: &str = "acme";
pub const USERNAME: &str = "root";
pub const PASSWORD: &str = "a nightingale sang in 1915";

/// A lease that ends soon: a crawl that was killed goes on when its lease has ended.
const LEASE_SECONDS: &str = "2";

pub struct Node {
    folder: TempDir,
    hosts: String,
    server: Option<Server>,
    address: watch::Sender<SocketAddr>,
}

/// Where the node is to be found now.
#[derive(Clone)]
pub struct Whereabouts {
    address: watch::Receiver<SocketAddr>,
    http: reqwest::Client,
}

impl Node {
    /// Starts a node that may crawl `hosts`.
    pub fn start(hosts: String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&mut command(&folder, &hosts));
        let (address, _) = watch::channel(server.address);
        Self { folder, hosts, server: Some(server), address }
    }

    /// Kills the process where it stands (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Starts it on the same folder.
    pub fn restart(&mut self) {
        let server = Server::start(&mut command(&self.folder, &self.hosts));
        self.address.send_replace(server.address);
        self.server = Some(server);
    }

    pub fn whereabouts(&self) -> Whereabouts {
        let http =
            reqwest::Client::builder().no_proxy().connect_timeout(Duration::from_secs(5)).build().unwrap();
        Whereabouts { address: self.address.subscribe(), http }
    }
}

fn command(folder: &TempDir, hosts: &str) -> Command {
    let mut command = serve_in(folder.path());
    command
        .env("LOTLINE__BOOTSTRAP__TENANT", TENANT)
        .env("LOTLINE__BOOTSTRAP__USERNAME", USERNAME)
        .env("LOTLINE__BOOTSTRAP__PASSWORD", PASSWORD)
        .env("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64")
        .env("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1")
        .env("LOTLINE__LIMITS__REQUESTS_PER_USER", "0")
        .env("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "86400")
        .env("LOTLINE__LIMITS__LEASE_SECONDS", LEASE_SECONDS)
        .env("LOTLINE__CRAWLER__ALLOWED_PRIVATE_HOSTS", hosts);
    command
}

impl Whereabouts {
    /// A request to the node as it is now.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let address = *self.address.borrow();
        self.http.request(method, format!("http://{address}{path}"))
    }

    pub async fn get(&self, token: &str, path: &str) -> Option<Value> {
        let request =
            self.request(reqwest::Method::GET, path).bearer_auth(token).timeout(Duration::from_secs(10));
        success(request).await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Option<Value> {
        let request = self.request(reqwest::Method::POST, path).bearer_auth(token).json(body);
        success(request.timeout(Duration::from_secs(10))).await
    }

    pub async fn signs_in(&self) -> String {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", USERNAME), ("password", PASSWORD)])
            .finish();
        let request = self.request(reqwest::Method::POST, "/api/v1/auth/token").body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        success(request).await.unwrap()["access_token"].as_str().unwrap().to_owned()
    }
}

/// The answer, read whole. `None`: the node is gone, and may or may not have done it.
async fn success(request: reqwest::RequestBuilder) -> Option<Value> {
    let response = request.send().await.ok()?;
    let status = response.status();
    let text = response.text().await.ok()?;
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).ok()
}
