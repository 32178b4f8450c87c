//! Who is looking at which listing, for those who look at it too. Told once a second; above a hundred viewers only when the
//! count has changed by a twentieth, so that a crowd that comes and goes costs each viewer little.

mod read;
mod tell;

use std::collections::{HashMap, HashSet};

use parking_lot::Mutex;

pub use read::{at, list};
pub use tell::tell;

use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, PropertyId, UserId};
use crate::cluster::viewership::{Listing, Viewed, Viewership};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::caller;
use crate::protocol::problem::Problem;
use crate::storage::properties;

/// Viewers who are named.
const NAMED: usize = 20;

/// What is looked at, and what has been told of it.
pub struct Viewing {
    viewership: Box<dyn Viewership>,
    state: Mutex<State>,
}

/// Bounded by the listings that are looked at.
#[derive(Default)]
struct State {
    told: HashMap<Listing, Viewed>,
    /// Connections that have not been told yet: they are, whatever the others have heard.
    newcomers: HashMap<Listing, HashSet<ConnectionId>>,
}

/// A listing that its viewer may look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub property: PropertyId,
    listing: Listing,
    viewer: UserId,
}

/// The property that the caller wants to look at. One that is removed can be looked at as well.
pub async fn find(op: &Op, property: PropertyId) -> Result<Look> {
    op.require(Permission::ShowViewing)?;
    let viewer = caller(op)?;
    let listing = exists(op, property).await?;
    Ok(Look { property, listing, viewer })
}

async fn exists(op: &Op, property: PropertyId) -> Result<Listing> {
    let tx = op.read().await?;
    properties::find(&tx, property).await?.ok_or_else(Problem::not_found)?;
    Ok(Listing { tenant: op.scope.tenant_id(), property })
}

impl Viewing {
    pub fn new(viewership: Box<dyn Viewership>) -> Self {
        Self { viewership, state: Mutex::default() }
    }

    /// A connection shows a listing from now on. It is told who else looks with the next second.
    pub fn enter(&self, look: Look, connection: ConnectionId) {
        let mut state = self.state.lock();
        self.viewership.put(look.listing, look.viewer, connection);
        state.newcomers.entry(look.listing).or_default().insert(connection);
    }

    pub fn leave(&self, look: Look, connection: ConnectionId) {
        let mut state = self.state.lock();
        self.viewership.remove(look.listing, connection);
        if let Some(newcomers) = state.newcomers.get_mut(&look.listing) {
            newcomers.remove(&connection);
            if newcomers.is_empty() {
                state.newcomers.remove(&look.listing);
            }
        }
    }

    /// How many connections show a listing, in all tenants.
    pub fn connections(&self) -> usize {
        self.viewership.count()
    }
}
