//! How many exports run at once on this node: at most [`AT_ONCE`], and of one tenant [`OF_A_TENANT`]. Each holds a page
//! of properties in memory and one transaction at a time.

use crate::base::fair_semaphore::{FairPermit, FairSemaphore};
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::protocol::problem::{Code, Problem};

/// Exports of all tenants.
pub const AT_ONCE: usize = 16;
/// Exports of one tenant.
pub const OF_A_TENANT: usize = 2;
/// Seconds after which a refused export is worth another try.
const RETRY_AFTER: u32 = 10;

/// The permits of this node.
#[derive(Clone)]
pub struct ExportLimit {
    permits: FairSemaphore<TenantId>,
}

/// Held while an export runs.
pub struct ExportPermit {
    _permit: FairPermit<TenantId>,
}

impl Default for ExportLimit {
    /// Without a queue: what does not run at once is refused.
    fn default() -> Self {
        Self { permits: FairSemaphore::shared(AT_ONCE, OF_A_TENANT, 0) }
    }
}

impl ExportLimit {
    /// Refuses with 429 when as many run as may. It never waits.
    pub async fn acquire(&self, tenant_id: TenantId) -> Result<ExportPermit> {
        let permit = self.permits.acquire(tenant_id).await.map_err(|_| {
            let words = format!(
                "As many exports run as may at once: {OF_A_TENANT} of a tenant, {AT_ONCE} of all on this node."
            );
            Problem::new(Code::RateLimited, words).retry_after(RETRY_AFTER)
        })?;
        Ok(ExportPermit { _permit: permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_tenant_has_its_share_and_a_permit_that_is_dropped_is_free_again() {
        let limit = ExportLimit::default();
        let mut first = Vec::new();
        for _ in 0..OF_A_TENANT {
            first.push(limit.acquire(TenantId(1)).await.unwrap());
        }

        let refused = limit.acquire(TenantId(1)).await.err().unwrap();
        assert_eq!((refused.code, refused.retry_after), (Code::RateLimited, Some(RETRY_AFTER)));
        assert!(limit.acquire(TenantId(2)).await.is_ok());
        drop(first.pop());
        assert!(limit.acquire(TenantId(1)).await.is_ok());
    }

    #[tokio::test]
    async fn all_tenants_together_have_the_share_of_the_node() {
        let limit = ExportLimit::default();
        let mut held = Vec::new();
        for tenant in 0..AT_ONCE / OF_A_TENANT {
            for _ in 0..OF_A_TENANT {
                held.push(limit.acquire(TenantId(tenant as i64)).await.unwrap());
            }
        }

        assert!(limit.acquire(TenantId(100)).await.is_err());
        drop(held.pop());
        assert!(limit.acquire(TenantId(100)).await.is_ok());
    }
}
