//! What silent workers held is taken back: to be called about every second, by any node or by all.

use super::end::{CANCELLED, WORKER_LOST, close_execution, end};
use super::job::{Ending, Report, Turn};
use super::{alert, logs, lost_pages, queue, tell, view};
use crate::auth::scope::SystemReason;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::{Kernel, Op};
use crate::eventlog::Change;
use crate::protocol::job::ExecutionStatus;
use crate::storage::jobs::{self, JobRow};
use crate::storage::micros;

/// Jobs of one pass; what is left is found by the next.
const PASS: u64 = 500;

/// Takes back every job whose lease has ended and gives their number. Each is a transaction of its own; one that
/// fails is logged and does not hold up the others.
pub async fn sweep_leases(kernel: &Kernel) -> Result<usize> {
    let found = {
        let tx = kernel.db.system(SystemReason::LeaseSweep).read().await?;
        jobs::expired(&tx, micros(kernel.clock.now()), PASS).await?
    };
    let mut taken = 0;
    for (tenant, id) in found {
        let op = Op::of_system(kernel, SystemReason::LeaseSweep, tenant);
        match take_back(&op, id).await {
            Ok(true) => taken += 1,
            Ok(false) => {}
            Err(problem) => {
                tracing::warn!(%problem, tenant.id = %tenant, job.id = %id, "a lease that ended was not taken back");
            }
        }
    }
    Ok(taken)
}

async fn take_back(op: &Op, id: JobId) -> Result<bool> {
    let mut change = op.begin().await?;
    let Some(mut job) = jobs::lock(&change.tx, id).await? else {
        return Ok(false);
    };
    // A report may have extended the lease since, or another node's sweep was first.
    if job.lease_expires_at.is_none_or(|until| until > micros(op.now())) {
        return Ok(false);
    }
    let Ok(step) = view::standing(&job)?.advance(Report::LeaseEnd, op.now()) else {
        return Ok(false);
    };
    let lines = lost_pages::note(op, &change, &job, step.turn).await?;
    match step.turn {
        Turn::Queue => requeue(op, &mut change, &mut job).await?,
        Turn::End(Ending::WorkerLost) => {
            job.error = Some(WORKER_LOST.to_owned());
            end(op, &mut change, &mut job, Ending::WorkerLost).await?;
        }
        Turn::End(ending) => {
            job.finish_reason = Some(CANCELLED.to_owned());
            end(op, &mut change, &mut job, ending).await?;
        }
        Turn::Stay | Turn::Lease | Turn::Advance(_) | Turn::AskToStop | Turn::GiveBack => return Ok(false),
    }
    op.commit(change).await?;
    logs::pass(op, &job, &lines);
    if step.turn == Turn::Queue {
        queue::announce(op, &job);
    }
    op.kernel.metrics.leases_lost.one();
    Ok(true)
}

/// The execution is lost with what it had pending; the next one waits, and pauses before that.
async fn requeue(op: &Op, change: &mut Change, job: &mut JobRow) -> Result<()> {
    tell::pending_progress(op, change, job)?;
    close_execution(op, change, job, ExecutionStatus::Lost).await?;
    queue::queue_after_loss(op, change, job).await?;
    alert::worker_lost(op, change, job).await
}
