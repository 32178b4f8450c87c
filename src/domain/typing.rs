//! Who is writing in which room: told to the room's other people when it begins and when it ends, which it does with a message,
//! with the connection, or by itself when nothing is heard for five seconds. What was told is ended before anything else is
//! told of it, so everything here is told under its lock.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::error::Result;
use super::op::{Kernel, Op};
use super::rooms::access::{self, caller};
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, RoomId};
use crate::cluster::attendance::Person;
use crate::hub::Hub;
use crate::protocol::message::{ServerMessage, Typing as Told, TypingPayload};
use crate::protocol::routing::Passing;

/// When it ends without news.
const ENDS_AFTER: TimeDelta = TimeDelta::seconds(5);
/// How often somebody may begin in one room; what comes sooner is dropped.
const PAUSE: TimeDelta = TimeDelta::seconds(1);
/// Rooms that one person may be writing in; more are dropped.
const MOST_ROOMS: usize = 10;

/// Who is writing where. Bounded by [`MOST_ROOMS`] for each person who has written in the last five seconds.
#[derive(Default)]
pub struct Typing(Mutex<HashMap<Person, Vec<Draft>>>);

/// What somebody writes in one room.
struct Draft {
    room: RoomId,
    slug: String,
    everyone: bool,
    connection: ConnectionId,
    /// When the person last said so, by the steady clock.
    said_at: DateTime<Utc>,
    /// Whether the others were told that it began, and not that it ended.
    is_told: bool,
}

/// Says that the caller begins to write in a room, goes on, or stops.
pub async fn show(op: &Op, connection: ConnectionId, room_id: &str, is_typing: bool) -> Result<()> {
    op.require(Permission::Chat)?;
    let person = Person { tenant: op.scope.tenant_id(), user: caller(op)? };
    let (typing, steady) = (&op.kernel.together.typing, op.kernel.clock.steady());
    if !is_typing && typing.end(&op.kernel.hub, person, room_id) {
        return Ok(());
    }
    if is_typing && typing.is_full(person, room_id, steady) {
        op.kernel.metrics.typing_dropped.one();
        return Ok(());
    }
    let tx = op.read().await?;
    let room = access::meet(op, &tx, room_id).await?;
    room.require_member()?;
    room.require_open()?;
    if is_typing {
        let draft = Draft {
            room: room.id(),
            everyone: room.row.everyone,
            slug: room.row.slug,
            connection,
            said_at: steady,
            is_told: true,
        };
        typing.begin(&op.kernel.hub, person, draft);
    }
    Ok(())
}

/// Ends by itself what nothing was heard of. To be called a few times a second.
pub fn expire(kernel: &Kernel) {
    kernel.together.typing.expire(&kernel.hub, kernel.clock.steady());
}

impl Typing {
    /// A message was sent to a room: its author has stopped writing there, and may begin again at once.
    pub fn said(&self, hub: &Hub, person: Person, room: RoomId) {
        self.forget(hub, person, |draft| draft.room == room);
    }

    /// A connection has ended, and with it what was written on it.
    pub fn leave(&self, hub: &Hub, person: Person, connection: ConnectionId) {
        self.forget(hub, person, |draft| draft.connection == connection);
    }

    fn forget(&self, hub: &Hub, person: Person, which: impl Fn(&Draft) -> bool) {
        let mut people = self.0.lock();
        let Some(drafts) = people.get_mut(&person) else { return };
        for draft in drafts.extract_if(.., |draft| which(draft)) {
            draft.tell_end(hub, person);
        }
        if drafts.is_empty() {
            people.remove(&person);
        }
    }

    /// Whether the person has just said so, or writes in too many rooms already.
    fn is_full(&self, person: Person, room_id: &str, steady: DateTime<Utc>) -> bool {
        let people = self.0.lock();
        let Some(drafts) = people.get(&person) else { return false };
        match drafts.iter().find(|draft| draft.slug == room_id) {
            Some(draft) => steady - draft.said_at < PAUSE,
            None => drafts.len() >= MOST_ROOMS,
        }
    }

    fn begin(&self, hub: &Hub, person: Person, draft: Draft) {
        let mut people = self.0.lock();
        let drafts = people.entry(person).or_default();
        let told = drafts.extract_if(.., |other| other.room == draft.room).any(|other| other.is_told);
        if !told {
            draft.tell(hub, person, true);
        }
        drafts.push(draft);
    }

    /// Whether the person was writing there.
    fn end(&self, hub: &Hub, person: Person, room_id: &str) -> bool {
        let mut people = self.0.lock();
        let drafts = people.get_mut(&person);
        let draft = drafts.and_then(|drafts| drafts.iter_mut().find(|draft| draft.slug == room_id));
        let Some(draft) = draft.filter(|draft| draft.is_told) else { return false };
        // It stays for a while, so that who begins and stops all the time is not told all the time.
        draft.tell_end(hub, person);
        draft.is_told = false;
        true
    }

    fn expire(&self, hub: &Hub, steady: DateTime<Utc>) {
        self.0.lock().retain(|person, drafts| {
            drafts.retain(|draft| {
                let lasts = steady - draft.said_at < if draft.is_told { ENDS_AFTER } else { PAUSE };
                if !lasts {
                    draft.tell_end(hub, *person);
                }
                lasts
            });
            !drafts.is_empty()
        });
    }
}

impl Draft {
    fn tell_end(&self, hub: &Hub, person: Person) {
        if self.is_told {
            self.tell(hub, person, false);
        }
    }

    fn tell(&self, hub: &Hub, person: Person, is_typing: bool) {
        let passing = Passing::Room { room: self.room, everyone: self.everyone, of: person.user };
        let payload = TypingPayload { room_id: self.slug.clone(), is_typing };
        let message = ServerMessage::Typing(Told { sender_id: person.user.0, payload });
        hub.pass(person.tenant, &passing, &message);
    }
}
