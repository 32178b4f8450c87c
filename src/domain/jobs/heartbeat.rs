//! A worker is still at work.

use super::job::Report;
use super::lease::{self, Lease};
use crate::domain::error::Result;
use crate::domain::op::Op;
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
