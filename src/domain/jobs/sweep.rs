//! Expires the leases of silent workers: to be called about every second, by any node or by all.

use super::end::{CANCELLED, WORKER_LOST, close_execution, end};
use super::state::{Action, JobInput, Outcome};
use super::{alert, enqueue, events, logs, lost_pages, view};
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::eventlog::EventTx;
use crate::protocol::job::ExecutionStatus;
use crate::storage::jobs::{self, JobRow};
use crate::storage::micros;

/// Jobs of one pass; the next one finds the rest.
const BATCH: u64 = 500;

/// Requeues or ends every job with an expired lease and returns their number. Each is a transaction of its
/// own; one that fails is logged and does not delay the others.
pub async fn sweep_leases(services: &Services) -> Result<usize> {
    let found = {
        let tx = services.db.system(SystemReason::LeaseSweep).read().await?;
        jobs::expired(&tx, micros(services.clock.now()), BATCH).await?
    };
    let mut taken = 0;
    for (tenant, id) in found {
        let op = Op::of_system(services, SystemReason::LeaseSweep, tenant);
        match expire_lease(&op, id).await {
            Ok(true) => taken += 1,
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(%problem, tenant.id = %tenant, job.id = %id, "an expired lease was not handled");
            }
        }
    }
    Ok(taken)
}

async fn expire_lease(op: &Op, id: JobId) -> Result<bool> {
    let mut change = op.begin().await?;
    let Some(mut job) = jobs::lock(&change.tx, id).await? else {
        return Ok(false);
    };
    // A report may have extended the lease since, or another node's sweep was first.
    if job.lease_expires_at.is_none_or(|until| until > micros(op.now())) {
        return Ok(false);
    }
    let Ok(step) = view::job_state(&job)?.advance(JobInput::LeaseEnd, op.now()) else {
        return Ok(false);
    };
    let lines = lost_pages::flag_suspects(op, &change, &job, step.action).await?;
    match step.action {
        Action::Enqueue => requeue(op, &mut change, &mut job).await?,
        Action::End(Outcome::WorkerLost) => {
            job.error = Some(WORKER_LOST.to_owned());
            end(op, &mut change, &mut job, Outcome::WorkerLost).await?;
        }
        Action::End(ending) => {
            job.finish_reason = Some(CANCELLED.to_owned());
            end(op, &mut change, &mut job, ending).await?;
        }
        Action::Unchanged
        | Action::GrantLease
        | Action::RecordProgress(_)
        | Action::RequestCancel
        | Action::ReturnToQueue => return Ok(false),
    }
    op.commit(change).await?;
    logs::publish_ephemeral(op, &job, &lines);
    if step.action == Action::Enqueue {
        enqueue::notify_waiting_claim(op, &job);
    }
    op.services.metrics.leases_lost.inc();
    Ok(true)
}

/// Emits what is pending and ends the execution as lost; the next one waits, after a pause.
async fn requeue(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    events::emit_pending_progress(op, change, job)?;
    close_execution(op, change, job, ExecutionStatus::Lost).await?;
    enqueue::enqueue_after_loss(op, change, job).await?;
    alert::worker_lost(op, change, job).await
}
