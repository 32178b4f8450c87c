//! The presence of all users: their connections with the grace period after the end of one, and what is to be
//! published and has been.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::diff::to_messages;
use super::published::PublishedPresence;
use crate::base::ids::{ConnectionId, RoomId, TenantId, UserId};
use crate::cluster::presence_store::{Availability, PresenceStore, TenantUser};
use crate::protocol::message::ServerMessage;

/// Connections of one user up to which a closed one gets a grace period: a user that reloads more often than that
/// within the grace period is present by the others.
const MAX_GRACE_CONNECTIONS: usize = 32;

/// The presence of all users, and what has been published of it.
pub struct PresenceTracker {
    pub(super) store: Box<dyn PresenceStore>,
    grace: TimeDelta,
    pub(super) state: Mutex<State>,
}

#[derive(Default)]
pub(super) struct State {
    /// Closed connections in their grace period, ordered by its end. At most [`MAX_GRACE_CONNECTIONS`] for each user.
    pub(super) pending_disconnects: VecDeque<PendingDisconnect>,
    /// Users to be checked for a change; each once.
    pub(super) due: HashMap<TenantId, BTreeMap<UserId, ChangeReason>>,
    pub(super) published: HashMap<TenantId, PublishedPresence>,
}

pub(super) struct PendingDisconnect {
    pub(super) ends_at: DateTime<Utc>,
    pub(super) person: TenantUser,
    pub(super) connection: ConnectionId,
}

/// Why a user is to be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ChangeReason {
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

impl PresenceTracker {
    pub fn new(store: Box<dyn PresenceStore>, grace: Duration) -> Self {
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        Self { store, grace, state: Mutex::default() }
    }

    /// Registers a connection of a user as online.
    pub fn enter(&self, person: TenantUser, connection: ConnectionId) {
        self.store.put(person, connection, Availability::Online);
    }

    /// Sets the availability of a user on one of its connections.
    pub(super) fn set_availability(
        &self,
        person: TenantUser,
        connection: ConnectionId,
        availability: Availability,
    ) {
        self.store.put(person, connection, availability);
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
