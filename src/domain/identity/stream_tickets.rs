//! Tickets that opened a stream. A browser reconnects to the very same URL and cannot request a new ticket, so the
//! ticket stays valid for its reconnects: while a stream of it is open, and for a while after the last one.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::auth::authenticate::TicketOwner;
use crate::auth::ticket::{Ticket, TicketId};
use crate::base::clock::Clock;
use crate::base::ids::TenantId;

/// How long after its last stream a ticket may open another one.
pub const RECONNECT_WINDOW: TimeDelta = TimeDelta::minutes(5);
/// Memory of one ticket in bytes, its entries in both tables included.
const BINDING_BYTES: usize = 512;
/// A tenant's share, in bytes; 16,384 tickets. Beyond it the tenant's own oldest unused ones are removed.
const TENANT_BYTES: usize = 8 * 1024 * 1024;

/// The tickets of streams on this node.
#[derive(Clone)]
pub(super) struct StreamTickets {
    clock: Clock,
    /// Tickets of one owner at most: as many as its streams may be.
    per_owner: usize,
    per_tenant: usize,
    table: Arc<Mutex<TicketTable>>,
}

/// Bounded by the shares of owners and tenants; tickets with an open stream are bounded by the streams.
#[derive(Default)]
struct TicketTable {
    bindings: HashMap<TicketId, Binding>,
    of_tenants: HashMap<TenantId, TenantTickets>,
    /// Tickets without a stream, by the time of the last one's end: expired ones are removed from the front.
    unused: Unused,
}

/// Tickets without a stream, longest unused first.
type Unused = BTreeSet<(DateTime<Utc>, TicketId)>;

#[derive(Default)]
struct TenantTickets {
    count: usize,
    unused: Unused,
    of_owners: HashMap<TicketOwner, OwnerTickets>,
}

#[derive(Default)]
struct OwnerTickets {
    count: usize,
    unused: Unused,
}

struct Binding {
    tenant_id: TenantId,
    owner: TicketOwner,
    /// The expiry of the credential behind it; a newer credential of the stream moves it.
    ends_at: DateTime<Utc>,
    streams: usize,
    unused_since: Option<DateTime<Utc>>,
}

impl StreamTickets {
    pub(super) fn new(clock: Clock, per_owner: usize) -> Self {
        let per_tenant = TENANT_BYTES / BINDING_BYTES;
        Self { clock, per_owner: per_owner.max(1), per_tenant, table: Arc::default() }
    }

    /// Until when the ticket opens streams; `None` if it has opened none, or the last one ended too long ago.
    pub(super) fn ends_at(&self, ticket: TicketId) -> Option<DateTime<Utc>> {
        let mut kept = self.table.lock();
        kept.expire_until(self.clock.steady() - RECONNECT_WINDOW);
        kept.bindings.get(&ticket).map(|binding| binding.ends_at)
    }

    /// Another stream of a ticket that has opened one before.
    pub(super) fn reopen(&self, ticket: TicketId) -> Option<StreamTicketGuard> {
        let mut kept = self.table.lock();
        kept.expire_until(self.clock.steady() - RECONNECT_WINDOW);
        kept.reuse(ticket).then(|| self.guard(ticket))
    }

    /// The first stream of a ticket. If the owner or the tenant is at its limit, the longest unused one is removed.
    pub(super) fn open(&self, ticket: &Ticket) -> StreamTicketGuard {
        let mut kept = self.table.lock();
        kept.expire_until(self.clock.steady() - RECONNECT_WINDOW);
        let (tenant_id, owner) = (ticket.grant.tenant_id(), ticket.grant.owner());
        kept.evict_if_full(tenant_id, owner, self.per_owner, self.per_tenant);
        let ends_at = ticket.grant.ends_at();
        let binding = Binding { tenant_id, owner, ends_at, streams: 1, unused_since: None };
        kept.bindings.insert(ticket.id, binding);
        let of_tenant = kept.of_tenants.entry(tenant_id).or_default();
        of_tenant.count += 1;
        of_tenant.of_owners.entry(owner).or_default().count += 1;
        self.guard(ticket.id)
    }

    fn guard(&self, ticket: TicketId) -> StreamTicketGuard {
        let (clock, kept) = (self.clock.clone(), Arc::clone(&self.table));
        StreamTicketGuard { clock, table: kept, ticket, released: AtomicBool::new(false) }
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.table.lock().bindings.len()
    }
}

impl TicketTable {
    fn reuse(&mut self, ticket: TicketId) -> bool {
        let Some(binding) = self.bindings.get_mut(&ticket) else { return false };
        binding.streams += 1;
        let (tenant_id, owner) = (binding.tenant_id, binding.owner);
        if let Some(since) = binding.unused_since.take() {
            self.remove_unused(tenant_id, owner, (since, ticket));
        }
        true
    }

    fn release(&mut self, ticket: TicketId, now: DateTime<Utc>) {
        // It may have been removed for a newer one.
        let Some(binding) = self.bindings.get_mut(&ticket) else { return };
        binding.streams = binding.streams.saturating_sub(1);
        if binding.streams > 0 || binding.unused_since.is_some() {
            return;
        }
        binding.unused_since = Some(now);
        let (tenant_id, owner) = (binding.tenant_id, binding.owner);
        self.unused.insert((now, ticket));
        let of_tenant = self.of_tenants.entry(tenant_id).or_default();
        of_tenant.unused.insert((now, ticket));
        of_tenant.of_owners.entry(owner).or_default().unused.insert((now, ticket));
    }

    /// Removes the tickets with a last stream that ended at `before` or earlier; visits each once.
    fn expire_until(&mut self, before: DateTime<Utc>) {
        while let Some((_, ticket)) = self.unused.first().filter(|(since, _)| *since <= before).copied() {
            self.remove(ticket);
        }
    }

    fn evict_if_full(
        &mut self,
        tenant_id: TenantId,
        owner: TicketOwner,
        per_owner: usize,
        per_tenant: usize,
    ) {
        let Some(of_tenant) = self.of_tenants.get(&tenant_id) else { return };
        let of_owner = of_tenant.of_owners.get(&owner).filter(|own| own.count >= per_owner);
        let oldest = match of_owner {
            Some(own) => own.unused.first(),
            None if of_tenant.count >= per_tenant => of_tenant.unused.first(),
            None => None,
        };
        if let Some((_, ticket)) = oldest.copied() {
            self.remove(ticket);
        }
    }

    fn remove(&mut self, ticket: TicketId) {
        let Some(Binding { tenant_id, owner, unused_since, .. }) = self.bindings.remove(&ticket) else {
            return;
        };
        if let Some(since) = unused_since {
            self.remove_unused(tenant_id, owner, (since, ticket));
        }
        let Some(of_tenant) = self.of_tenants.get_mut(&tenant_id) else { return };
        of_tenant.count = of_tenant.count.saturating_sub(1);
        if let Some(of_owner) = of_tenant.of_owners.get_mut(&owner) {
            of_owner.count = of_owner.count.saturating_sub(1);
            if of_owner.count == 0 {
                of_tenant.of_owners.remove(&owner);
            }
        }
        if of_tenant.count == 0 {
            self.of_tenants.remove(&tenant_id);
        }
    }

    fn remove_unused(&mut self, tenant_id: TenantId, owner: TicketOwner, entry: (DateTime<Utc>, TicketId)) {
        self.unused.remove(&entry);
        let Some(of_tenant) = self.of_tenants.get_mut(&tenant_id) else { return };
        of_tenant.unused.remove(&entry);
        if let Some(of_owner) = of_tenant.of_owners.get_mut(&owner) {
            of_owner.unused.remove(&entry);
        }
    }
}

/// Keeps the ticket of an open stream valid.
pub struct StreamTicketGuard {
    clock: Clock,
    table: Arc<Mutex<TicketTable>>,
    ticket: TicketId,
    released: AtomicBool,
}

impl StreamTicketGuard {
    /// The stream continues on a newer credential: reconnects are possible until that one ends.
    pub fn extend(&self, ends_at: DateTime<Utc>) {
        if let Some(binding) = self.table.lock().bindings.get_mut(&self.ticket) {
            binding.ends_at = ends_at;
        }
    }

    /// The stream's connection slot was released; calling it again has no effect.
    pub fn release(&self) {
        if !self.released.swap(true, Ordering::Relaxed) {
            self.table.lock().release(self.ticket, self.clock.steady());
        }
    }
}

impl Drop for StreamTicketGuard {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::auth::authenticate::TicketGrant;
    use crate::auth::key_scope::Role;
    use crate::auth::principal::sample;
    use crate::base::entropy::Entropy;

    fn tickets() -> (Clock, StreamTickets) {
        let clock = Clock::manual(DateTime::UNIX_EPOCH);
        (clock.clone(), StreamTickets { per_tenant: 4, ..StreamTickets::new(clock, 2) })
    }

    fn ticket(clock: &Clock, principal: &crate::auth::principal::Principal) -> Ticket {
        let now = clock.now();
        Ticket::new(TicketGrant::of(principal, now + TimeDelta::hours(1)).unwrap(), now, Entropy)
    }

    #[test]
    fn a_ticket_opens_streams_until_five_minutes_after_its_last_one() {
        let (clock, tickets) = tickets();
        let ticket = ticket(&clock, &sample::user(Role::Member));
        let first = tickets.open(&ticket);
        clock.advance(Duration::from_secs(1000));
        let second = tickets.reopen(ticket.id).unwrap();
        drop(first);
        clock.advance(Duration::from_secs(1000));
        drop(second);

        clock.advance(Duration::from_secs(299));
        let third = tickets.reopen(ticket.id).unwrap();
        third.release();
        third.release();
        drop(third);
        clock.advance(Duration::from_secs(299));
        assert!(tickets.ends_at(ticket.id).is_some());
        clock.advance(Duration::from_secs(1));

        assert!(tickets.ends_at(ticket.id).is_none() && tickets.reopen(ticket.id).is_none());
        let kept = tickets.table.lock();
        assert!(kept.bindings.is_empty() && kept.of_tenants.is_empty() && kept.unused.is_empty());
    }

    #[test]
    fn beyond_its_share_an_owners_longest_unused_ticket_goes() {
        let (clock, tickets) = tickets();
        let (open, old, new, newest) = (0, 1, 2, 3);
        let made: Vec<_> = (open..=newest).map(|_| ticket(&clock, &sample::user(Role::Member))).collect();
        let _stays_open = tickets.open(&made[open]);
        for number in [old, new, newest] {
            drop(tickets.open(&made[number]));
            clock.advance(Duration::from_secs(1));
        }

        assert!(tickets.ends_at(made[open].id).is_some(), "its stream is open");
        assert!(tickets.ends_at(made[old].id).is_none() && tickets.ends_at(made[new].id).is_none());
        assert!(tickets.ends_at(made[newest].id).is_some());
        assert_eq!(tickets.count(), 2);
    }

    #[test]
    fn a_newer_credential_moves_the_end() {
        let (clock, tickets) = tickets();
        let ticket = ticket(&clock, &sample::user(Role::Member));
        let stream = tickets.open(&ticket);

        stream.extend(clock.now() + TimeDelta::hours(2));

        assert_eq!(tickets.ends_at(ticket.id), Some(clock.now() + TimeDelta::hours(2)));
    }
}
