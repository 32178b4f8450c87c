//! Queues a job for a worker: each time with a new execution, and a waiting claim is woken.

use super::events;
use super::wakeups::QueuedJob;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::job::JobStatus;
use crate::protocol::spider::Runner;
use crate::storage::jobs::JobRow;
use crate::storage::{executions, jobs, micros};

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

/// Wakes a claim that may take the job, if it can be claimed at once.
pub(super) fn notify_waiting_claim(op: &Op, job: &JobRow) {
    if job.not_before.is_some_and(|at| at > micros(op.now())) {
        return;
    }
    let queued = if job.runner == Runner::Builtin.name() {
        QueuedJob::Builtin
    } else {
        QueuedJob::External { spider_name: job.spider_name.clone(), not_for: None }
    };
    op.services.wakeups.notify(op.scope.tenant_id(), queued);
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
