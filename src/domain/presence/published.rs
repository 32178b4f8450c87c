//! The presence that was published to the readers of a tenant: the base of the next change and of the snapshot for a
//! new connection, so that all have the same state.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::base::ids::{RoomId, UserId};
use crate::cluster::presence_store::Availability;
use crate::protocol::message::PresenceStatus;

/// Bounded by the users present and their memberships.
#[derive(Default)]
pub(super) struct PublishedPresence {
    users: HashMap<UserId, PublishedUser>,
    rooms: HashMap<RoomId, BTreeSet<UserId>>,
}

/// A user that was published as present.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublishedUser {
    pub availability: Availability,
    pub rooms: Vec<RoomId>,
}

/// Statuses by user id.
pub(super) type UserStatuses = BTreeMap<UserId, PresenceStatus>;

impl PublishedPresence {
    pub(super) fn contains(&self, user: UserId) -> bool {
        self.users.contains_key(&user)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.users.is_empty()
    }

    /// Stores a user's availability and rooms; returns the entry before.
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

    /// The users present in these rooms, except `user`.
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
