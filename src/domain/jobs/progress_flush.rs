//! Emits merged progress: to be called about every quarter of a second, by any node or by all.

use std::collections::BTreeMap;

use super::events;
use super::state::MIN_PROGRESS_INTERVAL;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{JobId, TenantId};
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::storage::{jobs, micros};

/// Jobs of one pass; the next pass is a quarter of a second away.
const BATCH: u64 = 1_000;

/// Emits what is pending and due, tenant by tenant, and returns the number of jobs. A tenant that fails is
/// logged and does not delay the others.
pub async fn flush_progress(services: &Services) -> Result<usize> {
    let now = services.clock.now();
    let found = {
        let tx = services.db.system(SystemReason::MergedWrite).read().await?;
        jobs::with_pending_progress(&tx, micros(now - MIN_PROGRESS_INTERVAL), micros(now), BATCH).await?
    };
    let mut of_tenants: BTreeMap<TenantId, Vec<JobId>> = BTreeMap::new();
    for (tenant, job) in found {
        of_tenants.entry(tenant).or_default().push(job);
    }
    let mut emitted = 0;
    for (tenant, ids) in of_tenants {
        let op = Op::of_system(services, SystemReason::MergedWrite, tenant);
        match emit_all(&op, &ids).await {
            Ok(count) => emitted += count,
            Err(problem) => tracing::warn!(%problem, tenant.id = %tenant, "merged progress was not emitted"),
        }
    }
    Ok(emitted)
}

async fn emit_all(op: &Op, ids: &[JobId]) -> Result<usize> {
    let mut change = op.begin().await?;
    let mut emitted = 0;
    for mut job in jobs::lock_all(&change.tx, ids).await? {
        // A report or another node's timer may have emitted it since.
        if job.progress_pending {
            events::emit_pending_progress(op, &mut change, &mut job)?;
            jobs::save(&change.tx, &job).await?;
            emitted += 1;
        }
    }
    op.commit(change).await?;
    Ok(emitted)
}
