//! What a second has changed, and what of it is one reader's to hear: the people of one's rooms, never oneself.

use std::collections::{HashMap, HashSet};

use super::MOST_TOLD;
use super::told::{Known, People, Told, status};
use crate::base::ids::{RoomId, UserId};
use crate::cluster::attendance::Attention;
use crate::protocol::message::{Presence, PresencePayload, ServerMessage, UserPresence};

/// How somebody stands now.
pub(super) struct Change {
    pub user: UserId,
    /// `None`: is not there any more.
    pub attention: Option<Attention>,
    /// Has joined or left a room.
    pub moved: bool,
    pub rooms: Vec<RoomId>,
}

/// What is to be told.
#[derive(Default)]
pub(super) struct News {
    rooms: HashMap<RoomId, People>,
    /// Rooms that somebody has come into, whose people that person is shown.
    arrivals: HashMap<UserId, Vec<RoomId>>,
    changed: HashSet<UserId>,
    /// Who was there and is not any more.
    pub gone: HashSet<UserId>,
}

impl News {
    /// Takes the changes over into what is told.
    pub(super) fn of(told: &mut Told, changes: &[Change]) -> Self {
        let mut news = Self::default();
        for change in changes {
            match change.attention {
                Some(attention) => news.is_there(told, change, attention),
                None => news.has_gone(told, change),
            }
        }
        news
    }

    fn is_there(&mut self, told: &mut Told, change: &Change, attention: Attention) {
        let now = Known { attention, rooms: change.rooms.clone() };
        let before = told.put(change.user, now);
        let same = before.as_ref().is_some_and(|before| before.attention == attention);
        let is_new = |room: &RoomId| before.as_ref().is_none_or(|before| !before.rooms.contains(room));
        for room in change.rooms.iter().filter(|room| !same || is_new(room)) {
            self.tell(*room, change.user, Some(attention));
        }
        let came_into: Vec<RoomId> = change.rooms.iter().copied().filter(is_new).collect();
        // Who has only connected was shown the rooms of that moment; who has joined one since was not shown that one.
        if change.moved && !came_into.is_empty() {
            self.arrivals.insert(change.user, came_into);
        }
    }

    fn has_gone(&mut self, told: &mut Told, change: &Change) {
        // Who came and went before it was told was never there for the others.
        let Some(before) = told.remove(change.user) else { return };
        for room in before.rooms.iter().chain(&change.rooms) {
            self.tell(*room, change.user, None);
        }
        self.gone.insert(change.user);
    }

    fn tell(&mut self, room: RoomId, user: UserId, attention: Option<Attention>) {
        self.changed.insert(user);
        self.rooms.entry(room).or_default().insert(user, status(attention));
    }

    /// The rooms that have something to hear.
    pub(super) fn rooms(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.keys().copied()
    }

    /// Which of a reader's rooms have something to hear, in order.
    pub(super) fn rooms_among(&self, own: impl Iterator<Item = RoomId>) -> Vec<RoomId> {
        let mut rooms: Vec<RoomId> = own.filter(|room| self.rooms.contains_key(room)).collect();
        rooms.sort_unstable();
        rooms
    }

    /// Whether a reader of the same rooms would hear the same.
    pub(super) fn is_about(&self, user: UserId) -> bool {
        self.changed.contains(&user)
    }

    /// What a reader in these rooms is told.
    pub(super) fn people(&self, told: &Told, rooms: &[RoomId], user: UserId) -> People {
        let arrived = self.arrivals.get(&user).map(|rooms| told.people_of(rooms, user));
        let mut people = arrived.unwrap_or_default();
        people.extend(rooms.iter().filter_map(|room| self.rooms.get(room)).flatten());
        people.remove(&user);
        people
    }
}

/// People in as many messages as their size asks for. A snapshot is told also when nobody is there, and only its first message
/// is one: the others add to it.
pub(super) fn messages(people: &People, snapshot: bool) -> Vec<ServerMessage> {
    let users: Vec<UserPresence> =
        people.iter().map(|(user, status)| UserPresence { user_id: user.0, status: *status }).collect();
    let message = |users: &[UserPresence], snapshot| {
        ServerMessage::Presence(Presence { payload: PresencePayload { users: users.to_vec(), snapshot } })
    };
    if users.is_empty() {
        return if snapshot { vec![message(&[], true)] } else { Vec::new() };
    }
    let parts = users.chunks(MOST_TOLD).enumerate();
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

    fn change(user: UserId, attention: Option<Attention>, rooms: &[RoomId]) -> Change {
        Change { user, attention, moved: false, rooms: rooms.to_vec() }
    }

    #[test]
    fn a_reader_hears_of_the_others_in_the_rooms_that_they_share() {
        let mut told = Told::default();
        let come = [
            change(ANN, Some(Attention::Online), &[HALL, ATTIC]),
            change(BOB, Some(Attention::Away), &[HALL]),
        ];

        let news = News::of(&mut told, &come);

        assert_eq!(news.people(&told, &[HALL], BOB), [(ANN, Online)].into());
        assert_eq!(news.people(&told, &[HALL, ATTIC], ANN), [(BOB, Away)].into());
        assert_eq!(news.rooms_among([RoomId(12), HALL].into_iter()), [HALL]);
        assert_eq!(told.people_of(&[ATTIC], BOB), [(ANN, Online)].into());
    }

    #[test]
    fn what_came_to_nothing_is_not_told() {
        let mut told = Told::default();
        News::of(&mut told, &[change(ANN, Some(Attention::Online), &[HALL])]);

        let again = [change(ANN, Some(Attention::Online), &[HALL]), change(BOB, None, &[HALL])];
        let news = News::of(&mut told, &again);

        assert_eq!(news.rooms().count(), 0);
        assert!(news.gone.is_empty());
    }

    #[test]
    fn who_goes_is_offline_in_the_rooms_of_before_and_of_now_and_forgotten() {
        let mut told = Told::default();
        News::of(&mut told, &[change(ANN, Some(Attention::Online), &[HALL])]);

        let news = News::of(&mut told, &[change(ANN, None, &[ATTIC])]);

        assert_eq!(news.people(&told, &[HALL], BOB), [(ANN, Offline)].into());
        assert_eq!(news.people(&told, &[ATTIC], BOB), [(ANN, Offline)].into());
        assert_eq!(news.gone, [ANN].into());
        assert!(told.is_empty());
    }

    #[test]
    fn who_joins_a_room_is_seen_there_and_shown_who_is_there() {
        let mut told = Told::default();
        News::of(&mut told, &[change(ANN, Some(Attention::Away), &[HALL])]);
        News::of(&mut told, &[change(BOB, Some(Attention::Online), &[])]);

        let joins = Change { moved: true, ..change(BOB, Some(Attention::Online), &[HALL]) };
        let news = News::of(&mut told, &[joins]);

        assert_eq!(news.people(&told, &[HALL], BOB), [(ANN, Away)].into());
        assert_eq!(news.people(&told, &[HALL], ANN), [(BOB, Online)].into());
    }

    #[test]
    fn a_crowd_comes_in_messages_that_a_socket_carries() {
        let people: People = (0..2_500).map(|nth| (UserId(i64::MAX / 1_024 - nth), Offline)).collect();

        let messages = messages(&people, true);

        assert_eq!(messages.len(), 3);
        for (nth, message) in messages.iter().enumerate() {
            let ServerMessage::Presence(presence) = message else { panic!("{message:?}") };
            assert_eq!(presence.payload.snapshot, nth == 0);
            assert!(message.to_json().len() < 64 * 1024);
        }
    }
}
