//! The node's health: whether it is ready.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::relay::Liveness;
use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::protocol::problem::{Code, Problem};
use crate::storage::{self, Database, tenants};
use crate::telemetry::watchdog::Probe;

/// How long the database may take to answer the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

/// The node's state for probes and metrics.
pub struct NodeHealth {
    pub started_at: DateTime<Utc>,
    /// Recorded when the heads of the logs are compared.
    pub relay_liveness: Arc<Liveness>,
    /// Recorded while the runtime runs its tasks.
    pub runtime_probe: Arc<Probe>,
    /// When the jobs of all tenants were counted last for the metrics.
    pub(super) jobs_counted_at: Mutex<Option<DateTime<Utc>>>,
}

impl NodeHealth {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self {
            started_at: now,
            relay_liveness: Arc::new(Liveness::new(now)),
            runtime_probe: Arc::default(),
            jobs_counted_at: Mutex::new(None),
        }
    }

    /// Fails with the reason why the node cannot serve, if there is one.
    pub async fn check_ready(&self, services: &Services, is_leaving: bool) -> Result<()> {
        let not_ready = |words: &'static str| Err(Problem::new(Code::Unavailable, words).retry_after(1));
        if is_leaving {
            return not_ready("The server is restarting.");
        }
        let answered = tokio::select! {
            answered = probe(&services.db) => answered,
            () = services.clock.sleep(PROBE_TIMEOUT) => return not_ready("The database does not answer in time."),
        };
        if let Err(error) = answered {
            tracing::warn!(%error, "the database does not answer the probe of readiness");
            return match error {
                storage::Error::Full(_) => not_ready("The database's disk is full."),
                _ => not_ready("The database does not answer."),
            };
        }
        if !self.relay_liveness.is_alive(services.clock.now()) {
            return not_ready("The heads of the logs are not compared any more.");
        }
        Ok(())
    }
}

/// Reads; and after a write has failed because the disk was full, tests with a write whether there is room again.
async fn probe(db: &Database) -> storage::Result<()> {
    let tx = db.system(SystemReason::Health).read().await?;
    tenants::probe(&tx).await?;
    drop(tx);
    if db.writes().is_disk_full() {
        let tx = db.system(SystemReason::Health).begin().await?;
        tenants::probe_write(&tx).await?;
        tx.commit().await?;
        db.writes().clear_disk_full();
    }
    Ok(())
}
