//! What a connection is interested in, and the single check that decides for every event, live and in replay.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::filter_fields::FilterFields;
use super::memberships::Memberships;
use super::role::Role;
use super::routing::{Ephemeral, PropertyFacts, Routing, Topic};
use crate::base::ids::{ConnectionId, JobId, PropertyId, UserId};
use crate::base::normalize;

/// The feeds, by the names that existing clients use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Feed {
    JobUpdates,
    PropertyUpdates,
    SystemAlerts,
}

impl Feed {
    pub const ALL: [Self; 3] = [Self::JobUpdates, Self::PropertyUpdates, Self::SystemAlerts];

    pub const fn name(self) -> &'static str {
        match self {
            Self::JobUpdates => "job_updates",
            Self::PropertyUpdates => "property_updates",
            Self::SystemAlerts => "system_alerts",
        }
    }

    /// The list route that shows the feed's state, for a client that has to start over.
    pub const fn resync_url(self) -> &'static str {
        match self {
            Self::JobUpdates => "/api/v1/jobs",
            Self::PropertyUpdates => "/api/v1/properties?include_removed=true",
            Self::SystemAlerts => "/api/v1/notifications",
        }
    }
}

/// The inbox's list route.
pub const INBOX_RESYNC_URL: &str = "/api/v1/notifications";

/// The list of a user's own jobs, which the inbox also covers.
pub fn own_jobs_url(user: UserId) -> String {
    format!("/api/v1/jobs?created_by={user}")
}

impl fmt::Display for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownFeed;

impl FromStr for Feed {
    type Err = UnknownFeed;

    fn from_str(text: &str) -> Result<Self, UnknownFeed> {
        Self::ALL.into_iter().find(|feed| feed.name() == text).ok_or(UnknownFeed)
    }
}

/// Characters in a text of a filter: as many as a property's city or a spider's name can have. A longer one matches
/// nothing and would be kept until its connection ends.
const MAX_FILTER_TEXT: usize = 100;

/// What a subscription narrows its feed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Jobs(JobFilter),
    Properties(PropertyFilter),
    Alerts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub job_id: Option<i64>,
    pub spider_name: Option<String>,
    /// Also the ephemeral `job_log` messages.
    pub logs: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyFilter {
    /// Compared without case.
    pub city: Option<String>,
    /// Major units; compared with the current price.
    pub price_min: Option<f64>,
    pub price_max: Option<f64>,
    pub bedrooms_min: Option<i64>,
    pub bbox: Option<BoundingBox>,
    pub property_id: Option<i64>,
}

/// West, south, east, north in WGS84 degrees (RFC 7946 section 5); west beyond east crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BoundingBox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl BoundingBox {
    /// Reads `west,south,east,north`.
    pub fn parse(text: &str) -> Option<Self> {
        let numbers: Option<Vec<f64>> = text.split(',').map(|part| part.trim().parse().ok()).collect();
        Self::from_numbers(&numbers?)
    }

    pub(super) fn from_numbers(numbers: &[f64]) -> Option<Self> {
        let &[west, south, east, north] = numbers else { return None };
        let in_range = [west, east].iter().all(|degrees| degrees.abs() <= 180.0)
            && [south, north].iter().all(|degrees| degrees.abs() <= 90.0);
        (in_range && south <= north).then_some(Self { west, south, east, north })
    }

    pub fn contains(&self, latitude: f64, longitude: f64) -> bool {
        let between = if self.west <= self.east {
            (self.west..=self.east).contains(&longitude)
        } else {
            longitude >= self.west || longitude <= self.east
        };
        between && (self.south..=self.north).contains(&latitude)
    }
}

impl Filter {
    /// Reads the `filter` of a subscription to `feed`; the error says what was wrong and what would be accepted.
    pub fn parse(feed: Feed, filter: Option<&Value>) -> Result<Self, String> {
        let mut fields = FilterFields::of(filter)?;
        let read = match feed {
            Feed::JobUpdates => Self::Jobs(JobFilter {
                job_id: fields.id("job_id"),
                spider_name: fields.text("spider_name", MAX_FILTER_TEXT).as_deref().map(normalize::exact),
                logs: fields.flag("logs"),
            }),
            Feed::PropertyUpdates => {
                let city = fields.text("city", MAX_FILTER_TEXT).as_deref().map(normalize::case_fold);
                let (price_min, price_max) = fields.range("price_min", "price_max");
                Self::Properties(PropertyFilter {
                    city,
                    price_min,
                    price_max,
                    bedrooms_min: fields.whole("bedrooms_min"),
                    bbox: fields.bbox("bbox"),
                    property_id: fields.id("property_id"),
                })
            }
            Feed::SystemAlerts => Self::Alerts,
        };
        fields.finish(feed)?;
        Ok(read)
    }

    /// The memory of its texts.
    pub fn held_bytes(&self) -> usize {
        let text = match self {
            Self::Jobs(filter) => &filter.spider_name,
            Self::Properties(filter) => &filter.city,
            Self::Alerts => &None,
        };
        text.as_ref().map_or(0, String::capacity)
    }

    pub fn feed(&self) -> Feed {
        match self {
            Self::Jobs(_) => Feed::JobUpdates,
            Self::Properties(_) => Feed::PropertyUpdates,
            Self::Alerts => Feed::SystemAlerts,
        }
    }
}

impl JobFilter {
    /// Whether events of this job match.
    pub fn matches(&self, job_id: JobId, spider: &str) -> bool {
        self.job_id.is_none_or(|wanted| wanted == job_id.0)
            && self.spider_name.as_deref().is_none_or(|wanted| wanted == spider)
    }
}

impl PropertyFilter {
    fn matches(&self, property_id: PropertyId, old: Option<&PropertyFacts>, new: &PropertyFacts) -> bool {
        self.property_id.is_none_or(|wanted| wanted == property_id.0)
            && (self.matches_state(new) || old.is_some_and(|old| self.matches_state(old)))
    }

    fn matches_state(&self, facts: &PropertyFacts) -> bool {
        let inside = |bbox: &BoundingBox| match (facts.latitude, facts.longitude) {
            (Some(latitude), Some(longitude)) => bbox.contains(latitude, longitude),
            _ => false,
        };
        self.city.as_ref().is_none_or(|wanted| facts.city.as_ref() == Some(wanted))
            && self.price_min.is_none_or(|least| facts.price.is_some_and(|price| price >= least))
            && self.price_max.is_none_or(|most| facts.price.is_some_and(|price| price <= most))
            && self.bedrooms_min.is_none_or(|least| facts.bedrooms.is_some_and(|count| count >= least))
            && self.bbox.as_ref().is_none_or(inside)
    }
}

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

/// The reader's identity. An API key has neither user nor role, and no inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reader {
    pub user: Option<UserId>,
    pub role: Option<Role>,
    /// Events that this connection caused are not echoed to it.
    pub connection: Option<ConnectionId>,
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

impl Reader {
    /// Whether the reader may see such an event at all, whatever its source: queued events are checked with this when
    /// the role changes.
    pub fn may_see(self, routing: &Routing) -> bool {
        match routing {
            Routing::Job { .. } | Routing::Property { .. } | Routing::Summary => true,
            // Only members read rooms and conversations, whatever the role.
            Routing::Room { .. } | Routing::Membership { .. } | Routing::Direct { .. } => true,
            Routing::Unknown => false,
            Routing::Notice { audience } => match (self.user, self.role) {
                (Some(user), Some(role)) => audience.includes(user, role),
                _ => false,
            },
            Routing::Alert { concerns } => {
                self.role == Some(Role::Admin) || (concerns.is_some() && *concerns == self.user)
            }
        }
    }
}

impl Interest {
    fn has_in_inbox(&self, routing: &Routing, seq: i64) -> bool {
        let (Some(user), Some(role)) = (self.reader.user, self.reader.role) else { return false };
        match routing {
            Routing::Job { owner, .. } => *owner == user,
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
}

impl Reader {
    /// A reader of `GET /events`, or a connection without subscriptions.
    pub fn unconnected(user: Option<UserId>, role: Option<Role>) -> Self {
        Self { user, role, connection: None }
    }

    fn is(self, connection: Option<ConnectionId>) -> bool {
        connection.is_some() && connection == self.connection
    }
}

impl Filter {
    /// Whether an event matches, for this reader.
    pub fn matches(&self, routing: &Routing, reader: Reader) -> bool {
        match (self, routing) {
            (Self::Jobs(filter), Routing::Job { job_id, spider, .. }) => filter.matches(*job_id, spider),
            (Self::Properties(filter), Routing::Property { property_id, old, new }) => {
                filter.matches(*property_id, old.as_ref(), new)
            }
            (Self::Alerts, Routing::Alert { .. }) => reader.may_see(routing),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn facts(city: &str, price: f64) -> PropertyFacts {
        PropertyFacts { city: Some(city.to_owned()), price: Some(price), ..Default::default() }
    }

    #[test]
    fn a_saved_search_sees_what_leaves_it_as_well_as_what_enters() {
        let filter =
            Filter::parse(Feed::PropertyUpdates, Some(&json!({"city": "Toledo", "price_max": 100_000})));
        let filter = filter.unwrap();
        let reader = Reader::unconnected(None, None);
        let cheap = facts("toledo", 90_000.0);
        let dear = facts("toledo", 110_000.0);
        let change = |old: &PropertyFacts, new: &PropertyFacts| Routing::Property {
            property_id: PropertyId(1),
            old: Some(old.clone()),
            new: new.clone(),
        };

        assert!(filter.matches(&change(&cheap, &dear), reader));
        assert!(filter.matches(&change(&dear, &cheap), reader));
        assert!(!filter.matches(&change(&dear, &dear), reader));
        assert!(!filter.matches(&change(&facts("lima", 1.0), &facts("lima", 2.0)), reader));
    }

    #[test]
    fn bad_filters_say_what_was_wrong() {
        let bad = |feed, filter: Value| Filter::parse(feed, Some(&filter)).unwrap_err();

        assert!(bad(Feed::PropertyUpdates, json!({"town": "x"})).contains("town"));
        assert!(bad(Feed::PropertyUpdates, json!({"bbox": [1, 2, 3]})).contains("west,south,east,north"));
        assert!(bad(Feed::SystemAlerts, json!({"city": "x"})).contains("no filter"));
        assert!(bad(Feed::JobUpdates, json!([])).contains("object"));
        assert_eq!(
            Filter::parse(Feed::JobUpdates, Some(&json!({"job_id": "7"}))),
            Ok(Filter::Jobs(JobFilter { job_id: Some(7), ..Default::default() }))
        );
    }

    #[test]
    fn a_filters_texts_are_as_long_as_what_they_are_compared_with_and_a_refusal_is_short() {
        let parse = |feed, field: &str, text: String| Filter::parse(feed, Some(&json!({ field: text })));

        for (feed, field) in [(Feed::PropertyUpdates, "city"), (Feed::JobUpdates, "spider_name")] {
            assert!(parse(feed, field, "ß".repeat(MAX_FILTER_TEXT)).is_ok());
            let refused = parse(feed, field, "ß".repeat(MAX_FILTER_TEXT + 1)).unwrap_err();
            let words =
                format!("filter of {feed}: {field} must be text of at most 100 characters. Its fields are ");
            assert!(refused.starts_with(&words), "{refused}");
        }
        let unknown = parse(Feed::JobUpdates, &"x".repeat(60_000), String::new()).unwrap_err();
        assert!(unknown.len() < 300 && unknown.contains("is not a field of it"), "{unknown}");
    }

    #[test]
    fn all_errors_of_a_filter_are_reported_at_once() {
        let filter =
            json!({"price_min": "5", "bedrooms_min": 2.5, "bbox": [1, 2], "property_id": true, "zz": 1});
        let refused = Filter::parse(Feed::PropertyUpdates, Some(&filter)).unwrap_err();
        assert_eq!(
            refused,
            "filter of property_updates: price_min must be a number; bedrooms_min must be a whole number; bbox must be \
             west,south,east,north in degrees, south not beyond north; property_id must be an id, a whole number; zz is \
             not a field of it. Its fields are city, price_min, price_max, bedrooms_min, bbox, property_id"
        );
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let filter = json!({"bedrooms_min": 3.0, "property_id": "12", "price_min": null});
        let read = Filter::parse(Feed::PropertyUpdates, Some(&filter)).unwrap();
        let wanted =
            PropertyFilter { bedrooms_min: Some(3), property_id: Some(12), ..PropertyFilter::default() };
        assert_eq!(read, Filter::Properties(wanted));
    }

    #[test]
    fn an_alert_reaches_admins_and_the_user_it_concerns() {
        let alert = Routing::Alert { concerns: Some(UserId(7)) };
        let reads =
            |user, role| Filter::Alerts.matches(&alert, Reader::unconnected(Some(UserId(user)), Some(role)));

        assert!(reads(1, Role::Admin));
        assert!(reads(7, Role::Viewer));
        assert!(!reads(8, Role::Member));
        assert!(!Filter::Alerts.matches(&Routing::Alert { concerns: None }, Reader::unconnected(None, None)));
    }

    #[test]
    fn a_box_may_cross_the_antimeridian() {
        let fiji = BoundingBox::parse("177,-20,-178,-15").unwrap();

        assert!(fiji.contains(-17.0, 179.5) && fiji.contains(-17.0, -179.5));
        assert!(!fiji.contains(-17.0, 0.0));
    }
}
