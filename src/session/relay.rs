//! Feeds the hub from the log: reads what the hub misses. A notification that was lost between commit and hub, or a
//! whole broker, costs latency and never an event.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use crate::auth::tenant_scope::{SystemReason, TenantScope};
use crate::base::ids::TenantId;
use crate::domain::op::Services;
use crate::eventlog;
use crate::hub::Closing;
use crate::protocol::position::Position;
use crate::storage::{self, events};

/// Events read at a time.
const PAGE: u64 = 500;

/// The time at which the heads were last compared.
#[derive(Debug)]
pub struct Liveness(AtomicI64);

/// Maximum age of the last comparison: many times the usual interval, so that a slow one does no harm.
const STALE: Duration = Duration::from_secs(30);

impl Liveness {
    pub fn new(now: DateTime<Utc>) -> Self {
        Self(AtomicI64::new(now.timestamp_micros()))
    }

    /// The time since the last comparison.
    pub fn age(&self, now: DateTime<Utc>) -> Duration {
        let micros = now.timestamp_micros() - self.0.load(Ordering::Relaxed);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    /// Whether the heads are still compared.
    pub fn is_alive(&self, now: DateTime<Utc>) -> bool {
        self.age(now) < STALE
    }

    fn record(&self, now: DateTime<Utc>) {
        self.0.store(now.timestamp_micros(), Ordering::Relaxed);
    }
}

/// Runs until `stop`; compares the heads every `poll`.
pub async fn run(services: Services, poll: Duration, liveness: Arc<Liveness>, stop: CancellationToken) {
    loop {
        let filled = tokio::select! {
            () = stop.cancelled() => return,
            () = services.hub.gap_noticed() => fill(&services, services.hub.gaps()).await.map(|_| ()),
            () = services.clock.sleep(poll) => poll_heads(&services, &liveness).await,
        };
        if let Err(error) = filled {
            // The next poll tries again; meanwhile readers wait and miss nothing.
            tracing::warn!(%error, "the log's heads could not be compared");
        }
    }
}

async fn poll_heads(services: &Services, liveness: &Liveness) -> storage::Result<()> {
    services.db.refresh_identity().await?;
    let found = fill(services, tenants_behind(services).await?).await?;
    services.metrics.polled_events.add(found);
    liveness.record(services.clock.now());
    Ok(())
}

/// Active tenants with a log that is ahead of this node: one query for all of them.
async fn tenants_behind(services: &Services) -> storage::Result<Vec<(TenantId, Position)>> {
    let cursors = services.hub.cursors();
    if cursors.is_empty() {
        return Ok(Vec::new());
    }
    let tenants: Vec<TenantId> = cursors.iter().map(|(tenant, _)| *tenant).collect();
    let tx = services.db.system(SystemReason::HeadPoll).read().await?;
    let heads: HashMap<TenantId, i64> = events::heads(&tx, &tenants).await?.into_iter().collect();
    let is_behind =
        |tenant: &TenantId, cursor: &Position| heads.get(tenant).is_some_and(|head| *head > cursor.seq);
    Ok(cursors.into_iter().filter(|(tenant, cursor)| is_behind(tenant, cursor)).collect())
}

/// Reads what is missing, and returns the number of events that it found. The tenants take turns, a page each, and a
/// log that cannot be read affects only its own tenant.
async fn fill(services: &Services, tenants: Vec<(TenantId, Position)>) -> storage::Result<u64> {
    let mut found = 0;
    let mut queue = VecDeque::from(tenants);
    while let Some((tenant_id, cursor)) = queue.pop_front() {
        match fill_page(services, tenant_id, cursor).await {
            Ok(page) => {
                found += page.events;
                queue.extend(page.next_cursor.map(|cursor| (tenant_id, cursor)));
            }
            // It would be the same for all tenants, after as long a wait.
            Err(error @ storage::Error::Unavailable(_)) => return Err(error),
            Err(error) => {
                tracing::warn!(%error, tenant.id = %tenant_id, "a log could not be read; the next poll tries again");
            }
        }
    }
    Ok(found)
}

/// The result of reading a page.
struct PageResult {
    events: u64,
    /// The cursor after which there may be more.
    next_cursor: Option<Position>,
}

async fn fill_page(
    services: &Services,
    tenant_id: TenantId,
    cursor: Position,
) -> storage::Result<PageResult> {
    let scope = TenantScope::for_system(SystemReason::HeadPoll, tenant_id);
    let page = eventlog::read_missing(&services.db, &scope, cursor.seq, PAGE).await?;
    let found = page.envelopes.len() as u64;
    if page.head.epoch != cursor.epoch {
        // The log was replaced: the supervisor notices that and closes all connections.
        return Ok(PageResult { events: 0, next_cursor: None });
    }
    if page.head.trimmed > cursor.seq {
        tracing::warn!(tenant.id = %tenant_id, "retention was faster than this node; its readers have to resume");
        services.hub.skip_to(tenant_id, page.head.trimmed, &Closing::to_resume());
    }
    services.hub.publish_committed(tenant_id, &page.envelopes);
    let last = page.envelopes.last().map(|last| last.position);
    Ok(PageResult { events: found, next_cursor: last.filter(|_| found == PAGE) })
}
