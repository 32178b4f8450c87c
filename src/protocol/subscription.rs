//! What a connection is interested in, and the single check that decides for every event, live and in replay.

use super::filter::Filter;
use super::memberships::Memberships;
use super::reader::Reader;
use super::routing::{Ephemeral, Routing, Topic};
use crate::base::ids::PropertyId;

/// One subscription of a connection, identified by feed and `key`; the same pair again replaces it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    pub filter: Filter,
    pub key: Option<String>,
    /// It covers events after this sequence number.
    pub after: i64,
}

impl Subscription {
    /// The memory that it takes, in bytes.
    pub fn held_bytes(&self) -> usize {
        size_of::<Self>() + self.key.as_ref().map_or(0, String::capacity) + self.filter.held_bytes()
    }
}

/// Everything that a connection is interested in.
#[derive(Clone, Debug)]
pub struct Interest {
    pub reader: Reader,
    /// The inbox covers events after this sequence number; `None`: no inbox.
    pub inbox_after: Option<i64>,
    /// The rooms of the reader; their messages are in the inbox.
    pub rooms: Memberships,
    pub subscriptions: Vec<Subscription>,
    /// The listing that is on the screen.
    pub viewing: Option<PropertyId>,
    /// Receives presence, typing and disconnect messages: true for a socket, which reports its own; not for a stream.
    pub receives_presence: bool,
}

impl Interest {
    /// The events that a connection gets without subscribing, from `inbox_after` on.
    pub fn new(reader: Reader, inbox_after: Option<i64>) -> Self {
        let rooms = Memberships::default();
        Self {
            reader,
            inbox_after,
            rooms,
            subscriptions: Vec::new(),
            viewing: None,
            receives_presence: false,
        }
    }

    /// Applies an event that changes what the reader may see. Must be called before [`Interest::matches`], in log
    /// order or repeatedly: an event that was applied before changes nothing. Returns whether something changed.
    pub fn apply_membership(&mut self, routing: &Routing, seq: i64) -> bool {
        match routing {
            Routing::Membership { room, user, joined } if self.reader.user == Some(*user) => {
                self.rooms.record(*room, *joined, seq)
            }
            _ => false,
        }
    }

    /// Whether the event at `seq` is to be sent: once, even if several subscriptions match.
    pub fn matches(&self, routing: &Routing, seq: i64) -> bool {
        self.inbox_after.is_some_and(|after| seq > after && self.has_in_inbox(routing, seq))
            || self
                .subscriptions
                .iter()
                .any(|one| seq > one.after && one.filter.matches(routing, self.reader))
    }

    fn has_in_inbox(&self, routing: &Routing, seq: i64) -> bool {
        let (Some(user), Some(role)) = (self.reader.user, self.reader.role) else { return false };
        match routing {
            Routing::Job { owner, .. } => *owner == Some(user),
            Routing::Summary => true,
            Routing::Notice { audience } => audience.includes(user, role),
            Routing::Room { room, everyone, connection } => {
                !self.reader.is(*connection) && (*everyone || self.rooms.sees(*room, seq))
            }
            // The user that joined or left gets the answer to the request; the event is for the others.
            Routing::Membership { room, user: who, .. } => *who != user && self.rooms.sees(*room, seq),
            Routing::Direct { between, connection } => {
                between.contains(&user) && !self.reader.is(*connection)
            }
            Routing::Property { .. } | Routing::Alert { .. } | Routing::Unknown => false,
        }
    }

    /// Whether an ephemeral message is to be sent.
    pub fn matches_ephemeral(&self, passing: &Ephemeral) -> bool {
        match passing {
            Ephemeral::JobLog { job_id, spider } => self.subscriptions.iter().any(|one| match &one.filter {
                Filter::Jobs(filter) => filter.logs && filter.matches(*job_id, spider),
                Filter::Properties(_) | Filter::Alerts => false,
            }),
            Ephemeral::Room { room, everyone, user: of } => {
                self.receives_presence
                    && self.reader.user != Some(*of)
                    && (*everyone || self.rooms.has(*room))
            }
            Ephemeral::Viewers { property_id } => self.viewing == Some(*property_id),
        }
    }

    /// The hub topics that this connection is registered under.
    pub fn topics(&self) -> Vec<Topic> {
        let mut topics: Vec<Topic> = Vec::with_capacity(4);
        if self.inbox_after.is_some() {
            topics.push(Topic::Everyone);
            topics.extend(self.reader.user.map(Topic::User));
            topics.extend(self.reader.role.map(Topic::Role));
            topics.extend(self.rooms.iter().map(Topic::Room));
        }
        topics.extend(self.viewing.map(Topic::Viewing));
        for subscription in &self.subscriptions {
            let topic = Topic::Feed(subscription.filter.feed());
            if !topics.contains(&topic) {
                topics.push(topic);
            }
        }
        topics
    }
}
