//! Who is there: each person over all tabs, for the people of the rooms that they share. What changed is told once a second,
//! so that however many come and go, a receiver has one message a second of it.

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

/// Tabs of one person that may be gone and count all the same: who reloads more often than that within the grace is there by
/// the others.
const MAX_GRACE_CONNECTIONS: usize = 32;
/// People of a tenant who are told of in one second; the others come with the next. It keeps a message below the 64 KiB that a
/// socket carries.
const MAX_USERS_PER_MESSAGE: usize = 1_000;

/// Who is there, and what has been told of it.
pub struct PresenceTracker {
    store: Box<dyn PresenceStore>,
    grace: TimeDelta,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Connections that have ended and count until their time, which comes in this order. Bounded by [`MOST_TABS`] a person.
    pending_disconnects: VecDeque<PendingDisconnect>,
    /// People to be looked at; each once.
    due: HashMap<TenantId, BTreeMap<UserId, ChangeReason>>,
    published: HashMap<TenantId, PublishedPresence>,
}

struct PendingDisconnect {
    ends_at: DateTime<Utc>,
    person: TenantUser,
    connection: ConnectionId,
}

/// Why somebody is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum ChangeReason {
    /// Came, went or turned.
    AvailabilityChanged,
    /// Has joined or left a room.
    MembershipChanged,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisconnectKind {
    /// The person may be back at once.
    Normal,
    /// It was silent for so long that there is no grace left.
    TimedOut,
}

/// Says whether the caller sits in front of a connection.
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
        Self { store: store, grace, state: Mutex::default() }
    }

    /// A person has come by another connection.
    pub fn enter(&self, person: TenantUser, connection: ConnectionId) {
        self.store.put(person, connection, Availability::Online);
    }

    /// A connection has ended, at a time by the steady clock. It counts on for a while, as what it was.
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

    /// Shows somebody who has just come the people of these rooms. Nothing else is told meanwhile: what is handed over is not
    /// older than what the connection has been told already.
    pub fn send_snapshot(&self, person: TenantUser, rooms: &[RoomId], send: impl FnMut(&ServerMessage)) {
        let state = self.state.lock();
        let published = state.published.get(&person.tenant);
        let people = published.map(|published| published.users_in(rooms, person.user)).unwrap_or_default();
        to_messages(&people, true).iter().for_each(send);
    }

    /// How many people are there, in all tenants.
    pub fn user_count(&self) -> usize {
        self.store.count()
    }
}
