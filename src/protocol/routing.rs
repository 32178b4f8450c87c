//! The recipients of an event. Stored in the log beside the event, so that replay and live delivery decide by the
//! same data and agree.

use serde::{Deserialize, Serialize};

use super::feed::Feed;
use super::property::{ListingType, StandardStatus};
use super::role::Role;
use crate::base::ids::{ConnectionId, JobId, PropertyId, RoomId, UserId};

/// Which readers may see an event, by inbox or by feed, with the facts that filters need.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "to", rename_all = "snake_case")]
#[expect(
    clippy::large_enum_variant,
    reason = "one for each event that is being delivered; most are of properties"
)]
pub enum Routing {
    /// The owner's inbox, if the job has an owner, and `job_updates`. `progress`: a later one of the same job replaces
    /// this one.
    Job { owner: Option<UserId>, job_id: JobId, spider: String, progress: bool },
    /// `property_updates`, matched against the old or the new state.
    Property { property_id: PropertyId, old: Option<PropertyFacts>, new: PropertyFacts },
    /// The inboxes of all users.
    Summary,
    /// The inboxes of an audience.
    Notice { audience: Audience },
    /// `system_alerts`: admins get all, other users those that concern them.
    Alert { concerns: Option<UserId> },
    /// The inboxes of a room's members, or of all users for the lobby. The connection that sent it gets an `ack`
    /// instead.
    Room { room: RoomId, everyone: bool, connection: Option<ConnectionId> },
    /// A room's other members. Nothing is sent to the user that joined or left, but from here on that user's inbox
    /// includes the room, or no longer does.
    Membership { room: RoomId, user: UserId, joined: bool },
    /// The inboxes of two users. The connection that sent it gets an `ack` instead.
    Direct { between: [UserId; 2], connection: Option<ConnectionId> },
    /// Written by a newer version. It reaches no reader; its position in the log counts like any other.
    #[serde(other)]
    Unknown,
}

/// The data that the filters of `property_updates` compare. Events that were written before a fact existed lack it:
/// the last of them is recorded in the log (`Head::filter_facts_after`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PropertyFacts {
    /// Case-folded.
    pub city: Option<String>,
    /// The current price in major units of `currency`.
    pub price: Option<f64>,
    pub bedrooms: Option<i64>,
    pub latitude: Option<f64>,
    pub longitude: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing_type: Option<ListingType>,
    /// ISO 4217.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StandardStatus>,
    /// Case-folded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub property_type: Option<String>,
    /// The source no longer has the listing. No filter compares it: a reader learns what was removed from its
    /// selection.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
}

/// The recipients of a broadcast: `everyone`, `admins`, `role:R` or `user:ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    Admins,
    Role(Role),
    User(UserId),
}

impl Audience {
    /// Parses the wire form; `None` when it is not an audience.
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

    /// Whether a user belongs to it.
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
    /// The users that have a listing on the screen.
    Viewing(PropertyId),
}

impl Routing {
    /// The topics of its possible recipients; [`super::subscription::Interest::matches`] decides for each of them.
    pub fn topics(&self) -> [Option<Topic>; 2] {
        match self {
            Self::Job { owner, .. } => [owner.map(Topic::User), Some(Topic::Feed(Feed::JobUpdates))],
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

    /// The job, if its later progress may replace this frame in a slow reader's queue.
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

/// An ephemeral message: never in the log, dropped when a reader is slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ephemeral {
    /// Log lines, for subscribers of `job_updates` with `logs`.
    JobLog { job_id: JobId, spider: String },
    /// A user is typing in a room, or has left it; for its other members.
    Room { room: RoomId, everyone: bool, user: UserId },
    /// The viewers of a listing, for those viewers.
    Viewers { property_id: PropertyId },
}

impl Ephemeral {
    /// The topic of its possible recipients.
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
    fn the_facts_of_earlier_versions_are_read_and_unknown_facts_take_no_room_in_the_log() {
        let earlier = r#"{"to":"property","property_id":7,"old":null,"new":{"city":"lima","price":1.5,"bedrooms":2,"latitude":null,"longitude":null}}"#;
        let facts = PropertyFacts {
            city: Some("lima".to_owned()),
            price: Some(1.5),
            bedrooms: Some(2),
            ..PropertyFacts::default()
        };
        let routing = Routing::Property { property_id: PropertyId(7), old: None, new: facts.clone() };
        let later = PropertyFacts {
            listing_type: Some(ListingType::Lease),
            currency: Some("EUR".to_owned()),
            status: Some(StandardStatus::Pending),
            property_type: Some("condominium".to_owned()),
            removed: true,
            ..facts
        };

        assert_eq!(serde_json::from_str::<Routing>(earlier).unwrap(), routing);
        assert_eq!(serde_json::to_string(&routing).unwrap(), earlier);
        let text = serde_json::to_string(&later).unwrap();
        let words = r#""listing_type":"lease","currency":"EUR","status":"pending","property_type":"condominium","removed":true}"#;
        assert!(text.ends_with(words), "{text}");
        assert_eq!(serde_json::from_str::<PropertyFacts>(&text).unwrap(), later);
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
