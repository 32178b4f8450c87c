//! Joins the log to the hub: reads what the hub misses. A hand-over that was lost between commit and hub, or a whole
//! broker, costs latency and never an event.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::auth::scope::{SystemReason, TenantScope};
use crate::base::ids::TenantId;
use crate::domain::op::Kernel;
use crate::eventlog;
use crate::storage::{self, events};

/// Events read at a time.
const PAGE: u64 = 500;

/// When the heads were last compared.
#[derive(Debug)]
pub struct Pulse(AtomicI64);

/// How old the last comparison may be: many times the usual time between two, so that a slow one does no harm.
const STALE: Duration = Duration::from_secs(30);

impl Pulse {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(now.timestamp_micros()))
    }

    /// How long ago it was.
    pub fn age(&self, now: DateTime<Utc>) -> Duration {
        let micros = now.timestamp_micros() - self.0.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Whether they are still compared.
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.age(now) < STALE
    }

    fn beats(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::Relaxed);
    }
}

/// Runs until `stop`; compares the heads every `poll`.
pub async fn run(kernel: Kernel, poll: Duration, pulse: Arc<Pulse>, stop: CancellationToken) {
    loop {
        let filled = tokio::select! {
            () = stop.cancelled() => return,
            () = kernel.hub.gap_noticed() => fill(&kernel, kernel.hub.gaps()).await.map(|_| ()),
            () = kernel.clock.sleep(poll) => compare(&kernel, &pulse).await,
        };
        if let Err(error) = filled {
            // The next poll tries again; readers meanwhile miss nothing, they wait.
            tracing::warn!(%error, "the log's heads could not be compared");
        }
    }
}

async fn compare(kernel: &Kernel, pulse: &Pulse) -> storage::Result<()> {
    let found = fill(kernel, tenants_behind(kernel).await?).await?;
    kernel.metrics.polled_events.add(found);
    pulse.beats(kernel.clock.now());
    Ok(())
}

/// Active tenants whose log has gone on without this node: one query for all of them.
async fn tenants_behind(kernel: &Kernel) -> storage::Result<Vec<(TenantId, i64)>> {
    let cursors = kernel.hub.cursors();
    if cursors.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<TenantId> = cursors.iter().map(|(tenant, _)| *tenant).collect();
    let tx = kernel.db.system(SystemReason::HeadPoll).read().await?;
    let heads = events::heads(&tx, &tenants).await?;
    let ahead = |tenant: &TenantId, seq: i64| heads.iter().any(|(id, head)| id == tenant && *head > seq);
    Ok(cursors.into_iter().filter(|(tenant, seq)| ahead(tenant, *seq)).collect())
}

/// Reads what is missing, and gives the number of events that it found.
async fn fill(kernel: &Kernel, tenants: Vec<(TenantId, i64)>) -> storage::Result<u64> {
    let mut found = 0;
    for (tenant_id, mut after) in tenants {
        let scope = TenantScope::for_system(SystemReason::HeadPoll, tenant_id);
        loop {
            let page = eventlog::read_after(&kernel.db, &scope, after, PAGE).await?;
            found += page.envelopes.len() as u64;
            kernel.hub.committed(tenant_id, &page.envelopes);
            match page.envelopes.last() {
                Some(last) if page.envelopes.len() as u64 == PAGE => after = last.seq(),
                _ => break,
            }
        }
    }
    Ok(found)
}
