//! The presence changes of one second, and each reader's part of them: users of the reader's rooms, never the reader.

use std::collections::{HashMap, HashSet};

use super::published::{PublishedPresence, PublishedUser, UserStatuses, status};
use crate::base::ids::{RoomId, UserId};
use crate::cluster::presence_store::Availability;
use crate::protocol::message::{Presence, PresencePayload, ServerMessage, UserPresence};

/// Users of a tenant that are published in one second; the others follow in the next. Keeps a message below the 64
/// KiB limit of a socket.
pub(super) const MAX_USERS_PER_MESSAGE: usize = 1_000;

/// The current presence of one user.
pub(super) struct PresenceChange {
    pub user: UserId,
    /// `None`: without a connection.
    pub availability: Option<Availability>,
    /// Joined or left a room.
    pub membership_changed: bool,
    pub rooms: Vec<RoomId>,
}

/// What is to be published.
#[derive(Default)]
pub(super) struct PresenceDiff {
    rooms: HashMap<RoomId, UserStatuses>,
    /// Rooms that a user has joined; the user receives the presence of their members.
    joined_rooms: HashMap<UserId, Vec<RoomId>>,
    changed: HashSet<UserId>,
    /// Users that were published as present and are gone.
    pub gone: HashSet<UserId>,
}

impl PresenceDiff {
    /// Applies the changes to the published presence.
    pub(super) fn apply(published: &mut PublishedPresence, changes: &[PresenceChange]) -> Self {
        let mut diff = Self::default();
        for change in changes {
            match change.availability {
                Some(attention) => diff.add_present(published, change, attention),
                None => diff.add_gone(published, change),
            }
        }
        diff
    }

    fn add_present(
        &mut self,
        published: &mut PublishedPresence,
        change: &PresenceChange,
        availability: Availability,
    ) {
        let now = PublishedUser { availability, rooms: change.rooms.clone() };
        let before = published.put(change.user, now);
        let same = before.as_ref().is_some_and(|before| before.availability == availability);
        let is_new = |room: &RoomId| before.as_ref().is_none_or(|before| !before.rooms.contains(room));
        for room in change.rooms.iter().filter(|room| !same || is_new(room)) {
            self.add_status(*room, change.user, Some(availability));
        }
        let came_into: Vec<RoomId> = change.rooms.iter().copied().filter(is_new).collect();
        // On connect a user receives the presence of its rooms; only rooms that it has joined since are missing.
        if change.membership_changed && !came_into.is_empty() {
            self.joined_rooms.insert(change.user, came_into);
        }
    }

    fn add_gone(&mut self, published: &mut PublishedPresence, change: &PresenceChange) {
        // A user that came and went between two publications was never present for the others.
        let Some(before) = published.remove(change.user) else { return };
        for room in before.rooms.iter().chain(&change.rooms) {
            self.add_status(*room, change.user, None);
        }
        self.gone.insert(change.user);
    }

    fn add_status(&mut self, room: RoomId, user: UserId, availability: Option<Availability>) {
        self.changed.insert(user);
        self.rooms.entry(room).or_default().insert(user, status(availability));
    }

    /// The rooms with a change.
    pub(super) fn rooms(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.keys().copied()
    }

    /// Which of a reader's rooms have a change, in order.
    pub(super) fn rooms_among(&self, own: impl Iterator<Item = RoomId>) -> Vec<RoomId> {
        let mut rooms: Vec<RoomId> = own.filter(|room| self.rooms.contains_key(room)).collect();
        rooms.sort_unstable();
        rooms
    }

    /// Whether the user is among those changed, so that its messages differ from those of others in its rooms.
    pub(super) fn includes(&self, user: UserId) -> bool {
        self.changed.contains(&user)
    }

    /// The statuses that a reader in these rooms receives.
    pub(super) fn statuses_for(
        &self,
        published: &PublishedPresence,
        rooms: &[RoomId],
        user: UserId,
    ) -> UserStatuses {
        let arrived = self.joined_rooms.get(&user).map(|rooms| published.users_in(rooms, user));
        let mut people = arrived.unwrap_or_default();
        people.extend(rooms.iter().filter_map(|room| self.rooms.get(room)).flatten());
        people.remove(&user);
        people
    }
}

/// Statuses in as many messages as their size requires. A snapshot is sent even if it is empty, and only its first
/// message has the flag: the others add to it.
pub(super) fn to_messages(users: &UserStatuses, snapshot: bool) -> Vec<ServerMessage> {
    let users: Vec<UserPresence> =
        users.iter().map(|(user, status)| UserPresence { user_id: user.0, status: *status }).collect();
    let message = |users: &[UserPresence], snapshot| {
        ServerMessage::Presence(Presence { payload: PresencePayload { users: users.to_vec(), snapshot } })
    };
    if users.is_empty() {
        return if snapshot { vec![message(&[], true)] } else { Vec::new() };
    }
    let parts = users.chunks(MAX_USERS_PER_MESSAGE).enumerate();
    parts.map(|(nth, part)| message(part, snapshot && nth == 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::PresenceStatus::{Away, Offline, Online};

    const ANN: UserId = UserId(1);
    const BOB: UserId = UserId(2);
    const HALL: RoomId = RoomId(10);
    const ATTIC: RoomId = RoomId(11);

    fn change(user: UserId, attention: Option<Availability>, rooms: &[RoomId]) -> PresenceChange {
        PresenceChange { user, availability: attention, membership_changed: false, rooms: rooms.to_vec() }
    }

    #[test]
    fn a_reader_receives_changes_of_users_in_shared_rooms() {
        let mut published = PublishedPresence::default();
        let come = [
            change(ANN, Some(Availability::Online), &[HALL, ATTIC]),
            change(BOB, Some(Availability::Away), &[HALL]),
        ];

        let diff = PresenceDiff::apply(&mut published, &come);

        assert_eq!(diff.statuses_for(&published, &[HALL], BOB), [(ANN, Online)].into());
        assert_eq!(diff.statuses_for(&published, &[HALL, ATTIC], ANN), [(BOB, Away)].into());
        assert_eq!(diff.rooms_among([RoomId(12), HALL].into_iter()), [HALL]);
        assert_eq!(published.users_in(&[ATTIC], BOB), [(ANN, Online)].into());
    }

    #[test]
    fn a_change_without_effect_is_not_published() {
        let mut published = PublishedPresence::default();
        PresenceDiff::apply(&mut published, &[change(ANN, Some(Availability::Online), &[HALL])]);

        let again = [change(ANN, Some(Availability::Online), &[HALL]), change(BOB, None, &[HALL])];
        let diff = PresenceDiff::apply(&mut published, &again);

        assert_eq!(diff.rooms().count(), 0);
        assert!(diff.gone.is_empty());
    }

    #[test]
    fn a_user_who_leaves_is_offline_in_old_and_new_rooms_and_removed() {
        let mut published = PublishedPresence::default();
        PresenceDiff::apply(&mut published, &[change(ANN, Some(Availability::Online), &[HALL])]);

        let diff = PresenceDiff::apply(&mut published, &[change(ANN, None, &[ATTIC])]);

        assert_eq!(diff.statuses_for(&published, &[HALL], BOB), [(ANN, Offline)].into());
        assert_eq!(diff.statuses_for(&published, &[ATTIC], BOB), [(ANN, Offline)].into());
        assert_eq!(diff.gone, [ANN].into());
        assert!(published.is_empty());
    }

    #[test]
    fn a_user_who_joins_a_room_is_published_there_and_receives_its_users() {
        let mut published = PublishedPresence::default();
        PresenceDiff::apply(&mut published, &[change(ANN, Some(Availability::Away), &[HALL])]);
        PresenceDiff::apply(&mut published, &[change(BOB, Some(Availability::Online), &[])]);

        let joins =
            PresenceChange { membership_changed: true, ..change(BOB, Some(Availability::Online), &[HALL]) };
        let diff = PresenceDiff::apply(&mut published, &[joins]);

        assert_eq!(diff.statuses_for(&published, &[HALL], BOB), [(ANN, Away)].into());
        assert_eq!(diff.statuses_for(&published, &[HALL], ANN), [(BOB, Online)].into());
    }

    #[test]
    fn many_users_are_split_into_messages_below_the_size_limit() {
        let people: UserStatuses = (0..2_500).map(|nth| (UserId(i64::MAX / 1_024 - nth), Offline)).collect();

        let messages = to_messages(&people, true);

        assert_eq!(messages.len(), 3);
        for (nth, message) in messages.iter().enumerate() {
            let ServerMessage::Presence(presence) = message else { panic!("{message:?}") };
            assert_eq!(presence.payload.snapshot, nth == 0);
            assert!(message.to_json().len() < 64 * 1024);
        }
    }
}
