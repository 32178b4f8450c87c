//! How many connections a tenant and an address have on this node. Counted as they come and go: nobody walks all of them.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;

use crate::base::address::AddressBlock;
use crate::base::ids::TenantId;

/// A tenant takes one more place only while it has at most so many times what stays free. One that takes all it can leaves
/// an eighth of what it found, so that something is left for a newcomer, and a tenant alone has seven of eight places.
const TIMES_THE_FREE: usize = 7;

/// Open connections by tenant and by address. Bounded by the connections themselves: a count of none is forgotten.
pub(super) struct Room {
    /// All places of the node.
    places: usize,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    all: usize,
    tenants: HashMap<TenantId, usize>,
    addresses: HashMap<AddressBlock, usize>,
}

/// Why a connection does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Tenant,
    Address,
    /// The node has few places left, of which none is for a tenant that has so many.
    Places,
}

impl Room {
    pub(super) fn new(places: usize) -> Self {
        Self { places, counts: Mutex::default() }
    }

    /// Counts a connection in where `of_tenant` admits the tenant's count, the address has fewer than `of_address`
    /// and the tenant's share of the node's places is not used up.
    pub(super) fn enter(
        &self,
        tenant_id: TenantId,
        address: Option<AddressBlock>,
        of_tenant: impl FnOnce(usize) -> bool,
        of_address: Option<usize>,
    ) -> Result<(), Full> {
        let mut counts = self.counts.lock();
        let at_address = address.and_then(|address| counts.addresses.get(&address)).copied().unwrap_or(0);
        if of_address.is_some_and(|most| at_address >= most) {
            return Err(Full::Address);
        }
        let held = counts.tenants.get(&tenant_id).copied().unwrap_or(0);
        if !of_tenant(held) {
            return Err(Full::Tenant);
        }
        let free = self.places.saturating_sub(counts.all + 1);
        if held + 1 > free.saturating_mul(TIMES_THE_FREE).max(1) {
            return Err(Full::Places);
        }
        counts.all += 1;
        *counts.tenants.entry(tenant_id).or_default() += 1;
        if let Some(address) = address {
            *counts.addresses.entry(address).or_default() += 1;
        }
        Ok(())
    }

    pub(super) fn leave(&self, tenant_id: TenantId, address: Option<AddressBlock>) {
        let mut counts = self.counts.lock();
        counts.all = counts.all.saturating_sub(1);
        less(&mut counts.tenants, &tenant_id);
        if let Some(address) = address {
            less(&mut counts.addresses, &address);
        }
    }

    /// The tenants that have any.
    pub(super) fn tenants(&self) -> Vec<TenantId> {
        self.counts.lock().tenants.keys().copied().collect()
    }

    pub(super) fn of_tenant(&self, tenant_id: TenantId) -> usize {
        self.counts.lock().tenants.get(&tenant_id).copied().unwrap_or(0)
    }
}

fn less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
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

    fn block(text: &str) -> Option<AddressBlock> {
        Some(AddressBlock::of(text.parse().unwrap()))
    }

    #[test]
    fn a_64_has_room_for_so_many_and_gets_it_back() {
        let room = Room::new(1000);
        let enter = |address| room.enter(TenantId(1), block(address), |_| true, Some(2));

        assert_eq!([enter("2001:db8::1"), enter("2001:db8::2")], [Ok(()), Ok(())]);
        assert_eq!(enter("2001:db8::3"), Err(Full::Address));
        assert_eq!(enter("2001:db8:0:1::3"), Ok(()));
        room.leave(TenantId(1), block("2001:db8::1"));
        assert_eq!(enter("2001:db8::3"), Ok(()));
        assert_eq!(room.of_tenant(TenantId(1)), 3);
    }

    #[test]
    fn a_full_tenant_takes_no_room_of_another_and_a_refusal_counts_nothing() {
        let room = Room::new(1000);
        let enter = |tenant| room.enter(TenantId(tenant), None, |held| held < 1, None);

        assert_eq!([enter(1), enter(1), enter(2)], [Ok(()), Err(Full::Tenant), Ok(())]);
        room.leave(TenantId(1), None);
        assert_eq!((enter(1), room.of_tenant(TenantId(1))), (Ok(()), 1));
    }

    #[test]
    fn a_tenant_that_takes_all_it_can_leaves_an_eighth_of_what_it_found() {
        let room = Room::new(64);
        let enter = |tenant| room.enter(TenantId(tenant), None, |_| true, None);
        let most = |tenant| (0..).find(|_| enter(tenant).is_err()).unwrap();

        assert_eq!([most(1), most(2), most(3)], [56, 7, 1]);
        assert_eq!(enter(1), Err(Full::Places));
        room.leave(TenantId(1), None);
        assert_eq!((enter(1), enter(2), enter(2)), (Err(Full::Places), Err(Full::Places), Err(Full::Places)));
        assert_eq!(enter(4), Ok(()));
    }
}
