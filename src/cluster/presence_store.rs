//! Presence by connection. Queries are answered from this node's memory without waiting: an implementation that is
//! shared by several nodes mirrors the state of the others and publishes its own in the background.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::base::ids::{ConnectionId, TenantId, UserId};

/// A user of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantUser {
    pub tenant: TenantId,
    pub user: UserId,
}

/// Whether a user is active on a connection. The greatest of all connections applies to the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Availability {
    Away,
    Online,
}

/// The users that are present.
pub trait PresenceStore: Send + Sync {
    /// Stores a connection of a user, or its new availability.
    fn put(&self, person: TenantUser, connection: ConnectionId, attention: Availability);

    fn remove(&self, person: TenantUser, connection: ConnectionId);

    /// The greatest availability of the user's connections; `None`: there is no connection.
    fn availability_of(&self, person: TenantUser) -> Option<Availability>;

    /// Number of connections of the user.
    fn connection_count(&self, person: TenantUser) -> usize;

    /// The users with an availability ([`PresenceStore::availability_of`]) that may have changed since the last call.
    fn take_changed(&self) -> Vec<TenantUser>;

    /// Number of users present, in all tenants.
    fn count(&self) -> usize;
}

/// The presence of one node.
#[derive(Default)]
pub struct MemoryPresenceStore(Mutex<State>);

/// Bounded by the connections themselves: a user without any is removed, and a change is noted once for each user
/// until it is taken.
#[derive(Default)]
struct State {
    users: HashMap<TenantUser, Vec<(ConnectionId, Availability)>>,
    changed: HashSet<TenantUser>,
}

impl State {
    fn of(&self, person: TenantUser) -> Option<Availability> {
        self.users.get(&person)?.iter().map(|(_, attention)| *attention).max()
    }

    /// Edits a user's connections, and notes the user if that changes its availability.
    fn update(&mut self, person: TenantUser, edit: impl FnOnce(&mut Vec<(ConnectionId, Availability)>)) {
        let before = self.of(person);
        let connections = self.users.entry(person).or_default();
        edit(connections);
        if connections.is_empty() {
            self.users.remove(&person);
        }
        if self.of(person) != before {
            self.changed.insert(person);
        }
    }
}

impl PresenceStore for MemoryPresenceStore {
    fn put(&self, person: TenantUser, connection: ConnectionId, attention: Availability) {
        self.0.lock().update(person, |connections| {
            match connections.iter_mut().find(|(noted, _)| *noted == connection) {
                Some((_, noted)) => *noted = attention,
                None => connections.push((connection, attention)),
            }
        });
    }

    fn remove(&self, person: TenantUser, connection: ConnectionId) {
        let gone = |connections: &mut Vec<_>| connections.retain(|(noted, _)| *noted != connection);
        self.0.lock().update(person, gone);
    }

    fn availability_of(&self, person: TenantUser) -> Option<Availability> {
        self.0.lock().of(person)
    }

    fn connection_count(&self, person: TenantUser) -> usize {
        self.0.lock().users.get(&person).map_or(0, Vec::len)
    }

    fn take_changed(&self) -> Vec<TenantUser> {
        std::mem::take(&mut self.0.lock().changed).into_iter().collect()
    }

    fn count(&self) -> usize {
        self.0.lock().users.len()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::contract;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        contract::presence_store(|| Arc::new(MemoryPresenceStore::default()));
    }
}
