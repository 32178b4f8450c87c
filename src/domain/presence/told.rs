//! What the readers of a tenant have been told of who is there: what the next change is measured by, and what a newcomer is
//! shown, so that all have the same picture.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::ids::{RoomId, UserId};
use crate::cluster::attendance::Attention;
use crate::protocol::message::PresenceStatus;

/// Bounded by the people who are there and their memberships.
#[derive(Default)]
pub(super) struct Told {
    people: HashMap<UserId, Known>,
    rooms: HashMap<RoomId, BTreeSet<UserId>>,
}

/// Somebody of whom it was told that they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Known {
    pub attention: Attention,
    pub rooms: Vec<RoomId>,
}

/// How people stand, by their ids.
pub(super) type People = BTreeMap<UserId, PresenceStatus>;

impl Told {
    pub(super) fn knows(&self, user: UserId) -> bool {
        self.people.contains_key(&user)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.people.is_empty()
    }

    /// Notes how somebody stands now and in which rooms; gives what was known before.
    pub(super) fn put(&mut self, user: UserId, known: Known) -> Option<Known> {
        let before = self.remove(user);
        for room in &known.rooms {
            self.rooms.entry(*room).or_default().insert(user);
        }
        self.people.insert(user, known);
        before
    }

    pub(super) fn remove(&mut self, user: UserId) -> Option<Known> {
        let known = self.people.remove(&user)?;
        for room in &known.rooms {
            if let Some(people) = self.rooms.get_mut(room) {
                people.remove(&user);
                if people.is_empty() {
                    self.rooms.remove(room);
                }
            }
        }
        Some(known)
    }

    /// Who is there of these rooms, besides `user`.
    pub(super) fn people_of(&self, rooms: &[RoomId], user: UserId) -> People {
        let people = rooms.iter().filter_map(|room| self.rooms.get(room)).flatten();
        let others = people.filter(|other| **other != user);
        others.filter_map(|other| Some((*other, status(Some(self.people.get(other)?.attention))))).collect()
    }
}

pub(super) fn status(attention: Option<Attention>) -> PresenceStatus {
    match attention {
        Some(Attention::Online) => PresenceStatus::Online,
        Some(Attention::Away) => PresenceStatus::Away,
        None => PresenceStatus::Offline,
    }
}
