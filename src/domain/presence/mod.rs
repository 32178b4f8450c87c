//! Who is there: each person over all tabs, for the people of the rooms that they share. What changed is told once a second,
//! so that however many come and go, a receiver has one message a second of it.

mod news;
mod tell;
mod told;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

pub use tell::tell;

use self::news::messages;
use self::told::Told;
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, RoomId, TenantId, UserId};
use crate::cluster::attendance::{Attendance, Attention, Person};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::caller;
use crate::protocol::command::PresenceWish;
use crate::protocol::message::ServerMessage;

/// Tabs of one person that may be gone and count all the same: who reloads more often than that within the grace is there by
/// the others.
const MOST_TABS: usize = 32;
/// People of a tenant who are told of in one second; the others come with the next. It keeps a message below the 64 KiB that a
/// socket carries.
const MOST_TOLD: usize = 1_000;

/// Who is there, and what has been told of it.
pub struct Presence {
    attendance: Box<dyn Attendance>,
    grace: TimeDelta,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Connections that have ended and count until their time, which comes in this order. Bounded by [`MOST_TABS`] a person.
    lingering: VecDeque<Lingering>,
    /// People to be looked at; each once.
    due: HashMap<TenantId, BTreeMap<UserId, Why>>,
    told: HashMap<TenantId, Told>,
}

struct Lingering {
    ends_at: DateTime<Utc>,
    person: Person,
    connection: ConnectionId,
}

/// Why somebody is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    /// Came, went or turned.
    Changed,
    /// Has joined or left a room.
    Moved,
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Departure {
    /// The person may be back at once.
    Usual,
    /// It was silent for so long that there is no grace left.
    Silent,
}

/// Says whether the caller sits in front of a connection.
pub fn show(op: &Op, connection: ConnectionId, wish: PresenceWish) -> Result<()> {
    op.require(Permission::ShowPresence)?;
    let person = Person { tenant: op.scope.tenant_id(), user: caller(op)? };
    let attention = match wish {
        PresenceWish::Online => Attention::Online,
        PresenceWish::Away => Attention::Away,
    };
    op.kernel.together.presence.attendance.put(person, connection, attention);
    Ok(())
}

impl Presence {
    pub fn new(attendance: Box<dyn Attendance>, grace: Duration) -> Self {
        let grace = TimeDelta::from_std(grace).unwrap_or(TimeDelta::MAX);
        Self { attendance, grace, state: Mutex::default() }
    }

    /// A person has come by another connection.
    pub fn enter(&self, person: Person, connection: ConnectionId) {
        self.attendance.put(person, connection, Attention::Online);
    }

    /// A connection has ended, at a time by the steady clock. It counts on for a while, as what it was.
    pub fn leave(
        &self,
        person: Person,
        connection: ConnectionId,
        departure: Departure,
        steady: DateTime<Utc>,
    ) {
        let counts_on = departure == Departure::Usual && self.attendance.connections(person) <= MOST_TABS;
        if self.grace.is_zero() || !counts_on {
            return self.attendance.remove(person, connection);
        }
        let ends_at = steady + self.grace;
        self.state.lock().lingering.push_back(Lingering { ends_at, person, connection });
    }

    /// Shows somebody who has just come the people of these rooms. Nothing else is told meanwhile: what is handed over is not
    /// older than what the connection has been told already.
    pub fn welcome(&self, person: Person, rooms: &[RoomId], hand_over: impl FnMut(&ServerMessage)) {
        let state = self.state.lock();
        let told = state.told.get(&person.tenant);
        let people = told.map(|told| told.people_of(rooms, person.user)).unwrap_or_default();
        messages(&people, true).iter().for_each(hand_over);
    }

    /// How many people are there, in all tenants.
    pub fn online(&self) -> usize {
        self.attendance.count()
    }
}
