//! A worker returns a job before it is done: the server's own crawler when its node stops.

use super::end::{CANCELLED, end, execution_id};
use super::lease::{self, Lease};
use super::state::{Action, JobInput};
use super::{enqueue, events, lost_pages};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::storage::jobs::JobRow;
use crate::storage::{Error, executions, jobs, micros};

/// Returns the job, so that another worker can take it at once. The execution and its figures continue: no
/// worker was lost, and it does not count as an execution. A job with a cancel request is cancelled instead.
pub async fn release(op: &Op, lease: &Lease<'_>) -> Result<()> {
    let mut change = op.begin().await?;
    let (mut job, step) = lease::require(op, &change, lease, JobInput::Release).await?;
    if let Action::End(ending) = step.action {
        job.finish_reason = Some(CANCELLED.to_owned());
        end(op, &mut change, &mut job, ending).await?;
    } else {
        return_to_queue(op, &mut change, &mut job).await?;
    }
    op.commit(change).await?;
    if job.finished_at.is_none() {
        enqueue::notify_waiting_claim(op, &job);
    }
    Ok(())
}

async fn return_to_queue(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    events::emit_pending_progress(op, change, job)?;
    let found = executions::find(&change.tx, execution_id(job)?).await?;
    let mut execution = found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?;
    execution.status = ExecutionStatus::Pending.name().to_owned();
    execution.started_at = None;
    execution.worker = None;
    execution.lease_hash = None;
    executions::save(&change.tx, &execution).await?;
    job.status = JobStatus::Pending.name().to_owned();
    job.updated_at = micros(op.now());
    job.started_at = None;
    job.lease_hash = None;
    job.lease_expires_at = None;
    // The next worker numbers its reports anew.
    job.progress_sequence = -1;
    job.not_before = None;
    job.claimed_by = None;
    lost_pages::requeue_pages(change, job).await?;
    jobs::save(&change.tx, job).await?;
    events::emit_queued(op, change, job)
}
