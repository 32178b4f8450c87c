//! The program on its own store, restarted as often as a test likes. Its address changes at every start; clients get
//! the new one.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::outcome::Outcome;
use crate::support::app::Backend;
use crate::support::binary::{Server, lotline, run_with};
use crate::support::postgres::TestDatabase;
use crate::support::wait::eventually;

/// The timeout of a request: longer than a node waits for its database.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

/// The settings of every node of these tests: tokens that outlive the test, cheap passwords, short leases and pauses,
/// so that the work of a killed worker continues within the test.
const COMMON: &[(&str, &str)] = &[
    ("LOTLINE__SERVER__BIND", "127.0.0.1:0"),
    ("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64"),
    ("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1"),
    // All load comes from one user.
    ("LOTLINE__LIMITS__REQUESTS_PER_USER", "0"),
    ("LOTLINE__AUTH__ACCESS_TTL_SECONDS", "86400"),
    ("LOTLINE__LIMITS__LEASE_SECONDS", "2"),
    ("LOTLINE__LIMITS__RETAKE_SECONDS", "1"),
];

pub struct Node {
    folder: TempDir,
    database: Option<TestDatabase>,
    environment: Vec<(String, String)>,
    /// The extra settings of the last start.
    more: Vec<String>,
    server: Option<Server>,
    address: watch::Sender<SocketAddr>,
}

/// A client for the node's current address.
#[derive(Clone)]
pub struct NodeClient {
    address: watch::Receiver<SocketAddr>,
    http: reqwest::Client,
}

impl Node {
    /// A node that is not started yet, with `extra` settings.
    pub async fn prepare(back: Backend, extra: &[(&str, &str)]) -> Self {
        let database = match back {
            Backend::Sqlite => None,
            Backend::Postgres => Some(TestDatabase::migrated().await),
        };
        Self::on(database, extra)
    }

    /// The same on a given database; on SQLite without one.
    pub fn on(database: Option<TestDatabase>, extra: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut environment: Vec<(String, String)> = COMMON.iter().chain(extra).map(owned).collect();
        environment.push(("LOTLINE__SERVER__DATA_DIR".to_owned(), folder.path().display().to_string()));
        environment.extend(database.iter().flat_map(TestDatabase::environment));
        let (address, _) = watch::channel(SocketAddr::from(([127, 0, 0, 1], 1)));
        Self { folder, database, environment, more: Vec::new(), server: None, address }
    }

    /// Its data folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the node runs")
    }

    /// Starts it with its settings, and with `more` for this start only.
    pub fn start(&mut self, more: &[(&str, &str)]) {
        let mut command = lotline(&["serve"]);
        command.envs(more.iter().copied());
        self.more = more.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.start_as(command);
    }

    /// Starts `command`, which must become the server, with the node's settings.
    pub fn start_as(&mut self, mut command: Command) {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let server = Server::start(&mut command);
        self.address.send_replace(server.address);
        self.server = Some(server);
    }

    /// Kills the process at once (SIGKILL), and waits for its end.
    pub fn kill(&mut self) {
        self.server = None;
    }

    /// Waits until the process ends by itself, as its extra settings make it do.
    pub async fn wait_for_exit(&mut self) {
        let server = self.server.as_mut().expect("the node runs");
        let what = format!("the process to end by itself, with {:?}", self.more);
        eventually(&what, async || server.has_ended()).await;
        self.server = None;
    }

    /// Runs another subcommand on the same store; its output.
    pub fn subcommand(&self, words: &[&str], given: &str) -> String {
        let mut command = lotline(words);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let ended = run_with(&mut command, given);
        assert_eq!(ended.status, Some(0), "lotline {words:?}: {}", ended.stderr);
        ended.stdout.trim().to_owned()
    }

    pub fn client(&self) -> NodeClient {
        // One connection per request: a kept one might belong to an earlier process.
        let http = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0);
        let http = http.connect_timeout(Duration::from_secs(5)).build().unwrap();
        NodeClient { address: self.address.subscribe(), http }
    }

    /// Stops it for good, and removes its database.
    pub async fn remove(mut self) {
        self.kill();
        if let Some(database) = self.database.take() {
            database.remove().await;
        }
    }
}

impl NodeClient {
    pub fn address(&self) -> SocketAddr {
        *self.address.borrow()
    }

    /// A request to the node's current address.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address()))
    }

    pub async fn get(&self, token: &str, path: &str) -> Outcome {
        let request = self.request(reqwest::Method::GET, path).bearer_auth(token);
        Outcome::send(request.timeout(REQUEST_TIMEOUT)).await
    }

    pub async fn post(&self, token: &str, path: &str, body: &Value) -> Outcome {
        let request = self.request(reqwest::Method::POST, path).bearer_auth(token).json(body);
        Outcome::send(request.timeout(REQUEST_TIMEOUT)).await
    }

    pub async fn put(&self, token: &str, path: &str, body: &Value) -> Outcome {
        let request = self.request(reqwest::Method::PUT, path).bearer_auth(token).json(body);
        Outcome::send(request.timeout(REQUEST_TIMEOUT)).await
    }

    /// The answer of the sign-in form.
    pub async fn signs_in(&self, username: &str, password: &str) -> Value {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", username), ("password", password)])
            .finish();
        let request = self.request(reqwest::Method::POST, "/api/v1/auth/token").body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        Outcome::send(request).await.expect_done("a token")
    }
}
