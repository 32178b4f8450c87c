//! The rooms of a reader according to the log: each with the start of the current membership.

use crate::base::ids::RoomId;

/// Loaded once from the store, then updated by the membership events that follow. These may come out of order (a
/// replay runs ahead of the hub, or behind it) and more than once; the result is the same.
#[derive(Clone, Debug, Default)]
pub struct Memberships {
    /// The loaded state covers events up to this sequence number.
    as_of: i64,
    memberships: Vec<RoomMembership>,
}

#[derive(Clone, Debug)]
struct RoomMembership {
    room: RoomId,
    /// A member sees what came after this sequence number; `None`: not a member any more.
    since: Option<i64>,
    /// The sequence number of the event that changed it.
    changed_at_seq: i64,
}

impl Memberships {
    /// Takes over the stored state: each room with the sequence number after which its membership began. `as_of` is
    /// the log's head, read before. Newer events that were recorded in the meantime stay in effect.
    pub fn load(&mut self, stored: &[(RoomId, i64)], as_of: i64) {
        self.memberships.retain(|known| known.changed_at_seq > as_of);
        for (room, since) in stored {
            if !self.memberships.iter().any(|known| known.room == *room) {
                self.memberships.push(RoomMembership {
                    room: *room,
                    since: Some(*since),
                    changed_at_seq: as_of,
                });
            }
        }
        self.as_of = as_of;
    }

    /// Records that the reader joined or left at `seq`. Returns whether this changed anything.
    pub fn record(&mut self, room: RoomId, joined: bool, seq: i64) -> bool {
        if seq <= self.as_of {
            return false;
        }
        let since = joined.then_some(seq - 1);
        match self.memberships.iter_mut().find(|known| known.room == room) {
            Some(known) if known.changed_at_seq >= seq => false,
            Some(known) => {
                *known = RoomMembership { room, since, changed_at_seq: seq };
                true
            }
            None => {
                self.memberships.push(RoomMembership { room, since, changed_at_seq: seq });
                true
            }
        }
    }

    /// Whether the reader is a member now.
    pub fn has(&self, room: RoomId) -> bool {
        self.iter().any(|one| one == room)
    }

    /// Whether the reader may see what happened in the room at `seq`.
    pub fn sees(&self, room: RoomId, seq: i64) -> bool {
        let known = self.memberships.iter().find(|known| known.room == room);
        known.and_then(|known| known.since).is_some_and(|since| seq > since)
    }

    /// The rooms that the reader is in.
    pub fn iter(&self) -> impl Iterator<Item = RoomId> + '_ {
        self.memberships.iter().filter(|known| known.since.is_some()).map(|known| known.room)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: RoomId = RoomId(1);

    #[test]
    fn a_member_sees_what_came_since_the_present_membership() {
        let mut rooms = Memberships::default();
        rooms.load(&[(ROOM, 10)], 20);

        assert!(rooms.sees(ROOM, 11) && !rooms.sees(ROOM, 10));

        rooms.record(ROOM, false, 30);
        assert!(!rooms.sees(ROOM, 25) && !rooms.has(ROOM));

        rooms.record(ROOM, true, 40);
        assert!(rooms.sees(ROOM, 40) && !rooms.sees(ROOM, 29));
    }

    #[test]
    fn newer_changes_survive_a_load_and_older_ones_do_not() {
        let mut rooms = Memberships::default();
        rooms.record(ROOM, true, 5);
        rooms.record(RoomId(2), false, 25);

        rooms.load(&[(RoomId(2), 3)], 20);

        assert!(!rooms.has(ROOM), "the store, which is newer, does not know of it");
        assert!(!rooms.has(RoomId(2)), "left after the store was read");
        assert!(!rooms.record(ROOM, true, 20), "what the store speaks for is not news");
    }

    #[test]
    fn a_repeated_or_late_change_changes_nothing() {
        let mut rooms = Memberships::default();
        rooms.record(ROOM, false, 30);

        assert!(!rooms.record(ROOM, true, 20));
        assert!(!rooms.record(ROOM, false, 30));
        assert!(!rooms.has(ROOM));
    }
}
