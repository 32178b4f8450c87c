//! Numbers of jobs: for `status_update` and for the tenant's statistics.

use std::collections::BTreeMap;

use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::storage::jobs;

/// Jobs that are pending or running.
pub async fn active(op: &Op) -> Result<u64> {
    op.require(Permission::ReadStatus)?;
    Ok(jobs::active(&op.read().await?).await?)
}

/// Jobs by status; a status without jobs is absent.
pub async fn by_status(op: &Op) -> Result<BTreeMap<String, u64>> {
    op.require(Permission::ReadStats)?;
    let counts = jobs::by_status(&op.read().await?).await?;
    Ok(counts.into_iter().map(|(status, count)| (status, count.unsigned_abs())).collect())
}
