//! A person wants a job that is over to run again.

use super::cancel::{note, require_own};
use super::job::{Report, Turn};
use super::{lease, queue, view};
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::idempotency::Begun;
use crate::domain::op::Op;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;
use crate::storage::jobs;

/// Queues the same job with a new execution. Lost workers are counted anew from it.
pub async fn retry(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::CancelOwnJobs)?;
    let mut change = match op.begin_once().await? {
        Begun::First(change) => change,
        Begun::Again(answer) => return Ok(answer),
    };
    let mut job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    require_own(op, &job)?;
    let step = view::standing(&job)?.advance(Report::Retry, op.now()).map_err(lease::refused)?;
    if step.turn == Turn::Queue {
        note(op, &change.tx, &job, "job.retried").await?;
        job.first_attempt = job.attempt + 1;
        queue::queue(op, &mut change, &mut job).await?;
    }
    let answer = op.commit_once(change, |_| view::job(&job)).await?;
    queue::announce(op, &job);
    Ok(answer)
}
