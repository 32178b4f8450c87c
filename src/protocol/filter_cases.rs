//! `clients/filter-cases.json` against the filter of the live feed. The integration tests run the same table against
//! the list.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::feed::Feed;
use super::filter::Filter;
use super::property::{ListingType, StandardStatus};
use super::reader::Reader;
use super::routing::{PropertyFacts, Routing};
use super::subscription::{Interest, Subscription};
use crate::base::ids::PropertyId;
use crate::base::normalize;

const TABLE: &str = include_str!("../../clients/filter-cases.json");

/// A row. Without `query` it concerns the feed alone, without `filter` the list alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    filter: Option<Value>,
    query: Option<String>,
    property: Value,
    matches: bool,
    /// Where the list differs from the feed, because the property is removed.
    listed: Option<bool>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(TABLE).unwrap()
}

/// What an event about this property carries.
fn facts(property: &Value) -> PropertyFacts {
    let text = |pointer: &str| property.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| property.pointer(pointer).and_then(Value::as_f64);
    let folded = |pointer: &str| text(pointer).map(normalize::case_fold);
    let status = text("/standard_status").map_or(Some(StandardStatus::Active), StandardStatus::parse);
    let sold = number("/close_price").filter(|_| status == Some(StandardStatus::Closed));
    PropertyFacts {
        city: folded("/address/city"),
        price: sold.or(number("/list_price")),
        bedrooms: property["bedrooms_total"].as_i64(),
        latitude: number("/latitude"),
        longitude: number("/longitude"),
        listing_type: text("/listing_type").and_then(ListingType::parse),
        currency: text("/currency").map(str::to_owned),
        status,
        property_type: folded("/property_type"),
        removed: property["removed"] == true,
    }
}

#[test]
fn a_subscription_receives_what_the_table_says() {
    let mut tried = 0;
    for case in cases() {
        let Some(filter) = &case.filter else { continue };
        let mut interest = Interest::new(Reader::unconnected(None, None), None);
        let filter = Filter::parse(Feed::PropertyUpdates, Some(filter)).unwrap();
        interest.subscriptions.push(Subscription { filter, key: None, after: 0 });
        let property_id = PropertyId(case.property["property_id"].as_i64().unwrap_or_default());
        let facts = facts(&case.property);
        let created = Routing::Property { property_id, old: None, new: facts.clone() };
        let changed = Routing::Property { property_id, old: Some(facts.clone()), new: facts };

        let received = [interest.matches(&created, 1), interest.matches(&changed, 2)];

        assert_eq!(received, [case.matches; 2], "{case:?}");
        tried += 1;
    }
    assert!(tried >= 180, "only {tried}");
}

#[test]
fn the_table_has_one_row_a_line_and_each_is_of_use() {
    let cases = cases();
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    let lines = TABLE.lines().filter(|line| line.starts_with('{')).count();

    assert_eq!((names.len(), lines), (cases.len(), cases.len()));
    for case in &cases {
        assert!(case.filter.is_some() || case.query.is_some(), "{case:?}");
        let differs = case.listed.is_some_and(|listed| listed != case.matches);
        assert!(!differs || case.property["removed"] == true, "{case:?}");
        assert!(case.listed.is_none() || case.query.is_some(), "{case:?}");
    }
    let matching = cases.iter().filter(|case| case.matches).count();
    assert!(matching > 60 && cases.len() - matching > 60, "{matching} of {}", cases.len());
}
