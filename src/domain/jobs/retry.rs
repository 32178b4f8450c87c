//! Retries a finished job on a user's request.

use super::cancel::{audit_job_action, require_own};
use super::state::{Action, JobInput};
use super::{enqueue, lease, view};
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;
use crate::storage::jobs;

/// Queues the same job with a new execution. Lost workers are counted anew from it.
pub async fn retry(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::CancelOwnJobs)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let mut job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    require_own(op, &job)?;
    let step =
        view::job_state(&job)?.advance(JobInput::Retry, op.now()).map_err(lease::transition_problem)?;
    if step.action == Action::Enqueue {
        audit_job_action(op, &change.tx, &job, "job.retried").await?;
        job.first_attempt = job.attempt + 1;
        enqueue::enqueue(op, &mut change, &mut job).await?;
    }
    let answer = op.commit_idempotent(change, |_| view::job(&job)).await?;
    enqueue::notify_waiting_claim(op, &job);
    Ok(answer)
}
