//! Bytes of pages in this process: being received, waiting for a reader, being read. One budget for the node, of which a
//! tenant may have half. A page waits for its bytes before its body is received, so nothing is lost and nothing grows.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::ids::TenantId;

/// The least that is counted for a page, so that the number of pages that wait is bounded too.
const UNIT_BYTES: u64 = 64 * 1024;

/// The budget of a node.
#[derive(Debug)]
pub struct ByteBudget {
    units: u32,
    /// What one tenant may have.
    share: u32,
    free: Arc<Semaphore>,
    tenants: Mutex<HashMap<TenantId, Weak<Semaphore>>>,
}

/// What one tenant may take of it.
#[derive(Clone, Debug)]
pub struct TenantBudget {
    node: Arc<ByteBudget>,
    own: Arc<Semaphore>,
}

/// Bytes that a page has. Dropping it gives them back.
#[derive(Debug)]
pub struct PagePermit {
    // In this order: a tenant's waiting page must find the node's bytes when it is woken.
    of_node: OwnedSemaphorePermit,
    of_tenant: OwnedSemaphorePermit,
}

impl ByteBudget {
    /// `bytes` for all pages; at least one of `largest_page` fits into a tenant's share.
    pub fn new(bytes: u64, largest_page: u64) -> Arc<Self> {
        let page = units(largest_page);
        let units = units(bytes).max(page);
        let share = (units / 2).max(page);
        let free = Arc::new(Semaphore::new(units as usize));
        Arc::new(Self { units, share, free, tenants: Mutex::default() })
    }

    /// The share of a tenant: the same for everything that the tenant does at one time.
    pub fn of_tenant(self: &Arc<Self>, tenant: TenantId) -> TenantBudget {
        let mut tenants = self.tenants.lock();
        let known = tenants.get(&tenant).and_then(Weak::upgrade);
        let own = known.unwrap_or_else(|| {
            // Those whose jobs have ended are forgotten here, so that the map is as large as the node is busy.
            tenants.retain(|_, own| own.strong_count() > 0);
            let own = Arc::new(Semaphore::new(self.share as usize));
            tenants.insert(tenant, Arc::downgrade(&own));
            own
        });
        TenantBudget { node: Arc::clone(self), own }
    }

    /// How many pages can hold bytes at once, however small they are.
    pub(super) fn most_pages(&self) -> usize {
        self.units as usize
    }

    /// Bytes that pages have now.
    #[cfg(test)]
    fn used_bytes(&self) -> u64 {
        (u64::from(self.units)).saturating_sub(self.free.available_permits() as u64) * UNIT_BYTES
    }
}

impl TenantBudget {
    /// Waits for `bytes`. The tenant's share comes first: a page that waits for it delays no other tenant.
    pub async fn reserve(&self, bytes: u64) -> PagePermit {
        let wanted = units(bytes).min(self.node.share);
        let of_tenant = acquire(&self.own, wanted).await;
        let of_node = acquire(&self.node.free, wanted).await;
        PagePermit { of_node, of_tenant }
    }
}

impl PagePermit {
    /// Gives back what the page has turned out not to need.
    pub fn shrink_to(&mut self, bytes: u64) {
        let keep = units(bytes) as usize;
        for permit in [&mut self.of_node, &mut self.of_tenant] {
            let spare = permit.num_permits().saturating_sub(keep);
            drop(permit.split(spare));
        }
    }
}

async fn acquire(semaphore: &Arc<Semaphore>, units: u32) -> OwnedSemaphorePermit {
    match Arc::clone(semaphore).acquire_many_owned(units).await {
        Ok(permit) => permit,
        // Nothing closes these semaphores.
        Err(_) => std::future::pending().await,
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn a_tenant_has_half_and_another_finds_the_rest() {
        let budget = ByteBudget::new(8 * MIB, MIB);
        let (flood, other) = (budget.of_tenant(TenantId(1)), budget.of_tenant(TenantId(2)));

        let held: Vec<_> = (0..4).map(|_| flood.reserve(MIB).now_or_never().unwrap()).collect();
        assert!(budget.of_tenant(TenantId(1)).reserve(1).now_or_never().is_none(), "the share is used up");
        let others: Vec<_> = (0..4).map(|_| other.reserve(MIB).now_or_never().unwrap()).collect();
        assert!(other.reserve(1).now_or_never().is_none());
        assert_eq!(budget.used_bytes(), 8 * MIB);

        drop((held, others));
        assert_eq!(budget.used_bytes(), 0);
    }

    #[test]
    fn what_a_page_does_not_need_is_given_back() {
        let budget = ByteBudget::new(4 * MIB, 2 * MIB);
        let tenant = budget.of_tenant(TenantId(1));

        let mut page = tenant.reserve(2 * MIB).now_or_never().unwrap();
        let mut waiting = Box::pin(tenant.reserve(MIB));
        assert!(waiting.as_mut().now_or_never().is_none());
        page.shrink_to(10);

        assert_eq!(waiting.now_or_never().map(|permit| permit.of_tenant.num_permits()), Some(16));
        assert_eq!(budget.used_bytes(), UNIT_BYTES);
    }

    #[test]
    fn the_largest_page_always_fits() {
        let budget = ByteBudget::new(MIB, 8 * MIB);

        assert!(budget.of_tenant(TenantId(1)).reserve(8 * MIB).now_or_never().is_some());
        assert!(budget.of_tenant(TenantId(1)).reserve(u64::MAX).now_or_never().is_some());
    }

    #[test]
    fn tenants_that_are_done_are_forgotten() {
        let budget = ByteBudget::new(MIB, MIB);
        for id in 1..1_000 {
            drop(budget.of_tenant(TenantId(id)));
        }

        assert_eq!(budget.tenants.lock().len(), 1);
    }
}
