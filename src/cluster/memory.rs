//! The cluster of one node: everything stays in this process.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;

use super::used_tickets::{TicketUse, UsedTickets, UsedTicketsError};
use crate::auth::admit::TicketOwner;
use crate::auth::ticket::{TicketId, TicketRealm};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::base::ids::TenantId;

/// What one remembered use costs: its entries in the tables below, their spare room included.
pub const USE_BYTES: usize = 256;

/// Bytes of remembered uses. A use is remembered for 30 seconds at most, so a share is also a rate.
#[derive(Clone, Copy, Debug)]
pub struct TicketShares {
    pub tenant_bytes: usize,
    pub owner_bytes: usize,
}

impl Default for TicketShares {
    /// A tenant: 32,768 uses in 30 seconds, so that all of its people may come back together. One owner: 512.
    fn default() -> Self {
        Self { tenant_bytes: 8 * 1024 * 1024, owner_bytes: 128 * 1024 }
    }
}

/// The used tickets of this process. They are good here alone: after a restart nothing would know that they were used.
pub struct MemoryUsedTickets {
    clock: Clock,
    realm: TicketRealm,
    shares: TicketShares,
    uses: Mutex<Uses>,
}

/// Bounded by the shares of those who have used a ticket lately.
#[derive(Default)]
struct Uses {
    taken: HashSet<TicketId>,
    /// By their end, so that what is over is taken off the front.
    by_end: BTreeMap<(DateTime<Utc>, TicketId), (TenantId, TicketOwner)>,
    of_tenants: HashMap<TenantId, usize>,
    of_owners: HashMap<(TenantId, TicketOwner), usize>,
}

impl MemoryUsedTickets {
    pub fn new(clock: Clock, entropy: Entropy, shares: TicketShares) -> Self {
        Self { clock, realm: TicketRealm::new(entropy), shares, uses: Mutex::default() }
    }

    /// Bytes of remembered uses, of all tenants.
    pub fn bytes(&self) -> usize {
        self.uses.lock().taken.len() * USE_BYTES
    }

    fn note(&self, used: TicketUse) -> Result<bool, UsedTicketsError> {
        let mut uses = self.uses.lock();
        uses.forget_until(self.clock.steady());
        if uses.taken.contains(&used.ticket) {
            return Ok(false);
        }
        let owner = (used.tenant_id, used.owner);
        let of_owner = uses.of_owners.get(&owner).copied().unwrap_or(0);
        let of_tenant = uses.of_tenants.get(&used.tenant_id).copied().unwrap_or(0);
        let fits = |count: usize, bytes: usize| (count + 1) * USE_BYTES <= bytes;
        if !fits(of_owner, self.shares.owner_bytes) || !fits(of_tenant, self.shares.tenant_bytes) {
            return Err(UsedTicketsError::ShareUsedUp);
        }
        uses.taken.insert(used.ticket);
        uses.by_end.insert((used.until, used.ticket), owner);
        *uses.of_owners.entry(owner).or_default() += 1;
        *uses.of_tenants.entry(used.tenant_id).or_default() += 1;
        Ok(true)
    }
}

impl Uses {
    /// Forgets what is over; each use is forgotten once, so this costs no more than noting did.
    fn forget_until(&mut self, now: DateTime<Utc>) {
        while let Some(entry) = self.by_end.first_entry() {
            let (until, ticket) = *entry.key();
            if until > now {
                return;
            }
            let (tenant_id, owner) = entry.remove();
            self.taken.remove(&ticket);
            one_less(&mut self.of_tenants, &tenant_id);
            one_less(&mut self.of_owners, &(tenant_id, owner));
        }
    }
}

fn one_less<K: Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
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

    fn take(&self, used: TicketUse) -> BoxFuture<'_, Result<bool, UsedTicketsError>> {
        ready(self.note(used)).boxed()
    }

    fn is_taken(&self, ticket: TicketId) -> BoxFuture<'_, Result<bool, UsedTicketsError>> {
        ready(Ok(self.uses.lock().taken.contains(&ticket))).boxed()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::admit::TicketGrant;
    use crate::auth::principal::sample;
    use crate::auth::role::Role;
    use crate::auth::ticket::Ticket;
    use crate::base::ids::UserId;

    const LIFE: Duration = Duration::from_secs(30);
    const SHARES: TicketShares = TicketShares { tenant_bytes: 6 * USE_BYTES, owner_bytes: 2 * USE_BYTES };

    fn tickets() -> (Clock, MemoryUsedTickets) {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        (clock.clone(), MemoryUsedTickets::new(clock, Entropy, SHARES))
    }

    fn used(clock: &Clock, tenant: i64, user: i64) -> TicketUse {
        let grant = TicketGrant::of(&sample::user(Role::Member), clock.now()).unwrap();
        let ticket = Ticket::new(grant, clock.steady() + LIFE, Entropy);
        let owner = TicketOwner::User(UserId(user));
        TicketUse { tenant_id: TenantId(tenant), owner, ticket: ticket.id, until: ticket.expires_at }
    }

    #[tokio::test]
    async fn a_ticket_is_taken_once() {
        let (clock, tickets) = tickets();
        let used = used(&clock, 1, 1);

        assert!(!tickets.is_taken(used.ticket).await.unwrap());
        assert!(tickets.take(used).await.unwrap());
        assert!(!tickets.take(used).await.unwrap());
        assert!(tickets.is_taken(used.ticket).await.unwrap());
    }

    #[tokio::test]
    async fn a_full_share_refuses_its_owner_and_nobody_else() {
        let (clock, tickets) = tickets();
        for _ in 0..2 {
            assert!(tickets.take(used(&clock, 1, 1)).await.unwrap());
        }

        let refused = |answer| matches!(answer, Err(UsedTicketsError::ShareUsedUp));
        assert!(refused(tickets.take(used(&clock, 1, 1)).await));
        for user in [2, 2, 3, 3] {
            assert!(tickets.take(used(&clock, 1, user)).await.unwrap());
        }
        // The tenant's own share is full now; another tenant has its own.
        assert!(refused(tickets.take(used(&clock, 1, 4)).await));
        assert!(tickets.take(used(&clock, 2, 1)).await.unwrap());
    }

    #[tokio::test]
    async fn what_is_over_is_forgotten_whole() {
        let (clock, tickets) = tickets();
        for user in [1, 1, 2, 3] {
            tickets.take(used(&clock, 1, user)).await.unwrap();
        }
        assert_eq!(tickets.bytes(), 4 * USE_BYTES);

        clock.advance(LIFE);

        assert!(tickets.take(used(&clock, 1, 1)).await.unwrap());
        let uses = tickets.uses.lock();
        assert_eq!((uses.taken.len(), uses.by_end.len()), (1, 1));
        assert_eq!((uses.of_owners.len(), uses.of_tenants.len()), (1, 1));
    }
}
