//! Who an event is for. Written into the log beside the event, so that a replay asks the same question as the live
//! path and gets the same answer.

use serde::{Deserialize, Serialize};

use super::role::Role;
use super::subscription::Feed;
use crate::base::ids::{ConnectionId, JobId, PropertyId, RoomId, UserId};

/// Who may see an event, by inbox or by feed, with the facts that filters ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
pub enum Routing {
    /// The owner's inbox, and `job_updates`. `progress`: a later one of the same job stands for this one.
    Job { owner: UserId, job_id: JobId, spider: String, progress: bool },
    /// `property_updates`, matched against the old or the new state.
    Property { property_id: PropertyId, old: Option<PropertyFacts>, new: PropertyFacts },
    /// Everybody's inbox.
    Summary,
    /// The inboxes of an audience.
    Notice { audience: Audience },
    /// `system_alerts`: admins all, others what concerns them.
    Alert { concerns: Option<UserId> },
    /// The inboxes of a room's members; of everybody, in the room that everybody is in. The connection that it came
    /// from has its `ack` instead.
    Room { room: RoomId, everyone: bool, connection: Option<ConnectionId> },
    /// A room's other members. For the person who came or went nothing is sent, but from here on the room is in that inbox,
    /// or no longer.
    Membership { room: RoomId, user: UserId, joined: bool },
    /// The inboxes of two people. The connection that it came from has its `ack` instead.
    Direct { between: [UserId; 2], connection: Option<ConnectionId> },
    /// Written by a version that knows more. It reaches no reader; its place in the log counts like any other.
    #[serde(other)]
    Unknown,
}

/// What the filters of `property_updates` look at.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PropertyFacts {
    /// Case-folded.
    pub city: Option<String>,
    /// Major units of the property's currency.
    pub price: Option<f64>,
    pub bedrooms: Option<i64>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
}

/// Whom a broadcast is for: `everyone`, `admins`, `role:R` or `user:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    Admins,
    Role(Role),
    User(UserId),
}

impl Audience {
    /// Reads the wire's form; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "everyone" => Some(Self::Everyone),
            "admins" => Some(Self::Admins),
            _ => match text.split_once(':')? {
                ("role", role) => role.parse().ok().map(Self::Role),
                ("user", id) => id.parse().ok().map(Self::User),
                _ => None,
            },
        }
    }

    /// Whether a person is in it.
    pub fn includes(self, user: UserId, role: Role) -> bool {
        match self {
            Self::Everyone => true,
            Self::Admins => role == Role::Admin,
            Self::Role(wanted) => role == wanted,
            Self::User(wanted) => user == wanted,
        }
    }
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Everyone => f.write_str("everyone"),
            Self::Admins => f.write_str("admins"),
            Self::Role(role) => write!(f, "role:{role}"),
            Self::User(user) => write!(f, "user:{user}"),
        }
    }
}

/// A list of recipients within one tenant. The hub keeps them per tenant, so a topic never names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    User(UserId),
    Everyone,
    Role(Role),
    Feed(Feed),
    /// A room's members.
    Room(RoomId),
    /// Whoever is looking at a listing.
    Viewing(PropertyId),
}

impl Routing {
    /// The topics whose followers may want this. Whether one really does is [`super::subscription::Interest::admits`].
    pub fn topics(&self) -> [Option<Topic>; 2] {
        match self {
            Self::Job { owner, .. } => [Some(Topic::User(*owner)), Some(Topic::Feed(Feed::JobUpdates))],
            Self::Property { .. } => [Some(Topic::Feed(Feed::PropertyUpdates)), None],
            Self::Summary => [Some(Topic::Everyone), None],
            Self::Notice { audience } => [Some(audience.topic()), None],
            Self::Alert { .. } => [Some(Topic::Feed(Feed::SystemAlerts)), None],
            Self::Room { everyone: true, .. } => [Some(Topic::Everyone), None],
            Self::Room { room, .. } => [Some(Topic::Room(*room)), None],
            Self::Membership { room, user, .. } => [Some(Topic::Room(*room)), Some(Topic::User(*user))],
            Self::Direct { between: [one, other], .. } => {
                [Some(Topic::User(*one)), (one != other).then_some(Topic::User(*other))]
            }
            Self::Unknown => [None, None],
        }
    }

    /// The job whose later progress may stand for this frame in a slow reader's queue.
    pub fn collapse_key(&self) -> Option<JobId> {
        match self {
            Self::Job { job_id, progress: true, .. } => Some(*job_id),
            Self::Job { .. }
            | Self::Property { .. }
            | Self::Summary
            | Self::Notice { .. }
            | Self::Alert { .. }
            | Self::Room { .. }
            | Self::Membership { .. }
            | Self::Direct { .. }
            | Self::Unknown => None,
        }
    }
}

/// A message that passes by: never in the log, dropped when a reader is slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ephemeral {
    /// Log lines, for those who follow `job_updates` with `logs`.
    JobLog { job_id: JobId, spider: String },
    /// Somebody typing in a room, or gone from it, for its other members.
    Room { room: RoomId, everyone: bool, user: UserId },
    /// Who is looking at a listing, for those who are.
    Viewers { property_id: PropertyId },
}

impl Ephemeral {
    /// The topic whose followers may want it.
    pub fn topic(&self) -> Topic {
        match self {
            Self::JobLog { .. } => Topic::Feed(Feed::JobUpdates),
            Self::Room { everyone: true, .. } => Topic::Everyone,
            Self::Room { room, .. } => Topic::Room(*room),
            Self::Viewers { property_id } => Topic::Viewing(*property_id),
        }
    }
}

impl Audience {
    fn topic(self) -> Topic {
        match self {
            Self::Everyone => Topic::Everyone,
            Self::Admins => Topic::Role(Role::Admin),
            Self::Role(role) => Topic::Role(role),
            Self::User(user) => Topic::User(user),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_routing_of_a_later_version_is_read_and_one_that_is_damaged_is_not() {
        let read = |text: &str| serde_json::from_str::<Routing>(text);

        let later = read(r#"{"to":"webhook","webhook_id":7,"attempts":[1,2]}"#).unwrap();
        assert_eq!((&later, later.topics(), later.collapse_key()), (&Routing::Unknown, [None, None], None));
        for damaged in [r#"{"to":"direct"}"#, r#"{"to":"notice"}"#, r#"{"webhook_id":7}"#, "", "7"] {
            assert!(read(damaged).is_err(), "{damaged}");
        }
    }

    #[test]
    fn an_audience_survives_its_text_and_nothing_else_is_one() {
        for text in ["everyone", "admins", "role:viewer", "user:7"] {
            assert_eq!(Audience::parse(text).map(|audience| audience.to_string()).as_deref(), Some(text));
        }
        for text in ["", "all_tenants", "role:operator", "user:x", "user:", "everyone "] {
            assert_eq!(Audience::parse(text), None, "{text:?}");
        }
    }
}
