//! Joins the log to the hub: reads what the hub misses. A hand-over that was lost between commit and hub, or a whole
//! broker, costs latency and never an event.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::auth::scope::{SystemReason, TenantScope};
use crate::base::ids::TenantId;
use crate::domain::op::Kernel;
use crate::eventlog;
use crate::storage::{self, events};

/// Events read at a time.
const PAGE: u64 = 500;

/// Runs until `stop`; compares the heads every `poll`.
pub async fn run(kernel: Kernel, poll: Duration, stop: CancellationToken) {
    loop {
        let behind = tokio::select! {
            () = stop.cancelled() => return,
            () = kernel.hub.gap_noticed() => Ok(kernel.hub.gaps()),
            () = kernel.clock.sleep(poll) => tenants_behind(&kernel).await,
        };
        let filled = match behind {
            Ok(tenants) => fill(&kernel, tenants).await,
            Err(error) => Err(error),
        };
        if let Err(error) = filled {
            // The next poll tries again; readers meanwhile miss nothing, they wait.
            tracing::warn!(%error, "the log's heads could not be compared");
        }
    }
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

async fn fill(kernel: &Kernel, tenants: Vec<(TenantId, i64)>) -> storage::Result<()> {
    for (tenant_id, mut after) in tenants {
        let scope = TenantScope::for_system(SystemReason::HeadPoll, tenant_id);
        loop {
            let page = eventlog::read_after(&kernel.db, &scope, after, PAGE).await?;
            kernel.hub.committed(tenant_id, &page.envelopes);
            match page.envelopes.last() {
                Some(last) if page.envelopes.len() as u64 == PAGE => after = last.seq(),
                _ => break,
            }
        }
    }
    Ok(())
}
