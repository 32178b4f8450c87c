//! How many jobs there are: for `status_update` and for the tenant's figures.

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

/// Jobs by status; a status that none has is absent.
pub async fn by_status(op: &Op) -> Result<BTreeMap<String, u64>> {
    op.require(Permission::ReadStats)?;
    let counts = jobs::by_status(&op.read().await?).await?;
    Ok(counts.into_iter().map(|(status, count)| (status, count.unsigned_abs())).collect())
}
