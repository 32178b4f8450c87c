//! The connections that view each property, and what has been published of them.

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

use crate::base::ids::{ConnectionId, PropertyId, UserId};
use crate::cluster::viewer_store::{TenantProperty, ViewerStore, ViewerSummary};

/// Viewers that are named.
pub(super) const MAX_NAMED_VIEWERS: usize = 20;

/// The current viewers, and what has been published of them.
pub struct ViewerTracker {
    pub(super) store: Box<dyn ViewerStore>,
    pub(super) state: Mutex<State>,
}

/// Bounded by the properties with viewers.
#[derive(Default)]
pub(super) struct State {
    pub(super) published: HashMap<TenantProperty, ViewerSummary>,
    /// Connections that have received nothing yet: they get the viewers even if the others get no update.
    pub(super) new_connections: HashMap<TenantProperty, HashSet<ConnectionId>>,
}

/// A property that the caller may view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewTarget {
    pub property: PropertyId,
    pub(super) key: TenantProperty,
    pub(super) viewer: UserId,
}

impl ViewerTracker {
    pub fn new(store: Box<dyn ViewerStore>) -> Self {
        Self { store, state: Mutex::default() }
    }

    /// Registers a connection as a viewer. It is sent the property's viewers within a second.
    pub fn enter(&self, target: ViewTarget, connection: ConnectionId) {
        let mut state = self.state.lock();
        self.store.put(target.key, target.viewer, connection);
        state.new_connections.entry(target.key).or_default().insert(connection);
    }

    pub fn leave(&self, target: ViewTarget, connection: ConnectionId) {
        let mut state = self.state.lock();
        self.store.remove(target.key, connection);
        if let Some(newcomers) = state.new_connections.get_mut(&target.key) {
            newcomers.remove(&connection);
            if newcomers.is_empty() {
                state.new_connections.remove(&target.key);
            }
        }
    }

    /// Number of connections that view a property, in all tenants.
    pub fn connections(&self) -> usize {
        self.store.count()
    }
}
