//! The number of connections of tenants and addresses on this node, counted as they open and close, without a scan.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

use crate::base::ids::TenantId;
use crate::base::ip_prefix::IpPrefix;

/// A tenant gets another connection only while it has at most this many times what stays free. One that takes all it
/// can leaves an eighth of what it found for other tenants, and a tenant alone has seven of eight connections.
const MAX_HELD_PER_FREE: usize = 7;

/// Open connections by tenant and by address. Bounded by the connections themselves: a count of 0 is removed.
pub(super) struct NodeCapacity {
    /// The node's maximum number of connections.
    places: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    tenants: HashMap<TenantId, usize>,
    addresses: HashMap<IpPrefix, usize>,
}

/// The limit that refuses a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CapacityError {
    Tenant,
    Address,
    /// The node has few connections left, and none for a tenant with as many as this one.
    Node,
}

impl NodeCapacity {
    pub(super) fn new(places: usize) -> Self {
        Self { places, counts: Mutex::default() }
    }

    /// Counts a connection if `of_tenant` accepts the tenant's count, the address has fewer than `max_per_address`, and
    /// the tenant's share of the node's connections is not used up.
    pub(super) fn try_reserve(
        &self,
        tenant_id: TenantId,
        address: Option<IpPrefix>,
        of_tenant: impl FnOnce(usize) -> bool,
        of_address: Option<usize>,
    ) -> Result<(), CapacityError> {
        let mut counts = self.counts.lock();
        let at_address = address.and_then(|address| counts.addresses.get(&address)).copied().unwrap_or(0);
        if of_address.is_some_and(|most| at_address >= most) {
            return Err(CapacityError::Address);
        }
        let held = counts.tenants.get(&tenant_id).copied().unwrap_or(0);
        if !of_tenant(held) {
            return Err(CapacityError::Tenant);
        }
        let free = self.places.saturating_sub(counts.all + 1);
        if held + 1 > free.saturating_mul(MAX_HELD_PER_FREE).max(1) {
            return Err(CapacityError::Node);
        }
        counts.all += 1;
        *counts.tenants.entry(tenant_id).or_default() += 1;
        if let Some(address) = address {
            *counts.addresses.entry(address).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn release(&self, tenant_id: TenantId, address: Option<IpPrefix>) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        decrement(&mut counts.tenants, &tenant_id);
        if let Some(address) = address {
            decrement(&mut counts.addresses, &address);
        }
    }

    /// The tenants with open connections.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.counts.lock().tenants.keys().copied().collect()
    }

    pub(super) fn of_tenant(&self, tenant_id: TenantId) -> usize {
        self.counts.lock().tenants.get(&tenant_id).copied().unwrap_or(0)
    }
}

fn decrement<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Option<IpPrefix> {
        Some(IpPrefix::of(text.parse().unwrap()))
    }

    #[test]
    fn a_64_prefix_is_limited_and_a_closed_connection_frees_its_slot() {
        let room = NodeCapacity::new(1000);
        let enter = |address| room.try_reserve(TenantId(1), block(address), |_| true, Some(2));

        assert_eq!([enter("2001:db8::1"), enter("2001:db8::2")], [Ok(()), Ok(())]);
        assert_eq!(enter("2001:db8::3"), Err(CapacityError::Address));
        assert_eq!(enter("2001:db8:0:1::3"), Ok(()));
        room.release(TenantId(1), block("2001:db8::1"));
        assert_eq!(enter("2001:db8::3"), Ok(()));
        assert_eq!(room.of_tenant(TenantId(1)), 3);
    }

    #[test]
    fn a_full_tenant_does_not_limit_another_and_a_refusal_is_not_counted() {
        let room = NodeCapacity::new(1000);
        let enter = |tenant| room.try_reserve(TenantId(tenant), None, |held| held < 1, None);

        assert_eq!([enter(1), enter(1), enter(2)], [Ok(()), Err(CapacityError::Tenant), Ok(())]);
        room.release(TenantId(1), None);
        assert_eq!((enter(1), room.of_tenant(TenantId(1))), (Ok(()), 1));
    }

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_an_eighth_of_what_it_found() {
        let room = NodeCapacity::new(64);
        let enter = |tenant| room.try_reserve(TenantId(tenant), None, |_| true, None);
        let most = |tenant| (0..).find(|_| enter(tenant).is_err()).unwrap();

        assert_eq!([most(1), most(2), most(3)], [56, 7, 1]);
        assert_eq!(enter(1), Err(CapacityError::Node));
        room.release(TenantId(1), None);
        assert_eq!(
            (enter(1), enter(2), enter(2)),
            (Err(CapacityError::Node), Err(CapacityError::Node), Err(CapacityError::Node))
        );
        assert_eq!(enter(4), Ok(()));
    }
}
