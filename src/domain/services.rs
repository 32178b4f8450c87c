//! The services of a node, shared by all use cases: a bag that is built above its parts. A part that needs another one
//! takes that one, never the bag.

use std::sync::{Arc, OnceLock};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::ephemeral::{EphemeralSettings, EphemeralState};
use super::error::Result;
use super::idempotency::in_flight::InFlight;
use super::jobs::settings::JobSettings;
use super::jobs::wakeups::JobWakeups;
use super::kept_pages::settings::KeptPages;
use super::limits::{LimitSettings, Limits};
use super::previews::slot::Previews;
use super::properties::export_limit::ExportLimit;
use super::publisher::Publisher;
use super::rooms::membership_cache::MembershipCache;
use super::uploads::store::Uploads;
use crate::auth::principal::Principal;
use crate::auth::revocation::Revocation;
use crate::auth::seal::Seal;
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::ids::NodeId;
use crate::cluster::SharedState;
use crate::cluster::broker::NodeMessage;
use crate::cluster::connection_counts::ConnectionCounts;
use crate::cluster::rate_counters::RateCounters;
use crate::eventlog::LogCache;
use crate::hub::Hub;
use crate::protocol::problem::{Code, Problem};
use crate::storage::{self, Database};
use crate::telemetry::metrics::Metrics;

/// The services of a node, shared by all use cases.
#[derive(Clone)]
pub struct Services {
    pub db: Database,
    pub hub: Arc<Hub>,
    /// Cache of recent log reads, for readers that reconnect together.
    pub log_cache: Arc<LogCache>,
    /// Cache of room memberships, for the same readers.
    pub membership_cache: Arc<MembershipCache>,
    pub clock: Clock,
    pub entropy: Entropy,
    /// Publishes to this node's readers and to other nodes.
    pub publisher: Arc<Publisher>,
    principal_check: Arc<OnceLock<PrincipalCheck>>,
    /// Id of this node in the deployment; newly generated unless the composition root sets it.
    pub node: NodeId,
    /// Wakes claims and crawlers that wait for a job.
    pub wakeups: JobWakeups,
    /// Pauses and limits of the job queue.
    pub job_settings: JobSettings,
    /// Idempotency keys in use; concurrent requests with the same key wait.
    pub in_flight: InFlight,
    /// Metrics, as in `services.metrics.refused(code)`.
    pub metrics: Arc<Metrics>,
    /// Rate limits and quotas of callers and tenants; unlimited unless the composition root sets them.
    pub limits: Arc<Limits>,
    /// Presence, viewers and typing.
    pub ephemeral: Arc<EphemeralState>,
    /// Storage of files; in memory unless the composition root sets another.
    pub uploads: Arc<Uploads>,
    /// How much of the crawler's pages is kept.
    pub kept_pages: Arc<KeptPages>,
    /// How many exports of properties run at once.
    pub exports: ExportLimit,
    /// Reads pages without storing them: set where the built-in crawler runs.
    pub previews: Arc<Previews>,
    /// Encrypts the headers of spiders; with a key of the process unless the composition root sets another.
    pub seal: Arc<Seal>,
    /// Open connections of the deployment.
    pub connection_counts: Arc<dyn ConnectionCounts>,
    /// Rates of the deployment.
    pub rates: Arc<dyn RateCounters>,
}

/// Rejects a caller that has lost the credential or a permission since the request was authenticated.
type PrincipalCheck = Box<dyn Fn(Principal) -> BoxFuture<'static, Result<()>> + Send + Sync>;

/// Maximum attempts to begin a change if its caller has to be read from the store again each time.
const MAX_BEGIN_ATTEMPTS: usize = 4;

impl Services {
    /// The services of a node on a store, with the state that it shares with others.
    pub fn new(
        db: Database,
        clock: Clock,
        entropy: Entropy,
        shared: SharedState,
        ephemeral: EphemeralSettings,
    ) -> Self {
        let SharedState { broker, presence, viewers, connections, rates } = shared;
        let (hub, wakeups) = (Arc::<Hub>::default(), JobWakeups::default());
        let publisher = Arc::new(Publisher::new(Arc::clone(&hub), wakeups.clone(), broker));
        let node = NodeId::new(&clock);
        let metrics = Arc::clone(db.metrics());
        Self {
            db,
            hub,
            log_cache: Arc::default(),
            membership_cache: Arc::default(),
            clock,
            entropy,
            publisher,
            principal_check: Arc::default(),
            node,
            wakeups,
            job_settings: JobSettings::default(),
            in_flight: InFlight::default(),
            metrics,
            limits: Arc::new(Limits::new(LimitSettings::default(), Arc::clone(&rates))),
            ephemeral: Arc::new(EphemeralState::new(ephemeral, presence, viewers)),
            uploads: Arc::default(),
            kept_pages: Arc::default(),
            seal: Arc::new(Seal::temporary(entropy)),
            exports: ExportLimit::default(),
            previews: Arc::default(),
            connection_counts: connections,
            rates,
        }
    }

    /// Sets the check of a caller before each change; only the first call takes effect. Without it a caller
    /// is checked only once, when the request is authenticated.
    pub fn set_principal_check(
        &self,
        check: impl Fn(Principal) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static,
    ) {
        let _ = self.principal_check.set(Box::new(check));
    }

    /// Rejects a caller that has lost the credential or a permission since the request was authenticated.
    pub async fn recheck_principal(&self, principal: &Principal) -> Result<()> {
        match self.principal_check.get() {
            Some(check) => check(principal.clone()).await,
            None => Ok(()),
        }
    }

    /// Begins a change by `principal` and rechecks the principal once the transaction has begun: a revocation may
    /// have been committed while it waited. The check must not read from the store while the transaction is held,
    /// since the read could wait for it: if cached data is not enough, the transaction is dropped first.
    pub async fn begin_for<T, F>(
        &self,
        principal: &Principal,
        begun: impl Future<Output = storage::Result<T>> + Send,
        again: impl Fn() -> F + Send + Sync,
    ) -> Result<T>
    where
        T: Send,
        F: Future<Output = storage::Result<T>> + Send,
    {
        let mut tx = begun.await?;
        for _ in 0..MAX_BEGIN_ATTEMPTS {
            if let Some(judged) = self.recheck_principal(principal).now_or_never() {
                return judged.map(|()| tx);
            }
            drop(tx);
            self.recheck_principal(principal).await?;
            tx = again().await?;
        }
        let words = "Your account is being changed at this moment; try again.";
        Err(Problem::new(Code::Unavailable, words).retry_after(1))
    }

    /// Publishes that credentials have ended, or have changed.
    pub fn publish_revocation(&self, revocation: Revocation) {
        self.publisher.publish(NodeMessage::Revoked(revocation));
    }
}
