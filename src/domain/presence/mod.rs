//! Presence: one status for each user over all connections, published to the members of shared rooms. Changes are
//! published once a second, so that a receiver gets one message a second, however many users come and go.

pub mod tracker;

mod diff;
mod flush;
mod published;

pub use flush::flush;

use crate::auth::permission::Permission;
use crate::base::ids::ConnectionId;
use crate::cluster::presence_store::{Availability, TenantUser};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::command::OwnPresence;

/// Sets the caller's availability on a connection.
pub fn show(op: &Op, connection: ConnectionId, command: OwnPresence) -> Result<()> {
    op.require(Permission::ShowPresence)?;
    let person = TenantUser { tenant: op.scope.tenant_id(), user: require_user(op)? };
    let availability = match command {
        OwnPresence::Online => Availability::Online,
        OwnPresence::Away => Availability::Away,
    };
    op.services.ephemeral.presence.set_availability(person, connection, availability);
    Ok(())
}
