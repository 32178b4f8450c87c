//! The figure of jobs in `status_update`.

use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::storage::jobs;

/// Jobs that are pending or running.
pub async fn active(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    Ok(jobs::active(&op.read().await?).await?)
}
