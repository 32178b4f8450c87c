//! The reader of a connection, and what it may see at all.

use super::role::Role;
use super::routing::Routing;
use crate::base::ids::{ConnectionId, UserId};

/// The reader's identity. An API key has neither user nor role, and no inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    pub user: Option<UserId>,
    pub role: Option<Role>,
    /// Events that this connection caused are not echoed to it.
    pub connection: Option<ConnectionId>,
}

impl Reader {
    /// A reader of `GET /events`, or a connection without subscriptions.
    pub fn unconnected(user: Option<UserId>, role: Option<Role>) -> Self {
        Self { user, role, connection: None }
    }

    /// Whether the reader may see such an event at all, whatever its source: queued events are checked with this when
    /// the role changes.
    pub fn may_see(self, routing: &Routing) -> bool {
        match routing {
            Routing::Job { .. } | Routing::Property { .. } | Routing::Summary => true,
            // Only members read rooms and conversations, whatever the role.
            Routing::Room { .. } | Routing::Membership { .. } | Routing::Direct { .. } => true,
            Routing::Unknown => false,
            Routing::Notice { audience } => match (self.user, self.role) {
                (Some(user), Some(role)) => audience.includes(user, role),
                _ => false,
            },
            Routing::Alert { concerns } => {
                self.role == Some(Role::Admin) || (concerns.is_some() && *concerns == self.user)
            }
        }
    }

    pub(super) fn is(self, connection: Option<ConnectionId>) -> bool {
        connection.is_some() && connection == self.connection
    }
}
