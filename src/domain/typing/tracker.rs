//! Typing notifications: a room's other members receive one when a user begins to type, and one when that ends: by
//! command, with a message, with the connection, or after five seconds without an update. All of them are published
//! under the tenant's lock, so that the end of a published beginning always precedes the next beginning.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::base::ids::{ConnectionId, RoomId, TenantId, UserId};
use crate::cluster::presence_store::TenantUser;
use crate::domain::publisher::Publisher;
use crate::protocol::message::{ServerMessage, Typing, TypingPayload};
use crate::protocol::routing::Ephemeral;

/// Time without an update after which typing ends.
const TIMEOUT: TimeDelta = TimeDelta::seconds(5);
/// Minimum interval between two updates of a user in one room; earlier ones are dropped.
const MIN_INTERVAL: TimeDelta = TimeDelta::seconds(1);
/// Rooms that one user may be typing in; more are dropped.
const MAX_ROOMS: usize = 10;

/// Typing states by tenant and user. At most [`MAX_ROOMS`] for each user that has typed in the last five seconds. Each
/// tenant has a lock of its own: publishing to many members of one delays no other.
#[derive(Default)]
pub struct TypingTracker(Mutex<HashMap<TenantId, Arc<Mutex<Typists>>>>);

type Typists = HashMap<UserId, Vec<TypingState>>;

/// A user's typing state in one room.
pub(super) struct TypingState {
    pub(super) room: RoomId,
    pub(super) slug: String,
    pub(super) everyone: bool,
    pub(super) connection: ConnectionId,
    /// When the last update was received, by the steady clock.
    pub(super) updated_at: DateTime<Utc>,
    /// Whether the beginning was published, and the end not yet.
    pub(super) is_published: bool,
}

impl TypingTracker {
    /// Ends the author's state in a room after a message there; typing may begin again immediately.
    pub fn stop_in_room(&self, publisher: &Publisher, typist: TenantUser, room: RoomId) {
        self.stop_where(publisher, typist, |draft| draft.room == room);
    }

    /// Ends the states of a closed connection.
    pub fn leave(&self, publisher: &Publisher, typist: TenantUser, connection: ConnectionId) {
        self.stop_where(publisher, typist, |draft| draft.connection == connection);
    }

    /// The typists of a tenant, if there are any.
    fn typists(&self, tenant: TenantId) -> Option<Arc<Mutex<Typists>>> {
        self.0.lock().get(&tenant).cloned()
    }

    fn stop_where(&self, publisher: &Publisher, typist: TenantUser, which: impl Fn(&TypingState) -> bool) {
        let Some(typists) = self.typists(typist.tenant) else { return };
        let mut typists = typists.lock();
        let Some(drafts) = typists.get_mut(&typist.user) else { return };
        for draft in drafts.extract_if(.., |draft| which(draft)) {
            draft.publish_stopped(publisher, typist);
        }
        if drafts.is_empty() {
            typists.remove(&typist.user);
        }
    }

    /// Whether the last update is too recent, or the user is typing in too many rooms.
    pub(super) fn is_throttled(&self, typist: TenantUser, room_id: &str, steady: DateTime<Utc>) -> bool {
        let Some(typists) = self.typists(typist.tenant) else { return false };
        let typists = typists.lock();
        let Some(drafts) = typists.get(&typist.user) else { return false };
        match drafts.iter().find(|draft| draft.slug == room_id) {
            Some(draft) => steady - draft.updated_at < MIN_INTERVAL,
            None => drafts.len() >= MAX_ROOMS,
        }
    }

    pub(super) fn begin(&self, publisher: &Publisher, typist: TenantUser, state: TypingState) {
        let typists = Arc::clone(self.0.lock().entry(typist.tenant).or_default());
        let mut typists = typists.lock();
        let drafts = typists.entry(typist.user).or_default();
        let was_published =
            drafts.extract_if(.., |other| other.room == state.room).any(|other| other.is_published);
        if !was_published {
            state.publish(publisher, typist, true);
        }
        drafts.push(state);
    }

    /// Ends a state; returns whether the user was typing there.
    pub(super) fn end(&self, publisher: &Publisher, typist: TenantUser, room_id: &str) -> bool {
        let Some(typists) = self.typists(typist.tenant) else { return false };
        let mut typists = typists.lock();
        let drafts = typists.get_mut(&typist.user);
        let draft = drafts.and_then(|drafts| drafts.iter_mut().find(|draft| draft.slug == room_id));
        let Some(draft) = draft.filter(|draft| draft.is_published) else { return false };
        // Kept until the interval is over, so that rapid beginnings and ends are not all published.
        draft.publish_stopped(publisher, typist);
        draft.is_published = false;
        true
    }

    pub(super) fn expire(&self, publisher: &Publisher, steady: DateTime<Utc>) {
        let tenants: Vec<_> =
            self.0.lock().iter().map(|(tenant, typists)| (*tenant, Arc::clone(typists))).collect();
        for (tenant, typists) in tenants {
            typists.lock().retain(|user, drafts| {
                let typist = TenantUser { tenant, user: *user };
                drafts.retain(|draft| {
                    let lasts = draft.lasts(steady);
                    if !lasts {
                        draft.publish_stopped(publisher, typist);
                    }
                    lasts
                });
                !drafts.is_empty()
            });
        }
        // A caller that has the lock already may be about to add a state.
        self.0.lock().retain(|_, typists| Arc::strong_count(typists) > 1 || !typists.lock().is_empty());
    }
}

impl TypingState {
    fn lasts(&self, steady: DateTime<Utc>) -> bool {
        steady - self.updated_at < if self.is_published { TIMEOUT } else { MIN_INTERVAL }
    }

    fn publish_stopped(&self, publisher: &Publisher, typist: TenantUser) {
        if self.is_published {
            self.publish(publisher, typist, false);
        }
    }

    fn publish(&self, publisher: &Publisher, typist: TenantUser, is_typing: bool) {
        let ephemeral = Ephemeral::Room { room: self.room, everyone: self.everyone, user: typist.user };
        let payload = TypingPayload { room_id: self.slug.clone(), is_typing };
        let message = ServerMessage::Typing(Typing { sender_id: typist.user.0, payload });
        publisher.publish_ephemeral(typist.tenant, ephemeral, message);
    }
}
