//! A history: for each tenant what its writers tried and had acknowledged, the whole log as an admin reads it at the
//! end, and what each reader saw.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

/// Something that happens once, identified by a name from its cause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// A text or a price that a client chose, unique in the test.
    Message(String),
    /// A step of a job; the server chose the job's id.
    Job(String),
}

/// The callers that may see an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    Everyone,
    Admins,
    /// Readers that follow the feeds.
    Followers,
    /// Admins that follow the feeds.
    FollowingAdmins,
}

/// A durable frame, from the log's list or from a reader.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub position: String,
    pub fact: Option<Fact>,
    pub audience: Audience,
    /// The job of a progress report or of another step.
    pub job: Option<i64>,
    /// A later step of the same job may replace it.
    pub is_progress: bool,
    /// Of the whole frame: carriers and log must agree on every field.
    pub digest: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Admin,
    Viewer,
}

/// What a reader received, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
    Event(Entry),
    /// Everything up to this position is missing.
    Gap {
        to: String,
    },
}

#[derive(Clone, Debug)]
pub struct Reader {
    pub name: String,
    pub role: Role,
    /// Whether it follows all feeds in addition to its inbox.
    pub follows: bool,
    /// Where it began: after this position.
    pub start: String,
    pub seen: Vec<Seen>,
}

#[derive(Clone, Debug, Default)]
pub struct Tenant {
    /// What was tried, acknowledged or not.
    pub tried: BTreeSet<Fact>,
    /// The acknowledged facts of each writer, in order.
    pub acknowledged: Vec<Vec<Fact>>,
    pub log: Vec<Entry>,
    pub readers: Vec<Reader>,
}

#[derive(Clone, Debug, Default)]
pub struct History {
    pub tenants: Vec<Tenant>,
}

impl Fact {
    pub fn message(words: impl Into<String>) -> Self {
        Self::Message(words.into())
    }

    /// A step of a job's execution; before the first the job is queued.
    pub fn job(job: i64, event: &str, attempt: i64) -> Self {
        Self::Job(format!("{job} {event} {attempt}"))
    }

    /// The new price of a listing.
    pub fn price(listing_key: &str, price: f64) -> Self {
        Self::Message(format!("{listing_key} costs {price}"))
    }
}

impl Entry {
    /// Parses a frame. `None`: it is ephemeral.
    pub fn of(frame: &Value) -> Option<Self> {
        frame["occurred_at"].as_str()?;
        let kind = frame["type"].as_str()?;
        let is_progress = frame["event"] == "job_progress";
        let audience = match kind {
            "system_notification" | "property_notification" => Audience::Everyone,
            "admin_notification" => Audience::Admins,
            "system_alert" => Audience::FollowingAdmins,
            _ => Audience::Followers,
        };
        let fact = match kind {
            "system_notification" | "admin_notification" => frame["message"].as_str().map(Fact::message),
            "job_update" if !is_progress => Some(Fact::job(
                frame["job_id"].as_i64()?,
                frame["event"].as_str()?,
                frame["attempt"].as_i64().unwrap_or_default(),
            )),
            "property_update" => priced(frame),
            _ => None,
        };
        let mut hasher = DefaultHasher::new();
        frame.to_string().hash(&mut hasher);
        let job = (kind == "job_update").then(|| frame["job_id"].as_i64()).flatten();
        let position = frame["position"].as_str()?.to_owned();
        Some(Self { position, fact, audience, job, is_progress, digest: hasher.finish() })
    }

    /// The number in a position. Clients compare positions only for equality; a test may parse them.
    pub fn number(&self) -> Option<u64> {
        number(&self.position)
    }
}

pub fn number(position: &str) -> Option<u64> {
    let (_, number) = position.split_once('-')?;
    u64::from_str_radix(number, 16).ok()
}

/// A listing that is new or has a new price.
fn priced(frame: &Value) -> Option<Fact> {
    let property = &frame["property"];
    let is_price = frame["event"] == "property_created" || frame["event"] == "price_changed";
    is_price
        .then(|| Some(Fact::price(property["listing_key"].as_str()?, property["list_price"].as_f64()?)))?
}

impl Reader {
    pub fn may_see(&self, entry: &Entry) -> bool {
        let is_admin = self.role == Role::Admin;
        match entry.audience {
            Audience::Everyone => true,
            Audience::Admins => is_admin,
            Audience::Followers => self.follows,
            Audience::FollowingAdmins => is_admin && self.follows,
        }
    }
}
