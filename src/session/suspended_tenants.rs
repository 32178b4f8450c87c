//! Closes the connections, and drops the cached accounts, of tenants that were suspended or removed. The node that
//! does so publishes it itself; this finds what another process that shares the database has done.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::registry::ConnectionRegistry;
use crate::auth::revocation::Revocation;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::storage::{self, tenant_removal};

/// Interval of the check: one query for all tenants.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Runs until `stop`.
pub async fn run(registry: Arc<ConnectionRegistry>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = registry.clock().sleep(POLL_INTERVAL) => {}
        }
        match find_suspended(&registry).await {
            Ok(departed) => {
                departed
                    .into_iter()
                    .for_each(|tenant| registry.services.publish_revocation(Revocation::Tenant(tenant)));
            }
            Err(error) => tracing::warn!(%error, "the tenants that are here could not be looked at"),
        }
    }
}

/// Suspended or removed tenants that have connections or cached accounts here.
async fn find_suspended(registry: &ConnectionRegistry) -> storage::Result<Vec<TenantId>> {
    let mut in_use: HashSet<TenantId> = registry.limiter.tenants_here().into_iter().collect();
    in_use.extend(registry.identity.cached_tenants());
    if in_use.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<TenantId> = in_use.into_iter().collect();
    let tx = registry.services.db.system(SystemReason::CredentialLookup).read().await?;
    let active = tenant_removal::active(&tx, &ids).await?;
    Ok(ids.into_iter().filter(|id| !active.contains(id)).collect())
}
