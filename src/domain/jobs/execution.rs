//! An execution of a job: it is queued, begins, and ends. Its events and alerts are emitted in the
//! transaction of the change.

use super::events;
use super::state::Outcome;
use super::view::execution_id;
use super::wakeups::QueuedJob;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::properties::summary::emit_summary;
use crate::eventlog::EventTx;
use crate::protocol::job::{ExecutionStatus, JobStatus};
use crate::protocol::spider::Runner;
use crate::storage::executions::ExecutionRow;
use crate::storage::jobs::JobRow;
use crate::storage::{Error, crawl_urls, executions, job_items, jobs, micros};

/// The error of a job that lost all its workers.
pub(super) const WORKER_LOST: &str = "worker_lost";
/// The finish reason of a cancelled job.
pub(super) const CANCELLED: &str = "cancelled";

/// Creates the next execution with reset figures, and saves the job, which can be claimed at once. Must be
/// followed by [`notify_waiting_claim`] after the commit.
pub(super) async fn enqueue(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    job.claimed_by = None;
    job.not_before = None;
    next_execution(op, change, job).await
}

/// The same after a worker was lost: the job pauses, and then its last holder leaves it to others for a while.
pub(super) async fn enqueue_after_loss(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    let losses = job.attempt + 1 - job.first_attempt;
    job.not_before = Some(micros(op.services.job_settings.not_before(losses, op.now())));
    next_execution(op, change, job).await
}

async fn next_execution(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    let now = micros(op.now());
    job.attempt += 1;
    let execution = executions::insert(&change.tx, JobId(job.id), job.attempt, now).await?;
    job.status = JobStatus::Pending.name().to_owned();
    job.updated_at = now;
    job.started_at = None;
    job.finished_at = None;
    job.items_scraped = 0;
    job.pages_crawled = 0;
    job.finish_reason = None;
    job.error = None;
    job.stats = None;
    job.execution_id = Some(execution.id);
    job.cancel_requested = false;
    job.lease_hash = None;
    job.lease_expires_at = None;
    job.progress_sequence = -1;
    job.progress_pending = false;
    jobs::save(&change.tx, job).await?;
    events::emit_queued(op, change, job)
}

/// Wakes a claim that may take the job, if it can be claimed at once.
pub(in crate::domain) fn notify_waiting_claim(op: &Op, job: &JobRow) {
    if job.not_before.is_some_and(|at| at > micros(op.now())) {
        return;
    }
    let queued = if job.runner == Runner::Builtin.name() {
        QueuedJob::Builtin
    } else {
        QueuedJob::External { spider_name: job.spider_name.clone(), not_for: None }
    };
    op.services.publisher.publish_job(op.scope.tenant_id(), queued);
}

/// Sets the job and its execution to running, and emits that. The caller saves the job.
pub(super) async fn begin_execution(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    let now = micros(op.now());
    let mut execution = current_execution(change, job).await?;
    execution.status = ExecutionStatus::Running.name().to_owned();
    execution.started_at = Some(now);
    executions::save(&change.tx, &execution).await?;
    job.status = JobStatus::Running.name().to_owned();
    job.started_at = Some(now);
    events::emit_started(op, change, job)
}

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
            events::alert_job_failed(op, change, job).await
        }
    }
}

async fn emit_completed(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let total_items = job_items::count(&change.tx, execution_id(job)?).await?;
    events::emit_completed(op, change, job, total_items)?;
    if total_items == 0 {
        events::alert_no_items(op, change, job).await?;
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
    let mut execution = current_execution(change, job).await?;
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

/// The row of the job's current execution.
pub(super) async fn current_execution(change: &EventTx, job: &JobRow) -> Result<ExecutionRow> {
    let found = executions::find(&change.tx, execution_id(job)?).await?;
    Ok(found.ok_or_else(|| Error::Corrupt("a job whose execution is gone".to_owned()))?)
}
