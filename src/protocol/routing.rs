//! Who an event is for. Written into the log beside the event, so that a replay asks the same question as the live
//! path and gets the same answer.

use serde::{Deserialize, Serialize};

use super::role::Role;
use super::subscription::Feed;
use crate::base::ids::{JobId, PropertyId, UserId};

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
        }
    }

    /// The job whose later progress may stand for this frame in a slow reader's queue.
    pub fn collapses(&self) -> Option<JobId> {
        match self {
            Self::Job { job_id, progress: true, .. } => Some(*job_id),
            Self::Job { .. }
            | Self::Property { .. }
            | Self::Summary
            | Self::Notice { .. }
            | Self::Alert { .. } => None,
        }
    }
}

/// A message that passes by: never in the log, dropped when a reader is slow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Passing {
    /// Log lines, for those who follow `job_updates` with `logs`.
    JobLog { job_id: JobId, spider: String },
}

impl Passing {
    /// The topic whose followers may want it.
    pub fn topic(&self) -> Topic {
        match self {
            Self::JobLog { .. } => Topic::Feed(Feed::JobUpdates),
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
    fn an_audience_survives_its_text_and_nothing_else_is_one() {
        for text in ["everyone", "admins", "role:viewer", "user:7"] {
            assert_eq!(Audience::parse(text).map(|audience| audience.to_string()).as_deref(), Some(text));
        }
        for text in ["", "all_tenants", "role:operator", "user:x", "user:", "everyone "] {
            assert_eq!(Audience::parse(text), None, "{text:?}");
        }
    }
}
