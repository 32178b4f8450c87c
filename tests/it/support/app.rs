//! A whole node in the test's process: real listener, own database, a clock that the test controls.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use lotline::app::{App, StartError};
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use lotline::base::ids::TenantId;
use lotline::cluster::SharedState;
use lotline::crawler::reader::ReaderProgram;
use lotline::domain::ephemeral::EphemeralSettings;
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::identity::{Identity, bootstrap};
use lotline::domain::op::{Origin, Services};
use lotline::protocol::problem::Problem;
use lotline::session::Connection;
use lotline::session::ConnectionRegistry;
use lotline::session::admission::Admission;
use lotline::session::{Joined, Purpose, Verified};
use lotline::storage::LogReadPermit;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::postgres::TestDatabase;
use super::settings::{self, Setting};
use super::wait::{eventually, sleep_briefly, within};

/// The tenant of most tests, and another one that must not be affected.
pub const ACME: &str = "acme";
pub const OTHER: &str = "other";

/// The node's database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// What remains of a node that was stopped.
pub struct Store {
    pub folder: TempDir,
    /// None on SQLite: its file is in the folder.
    pub database: Option<TestDatabase>,
}

/// A running node.
pub struct TestApp {
    pub clock: Clock,
    pub address: SocketAddr,
    /// The address of the listener for metrics only, if the test has one.
    pub metrics_address: Option<SocketAddr>,
    pub identity: Arc<Identity>,
    pub services: Services,
    pub acme: TenantId,
    pub other: TenantId,
    pub http: reqwest::Client,
    registry: Arc<ConnectionRegistry>,
    stop: CancellationToken,
    running: JoinHandle<Result<(), StartError>>,
    database: Option<TestDatabase>,
    folder: TempDir,
}

impl TestApp {
    /// A node with `extra` settings, on a clock that moves only when a test advances it.
    pub async fn spawn_with(back: Backend, extra: &[Setting]) -> Self {
        let database = match back {
            Backend::Sqlite => None,
            Backend::Postgres => Some(TestDatabase::migrated().await),
        };
        let store = Store { folder: tempfile::tempdir().unwrap(), database };
        Self::start(store, start_of_time(), None, extra).await
    }

    /// A node on a store of another node, which created its tenants in the usual order. Its clock starts at `now`.
    pub async fn open_store(store: Store, now: DateTime<Utc>, extra: &[Setting]) -> Self {
        Self::start(store, now, Some([TenantId(1), TenantId(2)]), extra).await
    }

    /// Starts the node, and creates the two tenants if there are none.
    async fn start(
        store: Store,
        now: DateTime<Utc>,
        tenants: Option<[TenantId; 2]>,
        extra: &[Setting],
    ) -> Self {
        log_to_stderr();
        let Store { folder, database } = store;
        let environment = database.as_ref().map(TestDatabase::environment).unwrap_or_default();
        let settings = settings::load(folder.path(), &environment, extra);
        let clock = Clock::manual(now);
        let program = ReaderProgram::Path(env!("CARGO_BIN_EXE_lotline").into());
        let app = App::build(&settings, clock.clone(), program).await.unwrap();
        let (identity, sessions) = (Arc::clone(&app.identity), Arc::clone(&app.registry));
        let [acme, other] = match tenants {
            Some(tenants) => tenants,
            None => make_tenants(&identity).await,
        };
        let (address, metrics_address, services) =
            (app.local_addr(), app.metrics_addr(), app.services().clone());
        let stop = CancellationToken::new();
        let running = TaskTracker::new().spawn(app.run_until_stopped(stop.clone()));
        // One connection per request: an idle one is closed by the test's clock, perhaps at the moment when a request
        // is sent on it.
        let http = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy();
        let http = http.timeout(super::wait::DEADLINE * 3).build().unwrap();
        Self {
            clock,
            address,
            metrics_address,
            identity,
            services,
            acme,
            other,
            http,
            registry: sessions,
            stop,
            running,
            database,
            folder,
        }
    }

    /// Asks the node to stop; [`TestApp::finish`] waits for it.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Stops the node, and fails when it leaves a connection, a connection slot or a task behind.
    pub async fn finish(self) {
        if let Some(database) = self.into_store().await.database {
            database.remove().await;
        }
    }

    /// The same, and returns the store that the node leaves.
    pub async fn into_store(self) -> Store {
        let Self {
            clock, registry: sessions, stop, running, database, folder, http, identity, services, ..
        } = self;
        drop((http, identity, services));
        let tenants = [self.acme, self.other];
        eventually("the clients that are gone to be noticed", async || {
            tenants.iter().all(|tenant| sessions.of_tenant(*tenant).is_empty())
        })
        .await;
        stop.cancel();
        let mut running = std::pin::pin!(running);
        let ended = within("the node to stop", async {
            loop {
                tokio::select! {
                    ended = &mut running => return ended,
                    // Close handshakes with clients that do not answer time out on the clock.
                    () = sleep_briefly() => clock.advance(Duration::from_millis(20)),
                }
            }
        });
        ended.await.expect("the node panicked").expect("the node ended badly");
        assert!(sessions.tasks.is_empty(), "{} tasks were left over", sessions.tasks.len());
        Store { folder, database }
    }

    /// The node's concurrency limits, for a test that exhausts them.
    pub fn admission(&self) -> &Admission {
        &self.registry.admission
    }

    /// The number of acme's connections that the node knows.
    pub fn connections(&self) -> usize {
        self.registry.of_tenant(self.acme).len()
    }

    /// The connections of acme that the node knows.
    pub fn open_connections(&self) -> Vec<Arc<Connection>> {
        self.registry.of_tenant(self.acme)
    }

    /// The bytes that are buffered of unfinished messages, of all tenants.
    pub fn unfinished_message_bytes(&self) -> usize {
        self.registry.unfinished_bytes()
    }

    /// Checks a credential for a connection, which takes nothing yet.
    pub async fn verifies(&self, token: &str) -> Verified {
        let credential = Credential::Header(token);
        Verified::check(&self.registry, credential, Origin::default()).await.ok().unwrap()
    }

    /// Opens a socket for a credential that was checked before, up to its registration.
    pub async fn admits(&self, verified: Verified) -> Result<Joined, Problem> {
        verified.admit(Purpose::MessageSocket).await?.join().await
    }

    /// Waits until acme has this many connections.
    pub async fn wait_for_connections(&self, wanted: usize) {
        eventually("the count of connections", async || self.connections() == wanted).await;
    }

    /// Advances the clock. The last seconds pass in small steps, so that each task with a timer of a second has run;
    /// what must have happened by then needs a second or two to spare.
    pub async fn advance(&self, span: Duration) {
        const STEP: Duration = Duration::from_millis(250);
        let last = span.min(Duration::from_secs(3));
        self.clock.advance(span - last);
        for _ in 0..last.as_millis() / STEP.as_millis() {
            sleep_briefly().await;
            self.clock.advance(STEP);
        }
        sleep_briefly().await;
    }

    /// Waits for `future` while time passes, for a future that waits on the clock itself.
    pub async fn while_time_passes<F: Future>(&self, future: F) -> F::Output {
        self.while_at_most(Duration::MAX, future).await
    }

    /// Waits for `future` while at most `span` passes, so that other timers do not fire, however slow the machine is.
    pub async fn while_at_most<F: Future>(&self, span: Duration, future: F) -> F::Output {
        const STEP: Duration = Duration::from_millis(100);
        let mut future = std::pin::pin!(future);
        let mut passed = Duration::ZERO;
        within("something while time passes", async {
            loop {
                tokio::select! {
                    value = &mut future => return value,
                    () = sleep_briefly(), if passed < span => {
                        self.clock.advance(STEP);
                        passed += STEP;
                    }
                }
            }
        })
        .await
    }

    /// The database on PostgreSQL; none on SQLite.
    pub fn database(&self) -> Option<&TestDatabase> {
        self.database.as_ref()
    }

    /// Changes rows directly, bypassing the product.
    pub async fn runs_sql(&self, sql: &str) {
        let connection = match &self.database {
            Some(database) => database.as_superuser().await,
            None => crate::store::tables::open_sqlite(&self.folder.path().join("lotline.db")).await,
        };
        super::postgres::run(&connection, sql).await;
        connection.close().await.unwrap();
    }

    /// Another node on the same database: this one has to find by itself what it commits.
    pub fn another_node(&self) -> Services {
        Services::new(
            self.services.db.clone(),
            self.clock.clone(),
            Entropy,
            SharedState::of_one_node(),
            EphemeralSettings::default(),
        )
    }

    /// Takes all permits to read a page of a log: readers wait until the permits are dropped.
    pub async fn takes_all_replay_permits(&self) -> Vec<LogReadPermit> {
        let scope = TenantScope::for_system(SystemReason::Demo, self.other);
        let mut permits = Vec::new();
        while let Some(permit) = self.services.db.acquire_replay_permit(&scope).now_or_never() {
            permits.push(permit.unwrap());
        }
        permits
    }

    /// Waits until `wanted` readers wait for such a permit.
    pub async fn wait_for_waiting_replays(&self, wanted: usize) {
        let waiting = || self.services.db.replays_waiting();
        self.while_time_passes(async {
            while waiting() < wanted {
                sleep_briefly().await;
            }
        })
        .await;
    }

    /// The node's data folder.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A plain connection of the test to the node's database, bypassing the product.
    pub async fn raw_database(&self) -> sea_orm::DatabaseConnection {
        match &self.database {
            Some(database) => database.as_superuser().await,
            None => crate::store::tables::open_sqlite(&self.folder().join("lotline.db")).await,
        }
    }

    /// The node's settings, read again.
    pub fn settings(&self, extra: &[Setting]) -> lotline::config::Settings {
        settings::load(self.folder.path(), &[], extra)
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

async fn make_tenants(identity: &Identity) -> [TenantId; 2] {
    let acme = bootstrap::create_tenant(identity, ACME, "Acme").await.unwrap();
    let other = bootstrap::create_tenant(identity, OTHER, "Other").await.unwrap();
    [TenantId(acme.id), TenantId(other.id)]
}

/// Logs at the level of `LOTLINE_TEST_LOG`, such as `debug`, for debugging a test.
fn log_to_stderr() {
    if let Ok(filter) = std::env::var("LOTLINE_TEST_LOG") {
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        let _ = log.try_init();
    }
}

/// The time at which every test begins: 2025-11-24 16:00 UTC.
pub fn start_of_time() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_000_000, 0).unwrap()
}
