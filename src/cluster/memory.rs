//! The used tickets of a node that shares them with no other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::used_tickets::{TicketUse, UsedTickets, UsedTicketsError};
use crate::auth::authenticate::TicketOwner;
use crate::auth::ticket::{TicketId, TicketRealm};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::ids::TenantId;

/// Bytes of one remembered use: its entries in the tables below, their spare capacity included.
pub const USE_BYTES: usize = 256;

/// Bytes of remembered uses. A use is remembered for 30 seconds at most, so a limit is also a rate.
#[derive(Clone, Copy, Debug)]
pub struct UsedTicketLimits {
    pub tenant_bytes: usize,
    pub owner_bytes: usize,
}

impl Default for UsedTicketLimits {
    /// A tenant: 32,768 uses in 30 seconds, so that all of its users may reconnect together. One owner: 512.
    fn default() -> Self {
        Self { tenant_bytes: 8 * 1024 * 1024, owner_bytes: 128 * 1024 }
    }
}

/// The used tickets of this process. They are valid only here: after a restart their use would not be known.
pub struct MemoryUsedTickets {
    clock: Clock,
    realm: TicketRealm,
    limits: UsedTicketLimits,
    uses: Mutex<Uses>,
}

/// Bounded by the limits of the owners and tenants that have used a ticket lately.
#[derive(Default)]
struct Uses {
    used_ids: HashSet<TicketId>,
    /// By expiry, so that expired uses are removed from the front.
    by_expiry: BTreeMap<(DateTime<Utc>, TicketId), (TenantId, TicketOwner)>,
    of_tenants: HashMap<TenantId, usize>,
    of_owners: HashMap<(TenantId, TicketOwner), usize>,
}

impl MemoryUsedTickets {
    pub fn new(clock: Clock, entropy: Entropy, limits: UsedTicketLimits) -> Self {
        Self { clock, realm: TicketRealm::new(entropy), limits, uses: Mutex::default() }
    }

    /// Bytes of remembered uses, of all tenants.
    pub fn bytes(&self) -> usize {
        self.uses.lock().used_ids.len() * USE_BYTES
    }

    fn try_record(&self, used: TicketUse) -> Result<bool, UsedTicketsError> {
        let mut uses = self.uses.lock();
        uses.purge_expired(self.clock.steady());
        if uses.used_ids.contains(&used.ticket) {
            return Ok(false);
        }
        let owner = (used.tenant_id, used.owner);
        let of_owner = uses.of_owners.get(&owner).copied().unwrap_or(0);
        let of_tenant = uses.of_tenants.get(&used.tenant_id).copied().unwrap_or(0);
        let fits = |count: usize, bytes: usize| (count + 1) * USE_BYTES <= bytes;
        if !fits(of_owner, self.limits.owner_bytes) || !fits(of_tenant, self.limits.tenant_bytes) {
            return Err(UsedTicketsError::LimitReached);
        }
        uses.used_ids.insert(used.ticket);
        uses.by_expiry.insert((used.expires_at, used.ticket), owner);
        *uses.of_owners.entry(owner).or_default() += 1;
        *uses.of_tenants.entry(used.tenant_id).or_default() += 1;
        Ok(true)
    }
}

impl Uses {
    /// Removes expired uses; each is removed once, so this costs no more than recording it did.
    fn purge_expired(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.by_expiry.first_entry() {
            let (until, ticket) = *entry.key();
            if until > now {
                return;
            }
            let (tenant_id, owner) = entry.remove();
            self.used_ids.remove(&ticket);
            decrement(&mut self.of_tenants, &tenant_id);
            decrement(&mut self.of_owners, &(tenant_id, owner));
        }
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

impl UsedTickets for MemoryUsedTickets {
    fn realm(&self) -> TicketRealm {
        self.realm
    }

    fn record_use(&self, used: TicketUse) -> BoxFuture<'_, Result<bool, UsedTicketsError>> {
        ready(self.try_record(used)).boxed()
    }

    fn is_used(&self, ticket: TicketId) -> BoxFuture<'_, Result<bool, UsedTicketsError>> {
        ready(Ok(self.uses.lock().used_ids.contains(&ticket))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::contract::{self, TICKET_LIFE, ticket_use};

    const LIMITS: UsedTicketLimits =
        UsedTicketLimits { tenant_bytes: 6 * USE_BYTES, owner_bytes: 2 * USE_BYTES };

    #[tokio::test]
    async fn the_memory_store_keeps_the_contract() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let make =
            || Arc::new(MemoryUsedTickets::new(clock.clone(), Entropy, LIMITS)) as Arc<dyn UsedTickets>;

        contract::used_tickets(&clock, make).await;
    }

    #[tokio::test]
    async fn expired_uses_are_purged_from_all_tables() {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        let tickets = MemoryUsedTickets::new(clock.clone(), Entropy, LIMITS);
        for user in [1, 1, 2, 3] {
            tickets.record_use(ticket_use(&clock, 1, user)).await.unwrap();
        }
        assert_eq!(tickets.bytes(), 4 * USE_BYTES);

        clock.advance(TICKET_LIFE);

        assert!(tickets.record_use(ticket_use(&clock, 1, 1)).await.unwrap());
        let uses = tickets.uses.lock();
        assert_eq!((uses.used_ids.len(), uses.by_expiry.len()), (1, 1));
        assert_eq!((uses.of_owners.len(), uses.of_tenants.len()), (1, 1));
    }
}
