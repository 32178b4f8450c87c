//! Cancels a job on a user's request.

use super::end::{CANCELLED, end};
use super::state::{Action, JobInput};
use super::{lease, view};
use crate::auth::permission::Permission;
use crate::base::ids::{JobId, UserId};
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::{AuditEntry, Op, forbidden};
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;
use crate::storage::jobs::{self, JobRow};
use crate::storage::{TenantTx, micros};

/// A pending job is cancelled at once. The worker of a running one learns of it with its next report; the job
/// is cancelled when the worker completes it as such, or when its lease ends.
pub async fn cancel(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::CancelOwnJobs)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let mut job = jobs::lock(&change.tx, id).await?.ok_or_else(Problem::not_found)?;
    require_own(op, &job)?;
    let step =
        view::job_state(&job)?.advance(JobInput::Cancel, op.now()).map_err(lease::transition_problem)?;
    match step.action {
        Action::End(ending) => {
            job.finish_reason = Some(CANCELLED.to_owned());
            audit_job_action(op, &change.tx, &job, "job.cancelled").await?;
            end(op, &mut change, &mut job, ending).await?;
        }
        Action::RequestCancel => {
            audit_job_action(op, &change.tx, &job, "job.cancel_requested").await?;
            job.cancel_requested = true;
            job.updated_at = micros(op.now());
            jobs::save(&change.tx, &job).await?;
        }
        Action::Unchanged
        | Action::GrantLease
        | Action::RecordProgress(_)
        | Action::Enqueue
        | Action::ReturnToQueue => {}
    }
    op.commit_idempotent(change, |_| view::job(&job)).await
}

/// Writes an audit entry if the job belongs to another user.
pub(super) async fn audit_job_action(
    op: &Op,
    tx: &TenantTx,
    job: &JobRow,
    action: &'static str,
) -> Result<()> {
    let detail = Some(serde_json::json!({ "created_by": job.created_by }));
    let entry = AuditEntry { action, target_kind: "job", target_id: job.id.to_string(), detail };
    op.audit_unless_own(tx, UserId(job.created_by), entry).await
}

/// Allows one's own job, or any job with the permission.
pub(super) fn require_own(op: &Op, job: &JobRow) -> Result<()> {
    let owner = op.principal().and_then(|principal| principal.owner_id());
    let own = owner.is_some_and(|owner| owner.0 == job.created_by);
    if own || op.may(Permission::CancelAnyJob) { Ok(()) } else { Err(forbidden(Permission::CancelAnyJob)) }
}
