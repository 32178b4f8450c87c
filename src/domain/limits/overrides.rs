//! The operators' overrides of quotas, as this node knows them. They are read from the store periodically, so that a
//! node learns of those that were made at another.

use std::collections::HashMap;

use super::quota::Quotas;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::protocol::problem::Problem;
use crate::storage::tenants::{self, TenantRow};

/// Reads the overrides of all tenants. Tenants without any cost nothing.
pub async fn refresh(services: &Services) -> Result<()> {
    let tx = services.db.system(SystemReason::Quota).read().await?;
    let rows = tenants::with_quotas(&tx).await?;
    drop(tx);
    let overrides: Result<HashMap<_, _>> =
        rows.iter().map(|row| Ok((TenantId(row.id), parse(row)?))).collect();
    *services.limits.overrides.write() = overrides?;
    Ok(())
}

/// The overrides of one tenant.
pub fn parse(row: &TenantRow) -> Result<Quotas> {
    Quotas::from_json(row.quotas.as_deref()).map_err(|error| {
        tracing::error!(%error, tenant.id = row.id, "the stored quotas of a tenant are not readable");
        Problem::internal()
    })
}
