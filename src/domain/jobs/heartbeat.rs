//! A worker is still at work, or asks whether it shall stop.

use super::job::Report;
use super::lease::{self, Lease};
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::ReportAnswer;
use crate::storage::jobs;

/// Extends the lease and tells nobody.
pub async fn heartbeat(op: &Op, lease: &Lease<'_>) -> Result<ReportAnswer> {
    let change = op.begin().await?;
    let (mut job, _) = lease::held(op, &change, lease, Report::Heartbeat).await?;
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    op.commit(change).await?;
    lease::answer(&job, None)
}

/// Whether the job shall stop: what a worker asks that has nothing to report and whose lease lasts. Changes nothing, and
/// unlike a report costs no write.
pub async fn shall_stop(op: &Op, lease: &Lease<'_>) -> Result<bool> {
    op.require(Permission::RunJobs)?;
    let tx = op.read().await?;
    let job = jobs::find(&tx, lease.job_id).await?.ok_or_else(Problem::not_found)?;
    if lease::holds(op, &job, &lease::hash(lease.token)) {
        Ok(job.cancel_requested)
    } else {
        Err(lease::lost())
    }
}
