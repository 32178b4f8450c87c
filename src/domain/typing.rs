//! Typing notifications: a room's other members receive one when a user begins to type, and one when that ends: by
//! command, with a message, with the connection, or after five seconds without an update. All of them are published
//! under the lock, so that the end of a published beginning always precedes the next beginning.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::error::Result;
use super::op::{Op, Services};
use super::rooms::access::{self, require_user};
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, RoomId};
use crate::cluster::presence_store::TenantUser;
use crate::hub::Hub;
use crate::protocol::message::{ServerMessage, Typing as Told, TypingPayload};
use crate::protocol::routing::Ephemeral;

/// Time without an update after which typing ends.
const TIMEOUT: TimeDelta = TimeDelta::seconds(5);
/// Minimum interval between two updates of a user in one room; earlier ones are dropped.
const MIN_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Rooms that one user may be typing in; more are dropped.
const MAX_ROOMS: usize = 10;

/// Typing states by user. At most [`MAX_ROOMS`] for each user that has typed in the last five seconds.
#[derive(Default)]
pub struct TypingTracker(Mutex<HashMap<TenantUser, Vec<TypingState>>>);

/// A user's typing state in one room.
struct TypingState {
    room: RoomId,
    slug: String,
    everyone: bool,
    connection: ConnectionId,
    /// When the last update was received, by the steady clock.
    updated_at: DateTime<Utc>,
    /// Whether the beginning was published, and the end not yet.
    is_published: bool,
}

/// Records that the caller begins, continues or stops typing in a room, and publishes the change.
pub async fn show(op: &Op, connection: ConnectionId, room_id: &str, is_typing: bool) -> Result<()> {
    op.require(Permission::Chat)?;
    let person = TenantUser { tenant: op.scope.tenant_id(), user: require_user(op)? };
    let (typing, steady) = (&op.services.ephemeral.typing, op.services.clock.steady());
    if !is_typing && typing.end(&op.services.hub, person, room_id) {
        return Ok(());
    }
    if is_typing && typing.is_throttled(person, room_id, steady) {
        op.services.metrics.typing_dropped.inc();
        return Ok(());
    }
    let tx = op.read().await?;
    let room = access::load(op, &tx, room_id).await?;
    room.require_member()?;
    room.require_open()?;
    if is_typing {
        let state = TypingState {
            room: room.id(),
            everyone: room.row.everyone,
            slug: room.row.slug,
            connection,
            updated_at: steady,
            is_published: true,
        };
        typing.begin(&op.services.hub, person, state);
    }
    Ok(())
}

/// Ends states without a recent update. To be called a few times a second.
pub fn expire(services: &Services) {
    services.ephemeral.typing.expire(&services.hub, services.clock.steady());
}

impl TypingTracker {
    /// Ends the author's state in a room after a message there; typing may begin again immediately.
    pub fn stop_in_room(&self, hub: &Hub, person: TenantUser, room: RoomId) {
        self.stop_where(hub, person, |draft| draft.room == room);
    }

    /// Ends the states of a closed connection.
    pub fn leave(&self, hub: &Hub, person: TenantUser, connection: ConnectionId) {
        self.stop_where(hub, person, |draft| draft.connection == connection);
    }

    fn stop_where(&self, hub: &Hub, person: TenantUser, which: impl Fn(&TypingState) -> bool) {
        let mut people = self.0.lock();
        let Some(drafts) = people.get_mut(&person) else { return };
        for draft in drafts.extract_if(.., |draft| which(draft)) {
            draft.publish_stopped(hub, person);
        }
        if drafts.is_empty() {
            people.remove(&person);
        }
    }

    /// Whether the last update is too recent, or the user is typing in too many rooms.
    fn is_throttled(&self, person: TenantUser, room_id: &str, steady: DateTime<Utc>) -> bool {
        let people = self.0.lock();
        let Some(drafts) = people.get(&person) else { return false };
        match drafts.iter().find(|draft| draft.slug == room_id) {
            Some(draft) => steady - draft.updated_at < MIN_INTERVAL,
            None => drafts.len() >= MAX_ROOMS,
        }
    }

    fn begin(&self, hub: &Hub, person: TenantUser, state: TypingState) {
        let mut people = self.0.lock();
        let drafts = people.entry(person).or_default();
        let was_published =
            drafts.extract_if(.., |other| other.room == state.room).any(|other| other.is_published);
        if !was_published {
            state.publish(hub, person, true);
        }
        drafts.push(state);
    }

    /// Ends a state; returns whether the user was typing there.
    fn end(&self, hub: &Hub, person: TenantUser, room_id: &str) -> bool {
        let mut people = self.0.lock();
        let drafts = people.get_mut(&person);
        let draft = drafts.and_then(|drafts| drafts.iter_mut().find(|draft| draft.slug == room_id));
        let Some(draft) = draft.filter(|draft| draft.is_published) else { return false };
        // Kept until the interval is over, so that rapid beginnings and ends are not all published.
        draft.publish_stopped(hub, person);
        draft.is_published = false;
        true
    }

    fn expire(&self, hub: &Hub, steady: DateTime<Utc>) {
        self.0.lock().retain(|person, drafts| {
            drafts.retain(|draft| {
                let lasts =
                    steady - draft.updated_at < if draft.is_published { TIMEOUT } else { MIN_INTERVAL };
                if !lasts {
                    draft.publish_stopped(hub, *person);
                }
                lasts
            });
            !drafts.is_empty()
        });
    }
}

impl TypingState {
    fn publish_stopped(&self, hub: &Hub, person: TenantUser) {
        if self.is_published {
            self.publish(hub, person, false);
        }
    }

    fn publish(&self, hub: &Hub, person: TenantUser, is_typing: bool) {
        let ephemeral = Ephemeral::Room { room: self.room, everyone: self.everyone, user: person.user };
        let payload = TypingPayload { room_id: self.slug.clone(), is_typing };
        let message = ServerMessage::Typing(Told { sender_id: person.user.0, payload });
        hub.publish_ephemeral(person.tenant, &ephemeral, &message);
    }
}
