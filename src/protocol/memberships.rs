//! The rooms of a reader, as the log tells of them: each from the start of the present membership on.

use crate::base::ids::RoomId;

/// Read once from the store, then kept up by the membership events that follow. Those may come out of order (a replay
/// runs ahead of the hub, or behind it) and more than once; the result is the same.
#[derive(Clone, Debug, Default)]
pub struct Memberships {
    /// The state of the store that was read speaks for events up to here.
    as_of: i64,
    rooms: Vec<Known>,
}

#[derive(Clone, Debug)]
struct Known {
    room: RoomId,
    /// A member sees what came after this sequence number; `None`: left.
    since: Option<i64>,
    /// The sequence number of the event that said so.
    changed: i64,
}

impl Memberships {
    /// Takes over what the store says: each room with the sequence number that its membership began after. `as_of` is the
    /// log's head, read before. Newer events that have been noted meanwhile stand.
    pub fn read(&mut self, stored: &[(RoomId, i64)], as_of: i64) {
        self.rooms.retain(|known| known.changed > as_of);
        for (room, since) in stored {
            if !self.rooms.iter().any(|known| known.room == *room) {
                self.rooms.push(Known { room: *room, since: Some(*since), changed: as_of });
            }
        }
        self.as_of = as_of;
    }

    /// Notes that the reader joined or left at `seq`. Tells whether that was news.
    pub fn note(&mut self, room: RoomId, joined: bool, seq: i64) -> bool {
        if seq <= self.as_of {
            return false;
        }
        let since = joined.then_some(seq - 1);
        match self.rooms.iter_mut().find(|known| known.room == room) {
            Some(known) if known.changed >= seq => false,
            Some(known) => {
                *known = Known { room, since, changed: seq };
                true
            }
            None => {
                self.rooms.push(Known { room, since, changed: seq });
                true
            }
        }
    }

    /// Whether the reader is a member now.
    pub fn has(&self, room: RoomId) -> bool {
        self.iter().any(|one| one == room)
    }

    /// Whether what happened in the room at `seq` is the reader's to see.
    pub fn sees(&self, room: RoomId, seq: i64) -> bool {
        let known = self.rooms.iter().find(|known| known.room == room);
        known.and_then(|known| known.since).is_some_and(|since| seq > since)
    }

    /// The rooms that the reader is in.
    pub fn iter(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.rooms.iter().filter(|known| known.since.is_some()).map(|known| known.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);

    #[test]
    fn a_member_sees_what_came_since_the_present_membership() {
        let mut rooms = Memberships::default();
        rooms.read(&[(ROOM, 10)], 20);

        assert!(rooms.sees(ROOM, 11) && !rooms.sees(ROOM, 10));

        rooms.note(ROOM, false, 30);
        assert!(!rooms.sees(ROOM, 25) && !rooms.has(ROOM));

        rooms.note(ROOM, true, 40);
        assert!(rooms.sees(ROOM, 40) && !rooms.sees(ROOM, 29));
    }

    #[test]
    fn news_that_came_before_the_store_was_read_stands_and_old_news_does_not() {
        let mut rooms = Memberships::default();
        rooms.note(ROOM, true, 5);
        rooms.note(RoomId(2), false, 25);

        rooms.read(&[(RoomId(2), 3)], 20);

        assert!(!rooms.has(ROOM), "the store, which is newer, does not know of it");
        assert!(!rooms.has(RoomId(2)), "left after the store was read");
        assert!(!rooms.note(ROOM, true, 20), "what the store speaks for is not news");
    }

    #[test]
    fn what_is_told_twice_or_late_changes_nothing() {
        let mut rooms = Memberships::default();
        rooms.note(ROOM, false, 30);

        assert!(!rooms.note(ROOM, true, 20));
        assert!(!rooms.note(ROOM, false, 30));
        assert!(!rooms.has(ROOM));
    }
}
