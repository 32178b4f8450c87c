//! One job.

use super::view;
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;
use crate::storage::TenantTx;
use crate::storage::jobs::{self, JobRow};

pub async fn get(op: &Op, id: JobId) -> Result<Job> {
    op.require(Permission::ReadJobs)?;
    let tx = op.read().await?;
    view::job(&find(&tx, id).await?)
}

/// The row, or the same error as for another tenant's job.
pub(super) async fn find(tx: &TenantTx, id: JobId) -> Result<JobRow> {
    jobs::find(tx, id).await?.ok_or_else(Problem::not_found)
}
