//! What the readers of a tenant have been told of who is there: what the next change is measured by, and what a newcomer is
//! shown, so that all have the same picture.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::ids::{RoomId, UserId};
use crate::cluster::presence_store::Availability;
use crate::protocol::message::PresenceStatus;

/// Bounded by the people who are there and their memberships.
#[derive(Default)]
pub(super) struct PublishedPresence {
    users: HashMap<UserId, PublishedUser>,
    rooms: HashMap<RoomId, BTreeSet<UserId>>,
}

/// Somebody of whom it was told that they are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublishedUser {
    pub availability: Availability,
    pub rooms: Vec<RoomId>,
}

/// How people stand, by their ids.
pub(super) type UserStatuses = BTreeMap<UserId, PresenceStatus>;

impl PublishedPresence {
    pub(super) fn contains(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Notes how somebody stands now and in which rooms; gives what was known before.
    pub(super) fn put(&mut self, user: UserId, entry: PublishedUser) -> Option<PublishedUser> {
        let before = self.remove(user);
        for room in &entry.rooms {
            self.rooms.entry(*room).or_default().insert(user);
        }
        self.users.insert(user, entry);
        before
    }

    pub(super) fn remove(&mut self, user: UserId) -> Option<PublishedUser> {
        let entry = self.users.remove(&user)?;
        for room in &entry.rooms {
            if let Some(people) = self.rooms.get_mut(room) {
                people.remove(&user);
                if people.is_empty() {
                    self.rooms.remove(room);
                }
            }
        }
        Some(entry)
    }

    /// Who is there of these rooms, besides `user`.
    pub(super) fn users_in(&self, rooms: &[RoomId], user: UserId) -> UserStatuses {
        let people = rooms.iter().filter_map(|room| self.rooms.get(room)).flatten();
        let others = people.filter(|other| **other != user);
        others.filter_map(|other| Some((*other, status(Some(self.users.get(other)?.availability))))).collect()
    }
}

pub(super) fn status(availability: Option<Availability>) -> PresenceStatus {
    match availability {
        Some(Availability::Online) => PresenceStatus::Online,
        Some(Availability::Away) => PresenceStatus::Away,
        None => PresenceStatus::Offline,
    }
}
