//! What a subscription narrows its feed to, and whether an event matches.

use serde_json::Value;

use super::feed::Feed;
use super::filter_fields::FilterFields;
use super::property_filter::PropertyFilter;
use super::reader::Reader;
use super::routing::Routing;
use crate::base::ids::JobId;
use crate::base::normalize;

/// Characters in a text of a filter: as many as a spider's name can have. A longer one matches nothing and would be
/// kept until its connection ends.
const MAX_FILTER_TEXT: usize = 100;

/// What a subscription narrows its feed to.
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    Jobs(JobFilter),
    Properties(Box<PropertyFilter>),
    Alerts,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    pub job_id: Option<i64>,
    pub spider_name: Option<String>,
    /// Also the ephemeral `job_log` messages.
    pub logs: bool,
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
            Feed::PropertyUpdates => Self::Properties(Box::new(PropertyFilter::read(&mut fields))),
            Feed::SystemAlerts => Self::Alerts,
        };
        fields.finish(feed)?;
        Ok(read)
    }

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

    /// Whether it compares facts that events of earlier versions were written without: then it cannot tell whether
    /// those events match.
    pub fn compares_later_facts(&self) -> bool {
        match self {
            Self::Properties(filter) => filter.compares_later_facts(),
            Self::Jobs(_) | Self::Alerts => false,
        }
    }

    /// The memory of its texts and lists.
    pub fn held_bytes(&self) -> usize {
        match self {
            Self::Jobs(filter) => filter.spider_name.as_ref().map_or(0, String::capacity),
            Self::Properties(filter) => filter.held_bytes(),
            Self::Alerts => 0,
        }
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::ids::{PropertyId, UserId};
    use crate::protocol::role::Role;
    use crate::protocol::routing::PropertyFacts;

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

        for (feed, field) in [
            (Feed::PropertyUpdates, "city"),
            (Feed::PropertyUpdates, "property_type"),
            (Feed::JobUpdates, "spider_name"),
        ] {
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
             not a field of it. Its fields are city, price_min, price_max, bedrooms_min, bbox, property_id, \
             listing_type, currency, standard_status, status, property_type"
        );
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let filter = json!({"bedrooms_min": 3.0, "property_id": "12", "price_min": null});
        let read = Filter::parse(Feed::PropertyUpdates, Some(&filter)).unwrap();
        let wanted =
            PropertyFilter { bedrooms_min: Some(3), property_id: Some(12), ..PropertyFilter::default() };
        assert_eq!(read, Filter::Properties(Box::new(wanted)));
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
}
