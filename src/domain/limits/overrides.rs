//! The operators' word on quotas, as this node knows it. It is read from the store now and then, so that a node learns
//! what was said at another.

use std::collections::HashMap;

use super::quota::Quotas;
use crate::auth::scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Kernel;
use crate::protocol::problem::Problem;
use crate::storage::tenants::{self, TenantRow};

/// Reads what operators said of every tenant. Those of whom nothing was said cost nothing.
pub async fn refresh(kernel: &Kernel) -> Result<()> {
    let tx = kernel.db.system(SystemReason::Quota).read().await?;
    let rows = tenants::with_quotas(&tx).await?;
    drop(tx);
    let said: Result<HashMap<_, _>> = rows.iter().map(|row| Ok((TenantId(row.id), of(row)?))).collect();
    *kernel.limits.overrides.write() = said?;
    Ok(())
}

/// What was said of one tenant.
pub fn of(row: &TenantRow) -> Result<Quotas> {
    Quotas::from_json(row.quotas.as_deref()).map_err(|error| {
        tracing::error!(%error, tenant.id = row.id, "the stored quotas of a tenant are not readable");
        Problem::internal()
    })
}
