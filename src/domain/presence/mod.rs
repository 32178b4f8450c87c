//! Presence: one status for each user over all connections, published to the members of shared rooms. Changes are
//! published once a second, so that a receiver gets one message a second, however many users come and go.

mod diff;
mod flush;
mod published;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

pub use flush::flush;

use self::diff::to_messages;
use self::published::PublishedPresence;
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, RoomId, TenantId, UserId};
use crate::cluster::presence_store::{Availability, PresenceStore, TenantUser};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::command::OwnPresence;
use crate::protocol::message::ServerMessage;

/// Connections of one user up to which a closed one gets a grace period: a user that reloads more often than that
/// within the grace period is present by the others.
const MAX_GRACE_CONNECTIONS: usize = 32;
/// Users of a tenant that are published in one second; the others follow in the next. Keeps a message below the 64
/// KiB limit of a socket.
const MAX_USERS_PER_MESSAGE: usize = 1_000;

/// The presence of all users, and what has been published of it.
pub struct PresenceTracker {
    store: Box<dyn PresenceStore>,
    grace: TimeDelta,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Closed connections in their grace period, ordered by its end. At most [`MAX_GRACE_CONNECTIONS`] for each user.
    pending_disconnects: VecDeque<PendingDisconnect>,
    /// Users to be checked for a change; each once.
    due: HashMap<TenantId, BTreeMap<UserId, ChangeReason>>,
    published: HashMap<TenantId, PublishedPresence>,
}

struct PendingDisconnect {
    ends_at: DateTime<Utc>,
    person: TenantUser,
    connection: ConnectionId,
}

/// Why a user is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChangeReason {
    /// Connected, disconnected or changed its availability.
    AvailabilityChanged,
    /// Joined or left a room.
    MembershipChanged,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectKind {
    /// The user may reconnect: the grace period applies.
    Normal,
    /// The connection timed out: its silence has used up the grace period.
    TimedOut,
}

/// Sets the caller's availability on a connection.
pub fn show(op: &Op, connection: ConnectionId, command: OwnPresence) -> Result<()> {
    op.require(Permission::ShowPresence)?;
    let person = TenantUser { tenant: op.scope.tenant_id(), user: require_user(op)? };
    let availability = match command {
        OwnPresence::Online => Availability::Online,
        OwnPresence::Away => Availability::Away,
    };
    op.services.ephemeral.presence.store.put(person, connection, availability);
    Ok(())
}

impl PresenceTracker {
    pub fn new(store: Box<dyn PresenceStore>, grace: Duration) -> Self {
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        Self { store, grace, state: Mutex::default() }
    }

    /// Registers a connection of a user as online.
    pub fn enter(&self, person: TenantUser, connection: ConnectionId) {
        self.store.put(person, connection, Availability::Online);
    }

    /// Unregisters a closed connection, at a time by the steady clock. It keeps its availability for the grace
    /// period.
    pub fn leave(
        &self,
        person: TenantUser,
        connection: ConnectionId,
        kind: DisconnectKind,
        steady: DateTime<Utc>,
    ) {
        let has_grace =
            kind == DisconnectKind::Normal && self.store.connection_count(person) <= MAX_GRACE_CONNECTIONS;
        if self.grace.is_zero() || !has_grace {
            return self.store.remove(person, connection);
        }
        let ends_at = steady + self.grace;
        self.state.lock().pending_disconnects.push_back(PendingDisconnect { ends_at, person, connection });
    }

    /// Sends the users present in these rooms to a new connection. The lock excludes publishing meanwhile, so that
    /// the snapshot is not older than what the connection has received already.
    pub fn send_snapshot(&self, person: TenantUser, rooms: &[RoomId], send: impl FnMut(&ServerMessage)) {
        let state = self.state.lock();
        let published = state.published.get(&person.tenant);
        let people = published.map(|published| published.users_in(rooms, person.user)).unwrap_or_default();
        to_messages(&people, true).iter().for_each(send);
    }

    /// Number of users present, in all tenants.
    pub fn user_count(&self) -> usize {
        self.store.count()
    }
}
