//! Each tenant's share of this node's connections, counted as they open and close, without a scan. It is the node's own
//! count, whatever other nodes hold: it keeps places on this machine for other tenants.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::base::ids::TenantId;

/// A tenant gets another connection only while it has at most this many times what stays free. One that takes all it
/// can leaves an eighth of what it found for other tenants, and a tenant alone has seven of eight connections.
const MAX_HELD_PER_FREE: usize = 7;

/// Open connections by tenant. Bounded by the connections themselves: a count of 0 is removed.
pub(super) struct NodeCapacity {
    /// The node's maximum number of connections.
    places: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    tenants: HashMap<TenantId, usize>,
}

impl NodeCapacity {
    pub(super) fn new(places: usize) -> Self {
        Self { places, counts: Mutex::default() }
    }

    /// Counts a connection; `false` if the tenant's share of the node's connections is used up.
    pub(super) fn try_reserve(&self, tenant_id: TenantId) -> bool {
        let mut counts = self.counts.lock();
        let held = counts.tenants.get(&tenant_id).copied().unwrap_or(0);
        let free = self.places.saturating_sub(counts.all + 1);
        if held + 1 > free.saturating_mul(MAX_HELD_PER_FREE).max(1) {
            return false;
        }
        counts.all += 1;
        *counts.tenants.entry(tenant_id).or_default() += 1;
        true
    }

    pub(super) fn release(&self, tenant_id: TenantId) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        if let Some(count) = counts.tenants.get_mut(&tenant_id) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.tenants.remove(&tenant_id);
            }
        }
    }

    /// The tenants with open connections.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.counts.lock().tenants.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_an_eighth_of_what_it_found() {
        let room = NodeCapacity::new(64);
        let enter = |tenant| room.try_reserve(TenantId(tenant));
        let most = |tenant| (0..).find(|_| !enter(tenant)).unwrap();

        assert_eq!([most(1), most(2), most(3)], [56, 7, 1]);
        assert!(!enter(1));
        room.release(TenantId(1));
        assert_eq!([enter(1), enter(2), enter(2)], [false; 3]);
        assert!(enter(4));
    }

    #[test]
    fn a_tenant_without_connections_is_forgotten() {
        let room = NodeCapacity::new(64);

        assert!(room.try_reserve(TenantId(1)));
        assert_eq!(room.tenants(), [TenantId(1)]);
        room.release(TenantId(1));

        assert!(room.tenants().is_empty() && room.counts.lock().all == 0);
    }
}
