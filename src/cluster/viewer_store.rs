//! Viewers of properties, by connection. Like the presence store it answers from this node's memory without waiting.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;

use parking_lot::Mutex;

use crate::base::ids::{ConnectionId, PropertyId, TenantId, UserId};

/// A property of a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TenantProperty {
    pub tenant: TenantId,
    pub property: PropertyId,
}

/// The users that view a property, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerSummary {
    pub count: usize,
    /// The first of them, by the age of their connections.
    pub first_users: Vec<UserId>,
}

/// The viewers of all properties.
pub trait ViewerStore: Send + Sync {
    /// Stores a connection that views a property.
    fn put(&self, listing: TenantProperty, viewer: UserId, connection: ConnectionId);

    fn remove(&self, listing: TenantProperty, connection: ConnectionId);

    /// The viewers of a property; up to `most` of them by id.
    fn viewers_of(&self, listing: TenantProperty, most: usize) -> ViewerSummary;

    /// The viewed properties of a tenant and their numbers of users, in the order of ids after `after`.
    fn list(&self, tenant: TenantId, after: Option<PropertyId>, most: usize) -> Vec<(PropertyId, usize)>;

    /// The properties with viewers that have changed since the last call.
    fn take_changed(&self) -> Vec<TenantProperty>;

    /// Number of connections that view a property, in all tenants.
    fn count(&self) -> usize;
}

/// The viewers of one node.
#[derive(Default)]
pub struct MemoryViewerStore(Mutex<State>);

/// Bounded by the connections themselves: a property without viewers is removed, and a change is noted once for each
/// property until it is taken.
#[derive(Default)]
struct State {
    tenants: HashMap<TenantId, BTreeMap<PropertyId, PropertyViewers>>,
    changed: HashSet<TenantProperty>,
    connections: usize,
}

/// A property's viewers.
#[derive(Default)]
struct PropertyViewers {
    /// In the order of creation.
    connections: BTreeMap<ConnectionId, UserId>,
    /// Number of connections of each user.
    connections_by_user: HashMap<UserId, usize>,
}

impl ViewerStore for MemoryViewerStore {
    fn put(&self, listing: TenantProperty, viewer: UserId, connection: ConnectionId) {
        let state = &mut *self.0.lock();
        let crowd = state.tenants.entry(listing.tenant).or_default().entry(listing.property).or_default();
        if crowd.connections.insert(connection, viewer).is_none() {
            *crowd.connections_by_user.entry(viewer).or_default() += 1;
            state.connections += 1;
            state.changed.insert(listing);
        }
    }

    fn remove(&self, listing: TenantProperty, connection: ConnectionId) {
        let state = &mut *self.0.lock();
        let Some(listings) = state.tenants.get_mut(&listing.tenant) else { return };
        let Some(crowd) = listings.get_mut(&listing.property) else { return };
        let Some(viewer) = crowd.connections.remove(&connection) else { return };
        if let Some(held) = crowd.connections_by_user.get_mut(&viewer) {
            *held -= 1;
            if *held == 0 {
                crowd.connections_by_user.remove(&viewer);
            }
        }
        if crowd.connections.is_empty() {
            listings.remove(&listing.property);
        }
        if listings.is_empty() {
            state.tenants.remove(&listing.tenant);
        }
        state.connections -= 1;
        state.changed.insert(listing);
    }

    fn viewers_of(&self, listing: TenantProperty, most: usize) -> ViewerSummary {
        let state = self.0.lock();
        let crowd = state.tenants.get(&listing.tenant).and_then(|listings| listings.get(&listing.property));
        let Some(crowd) = crowd else { return ViewerSummary::default() };
        let mut first = Vec::with_capacity(most.min(crowd.connections_by_user.len()));
        for viewer in crowd.connections.values() {
            if first.len() == most {
                break;
            }
            if !first.contains(viewer) {
                first.push(*viewer);
            }
        }
        ViewerSummary { count: crowd.connections_by_user.len(), first_users: first }
    }

    fn list(&self, tenant: TenantId, after: Option<PropertyId>, most: usize) -> Vec<(PropertyId, usize)> {
        let state = self.0.lock();
        let Some(listings) = state.tenants.get(&tenant) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let listed = listings.range((from, Bound::Unbounded)).take(most);
        listed.map(|(property, crowd)| (*property, crowd.connections_by_user.len())).collect()
    }

    fn take_changed(&self) -> Vec<TenantProperty> {
        std::mem::take(&mut self.0.lock().changed).into_iter().collect()
    }

    fn count(&self) -> usize {
        self.0.lock().connections
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::cluster::contract;

    #[test]
    fn the_memory_store_keeps_the_contract() {
        contract::viewer_store(|| Arc::new(MemoryViewerStore::default()));
    }
}
