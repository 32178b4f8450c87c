//! The viewers of each property, published to those viewers once a second; above a hundred viewers only when the
//! count has changed by a twentieth, so that many arrivals and departures cost each viewer little.

mod flush;
mod read;

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

pub use flush::flush;
pub use read::{list, viewers_of};

use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, PropertyId, UserId};
use crate::cluster::viewer_store::{TenantProperty, ViewerStore, ViewerSummary};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::Problem;
use crate::storage::properties;

/// Viewers that are named.
const MAX_NAMED_VIEWERS: usize = 20;

/// The current viewers, and what has been published of them.
pub struct ViewerTracker {
    store: Box<dyn ViewerStore>,
    state: Mutex<State>,
}

/// Bounded by the properties with viewers.
#[derive(Default)]
struct State {
    published: HashMap<TenantProperty, ViewerSummary>,
    /// Connections that have received nothing yet: they get the viewers even if the others get no update.
    new_connections: HashMap<TenantProperty, HashSet<ConnectionId>>,
}

/// A property that the caller may view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewTarget {
    pub property: PropertyId,
    key: TenantProperty,
    viewer: UserId,
}

/// The property that the caller wants to view. A removed one can be viewed as well.
pub async fn authorize(op: &Op, property: PropertyId) -> Result<ViewTarget> {
    op.require(Permission::ShowViewing)?;
    let viewer = require_user(op)?;
    let listing = require_property(op, property).await?;
    Ok(ViewTarget { property, key: listing, viewer })
}

async fn require_property(op: &Op, property: PropertyId) -> Result<TenantProperty> {
    let tx = op.read().await?;
    properties::find(&tx, property).await?.ok_or_else(Problem::not_found)?;
    Ok(TenantProperty { tenant: op.scope.tenant_id(), property })
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
