//! Ends a job: emits pending progress, then the end, then the alerts, all in the transaction of the change.

use super::state::Outcome;
use super::{alert, events};
use crate::base::ids::{ExecutionId, JobId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::properties::summary::emit_summary;
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::storage::jobs::JobRow;
use crate::storage::{Error, crawl_urls, executions, job_items, jobs, micros};

/// The error of a job that lost all its workers.
pub(super) const WORKER_LOST: &str = "worker_lost";
/// The finish reason of a cancelled job.
pub(super) const CANCELLED: &str = "cancelled";

/// Ends the job and its execution and saves both. Its `finish_reason` and `error` are set before.
pub(super) async fn end(op: &Op, change: &mut EventTx, job: &mut JobRow, outcome: Outcome) -> Result<()> {
    events::emit_last_progress(op, change, job)?;
    emit_summary(op, change, job).await?;
    let (job_status, execution_status) = match outcome {
        Outcome::Completed => (JobStatus::Completed, ExecutionStatus::Completed),
        Outcome::Failed => (JobStatus::Failed, ExecutionStatus::Failed),
        Outcome::Cancelled => (JobStatus::Cancelled, ExecutionStatus::Cancelled),
        Outcome::WorkerLost => (JobStatus::Failed, ExecutionStatus::Lost),
    };
    job.status = job_status.name().to_owned();
    job.finished_at = Some(micros(op.now()));
    close_execution(op, change, job, execution_status).await?;
    jobs::save(&change.tx, job).await?;
    // A retried job starts anew; one that lost its worker is not finished and continues from its frontier.
    crawl_urls::delete_of_job(&change.tx, JobId(job.id)).await?;
    match outcome {
        Outcome::Completed => emit_completed(op, change, job).await,
        Outcome::Cancelled => events::emit_cancelled(op, change, job),
        Outcome::Failed | Outcome::WorkerLost => {
            events::emit_failed(op, change, job)?;
            alert::job_failed(op, change, job).await
        }
    }
}

async fn emit_completed(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let total_items = job_items::count(&change.tx, execution_id(job)?).await?;
    events::emit_completed(op, change, job, total_items)?;
    if total_items == 0 {
        alert::no_items(op, change, job).await?;
    }
    Ok(())
}

/// Copies the job's figures into its execution, ends that, and releases the lease. The execution keeps the
/// lease's hash, so that a worker that repeats its final report is recognised.
pub(super) async fn close_execution(
    op: &Op,
    change: &EventTx,
    job: &mut JobRow,
    status: ExecutionStatus,
) -> Result<()> {
    let found = executions::find(&change.tx, execution_id(job)?).await?;
    let mut execution = found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?;
    execution.status = status.name().to_owned();
    execution.finished_at = Some(micros(op.now()));
    execution.items_scraped = job.items_scraped;
    execution.pages_crawled = job.pages_crawled;
    execution.finish_reason = job.finish_reason.clone();
    execution.error = job.error.clone();
    execution.stats = job.stats.clone();
    executions::save(&change.tx, &execution).await?;
    job.updated_at = micros(op.now());
    job.lease_hash = None;
    job.lease_expires_at = None;
    job.not_before = None;
    Ok(())
}

pub(super) fn execution_id(job: &JobRow) -> Result<ExecutionId, Error> {
    job.execution_id.map(ExecutionId).ok_or_else(|| Error::Corrupt("a job without an execution".to_owned()))
}
