//! A job begins to wait for a worker: each time with a new execution.

use super::tell;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::Change;
use crate::protocol::job::JobStatus;
use crate::storage::jobs::JobRow;
use crate::storage::{executions, jobs, micros};

/// Makes the next execution, with figures that begin anew, and saves the job. Ring the bell after the commit.
pub(super) async fn queue(op: &Op, change: &mut Change, job: &mut JobRow) -> Result<()> {
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
    tell::queued(op, change, job)
}
