//! Bytes of pages in this process: being received, waiting for a reader, being read. One budget for the node. A page
//! waits for its bytes before its body is received, so nothing is lost and nothing grows.
//!
//! A tenant gets more only while it has no more than what stays free, so one that takes all it can leaves half of
//! what it found. A tenant that has nothing gets a page as soon as it fits, before all that came later.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::base::ids::TenantId;

/// The least that is counted for a page, so that the number of pages that wait is bounded too.
const UNIT_BYTES: u64 = 64 * 1024;

/// The budget of a node.
#[derive(Debug)]
pub struct ByteBudget {
    units: u32,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: u32,
    /// What each tenant has; a tenant without any has no entry.
    tenants: HashMap<TenantId, u32>,
    /// In the order of arrival.
    waiting: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    tenant: TenantId,
    units: u32,
    granted: oneshot::Sender<PagePermit>,
}

/// Whether a page fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fit {
    Now,
    /// Its tenant has its share; others are not concerned.
    ShareUsedUp,
    /// There is too little room for a tenant that has nothing: later ones wait too.
    NoRoom,
}

/// What one tenant may take of it.
#[derive(Clone, Debug)]
pub struct TenantBudget {
    node: Arc<ByteBudget>,
    tenant: TenantId,
}

/// Bytes that a page has. Dropping it gives them back.
#[derive(Debug)]
pub struct PagePermit {
    node: Arc<ByteBudget>,
    tenant: TenantId,
    units: u32,
}

impl ByteBudget {
    /// `bytes` for all pages, and room for one of `largest_page` at least.
    pub fn new(bytes: u64, largest_page: u64) -> Arc<Self> {
        let units = units(bytes).max(units(largest_page));
        Arc::new(Self { units, state: Mutex::default() })
    }

    /// The budget as a tenant sees it: the same for everything that the tenant does at one time.
    pub fn for_tenant(self: &Arc<Self>, tenant: TenantId) -> TenantBudget {
        TenantBudget { node: Arc::clone(self), tenant }
    }

    /// How many pages can hold bytes at once, however small they are.
    pub(super) fn max_pages(&self) -> usize {
        self.units as usize
    }

    /// Grants what fits now. Permits are made outside of the lock: one for a page that no longer waits is given back.
    fn grant_waiting(self: &Arc<Self>) {
        let granted = self.state.lock().grant(self.units);
        for Waiter { tenant, units, granted } in granted {
            drop(granted.send(PagePermit { node: Arc::clone(self), tenant, units }));
        }
    }

    fn release(self: &Arc<Self>, tenant: TenantId, units: u32) {
        self.state.lock().release(tenant, units);
        self.grant_waiting();
    }

    /// Bytes that pages have now.
    #[cfg(test)]
    fn used_bytes(&self) -> u64 {
        u64::from(self.state.lock().used) * UNIT_BYTES
    }
}

impl State {
    /// Counts in the waiters with pages that fit, and removes them from the queue.
    fn grant(&mut self, total: u32) -> Vec<Waiter> {
        let mut granted = Vec::new();
        let mut still = VecDeque::new();
        let mut queue = std::mem::take(&mut self.waiting).into_iter().filter(|one| !one.granted.is_closed());
        for one in queue.by_ref() {
            match self.fit(total, &one) {
                Fit::Now => {
                    self.used += one.units;
                    *self.tenants.entry(one.tenant).or_default() += one.units;
                    granted.push(one);
                }
                Fit::ShareUsedUp => still.push_back(one),
                Fit::NoRoom => {
                    still.push_back(one);
                    break;
                }
            }
        }
        still.extend(queue);
        self.waiting = still;
        granted
    }

    fn fit(&self, total: u32, page: &Waiter) -> Fit {
        let own = self.tenants.get(&page.tenant).copied().unwrap_or_default();
        let free_after = (total - self.used).checked_sub(page.units);
        match free_after {
            Some(free) if own == 0 || own + page.units <= free => Fit::Now,
            None if own == 0 => Fit::NoRoom,
            _ => Fit::ShareUsedUp,
        }
    }

    fn release(&mut self, tenant: TenantId, units: u32) {
        self.used -= units;
        if let Some(own) = self.tenants.get_mut(&tenant) {
            *own -= units;
            if *own == 0 {
                self.tenants.remove(&tenant);
            }
        }
    }
}

impl TenantBudget {
    /// Waits for `bytes`. A page that waits for its tenant's share delays no other tenant.
    pub async fn reserve(&self, bytes: u64) -> PagePermit {
        let units = units(bytes).min(self.node.units);
        let (granted, permit) = oneshot::channel();
        self.node.state.lock().waiting.push_back(Waiter { tenant: self.tenant, units, granted });
        self.node.grant_waiting();
        match permit.await {
            Ok(permit) => permit,
            // A waiter is in the queue until it is granted.
            Err(_) => std::future::pending().await,
        }
    }
}

impl PagePermit {
    /// Gives back what the page has turned out not to need.
    pub fn shrink_to(&mut self, bytes: u64) {
        let spare = self.units.saturating_sub(units(bytes));
        self.units -= spare;
        self.node.release(self.tenant, spare);
    }
}

impl Drop for PagePermit {
    fn drop(&mut self) {
        self.node.release(self.tenant, self.units);
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

    fn reserve_all(tenant: &TenantBudget) -> Vec<PagePermit> {
        std::iter::from_fn(|| tenant.reserve(MIB).now_or_never()).collect()
    }

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_half_of_what_it_found() {
        let budget = ByteBudget::new(8 * MIB, MIB);
        let tenants = [1, 2, 3, 4].map(|id| budget.for_tenant(TenantId(id)));

        let held = tenants.each_ref().map(reserve_all);
        assert_eq!(held.each_ref().map(Vec::len), [4, 2, 1, 1]);
        assert_eq!(budget.used_bytes(), 8 * MIB);

        drop(held);
        assert_eq!(budget.used_bytes(), 0);
        assert_eq!(budget.state.lock().tenants.len(), 0);
    }

    #[test]
    fn a_page_that_waits_for_its_share_delays_no_other_tenant() {
        let budget = ByteBudget::new(8 * MIB, MIB);
        let (flood, other) = (budget.for_tenant(TenantId(1)), budget.for_tenant(TenantId(2)));
        let mut held = reserve_all(&flood);
        let mut waiting = Box::pin(flood.reserve(MIB));
        assert!(waiting.as_mut().now_or_never().is_none());

        assert!(other.reserve(MIB).now_or_never().is_some());
        held.pop();
        assert!(waiting.now_or_never().is_some());
    }

    #[test]
    fn a_tenant_that_has_nothing_is_not_overtaken() {
        let budget = ByteBudget::new(8 * MIB, 4 * MIB);
        let [flood, other, third, fourth] = [1, 2, 3, 4].map(|id| budget.for_tenant(TenantId(id)));
        let mut held = reserve_all(&flood);
        held.extend(reserve_all(&other));
        let mut large = Box::pin(third.reserve(4 * MIB));
        assert!(large.as_mut().now_or_never().is_none());
        let mut small = Box::pin(fourth.reserve(1));
        assert!(small.as_mut().now_or_never().is_none(), "there is room for it, and it came later");

        held.truncate(4);
        let large = large.now_or_never();
        assert!(large.is_some());
        assert!(small.as_mut().now_or_never().is_none());
        drop(large);
        assert!(small.now_or_never().is_some());
    }

    #[test]
    fn a_cancelled_reservation_takes_nothing() {
        let budget = ByteBudget::new(MIB, MIB);
        let tenant = budget.for_tenant(TenantId(1));
        let held = tenant.reserve(MIB).now_or_never().unwrap();
        let mut gone = Box::pin(tenant.reserve(MIB));
        assert!(gone.as_mut().now_or_never().is_none());

        drop(held);
        drop(gone);

        assert_eq!(budget.used_bytes(), 0);
        assert!(budget.state.lock().waiting.is_empty());
    }

    #[test]
    fn what_a_page_does_not_need_is_given_back() {
        let budget = ByteBudget::new(4 * MIB, 2 * MIB);
        let tenant = budget.for_tenant(TenantId(1));

        let mut page = tenant.reserve(2 * MIB).now_or_never().unwrap();
        let mut waiting = Box::pin(tenant.reserve(MIB));
        assert!(waiting.as_mut().now_or_never().is_none());
        page.shrink_to(10);

        assert_eq!(waiting.now_or_never().map(|permit| permit.units), Some(16));
        assert_eq!(budget.used_bytes(), UNIT_BYTES);
    }

    #[test]
    fn the_largest_page_always_fits() {
        let budget = ByteBudget::new(MIB, 8 * MIB);

        assert!(budget.for_tenant(TenantId(1)).reserve(8 * MIB).now_or_never().is_some());
        assert!(budget.for_tenant(TenantId(1)).reserve(u64::MAX).now_or_never().is_some());
    }
}
