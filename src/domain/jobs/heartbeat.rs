//! A worker extends its lease, or asks whether it shall stop.

use super::lease::{self, Lease};
use super::state::JobInput;
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::ReportResponse;
use crate::storage::jobs;

/// Extends the lease and emits no event.
pub async fn heartbeat(op: &Op, lease: &Lease<'_>) -> Result<ReportResponse> {
    let change = op.begin().await?;
    let (mut job, _) = lease::require(op, &change, lease, JobInput::Heartbeat).await?;
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    lease::report_answer(&job, None)
}

/// Whether the job shall stop, for a worker with nothing to report and a valid lease. Changes nothing, and
/// unlike a report costs no write.
pub async fn is_cancel_requested(op: &Op, lease: &Lease<'_>) -> Result<bool> {
    op.require(Permission::RunJobs)?;
    let tx = op.read().await?;
    let job = jobs::find(&tx, lease.job_id).await?.ok_or_else(Problem::not_found)?;
    if lease::is_held(op, &job, &lease::hash(lease.token)) {
        Ok(job.cancel_requested)
    } else {
        Err(lease::lease_lost())
    }
}
