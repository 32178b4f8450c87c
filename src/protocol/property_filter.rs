//! What a subscription narrows `property_updates` to. `GET /properties` means the same by the parameters of the same
//! names: `clients/filter-cases.json` is the table of what each filter matches.

use super::bounding_box::BoundingBox;
use super::currency_choice::CurrencyChoice;
use super::filter_fields::FilterFields;
use super::property::{ListingType, StandardStatus};
use super::routing::PropertyFacts;
use crate::base::ids::PropertyId;
use crate::base::normalize;

/// Characters in a text: as many as a city or a type of a property can have.
const MAX_TEXT: usize = 100;

/// A filter of properties. An absent field, and an empty list, matches all; a list matches any of its values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PropertyFilter {
    /// Case-folded.
    pub city: Option<String>,
    /// Major units of whatever currency a property has; compared with the current price.
    pub price_min: Option<f64>,
    pub price_max: Option<f64>,
    pub bedrooms_min: Option<i64>,
    pub bbox: Option<BoundingBox>,
    pub property_id: Option<i64>,
    pub listing_types: Vec<ListingType>,
    pub currencies: Vec<CurrencyChoice>,
    pub statuses: Vec<StandardStatus>,
    /// Case-folded.
    pub property_type: Option<String>,
}

impl PropertyFilter {
    /// Reads the fields; `fields` collects what is wrong with them.
    pub(super) fn read(fields: &mut FilterFields<'_>) -> Self {
        let folded = |text: Option<String>| text.as_deref().map(normalize::case_fold);
        let city = folded(fields.text("city", MAX_TEXT));
        let (price_min, price_max) = fields.range("price_min", "price_max");
        Self {
            city,
            price_min,
            price_max,
            bedrooms_min: fields.whole("bedrooms_min"),
            bbox: fields.bbox("bbox"),
            property_id: fields.id("property_id"),
            listing_types: fields.choices("listing_type", &listing_types(), ListingType::parse),
            currencies: fields.choices("currency", CurrencyChoice::EXPECTED, CurrencyChoice::parse),
            statuses: read_statuses(fields),
            property_type: folded(fields.text("property_type", MAX_TEXT)),
        }
    }

    /// Whether a change matches: the state before or the state after it.
    pub(super) fn matches(
        &self,
        property_id: PropertyId,
        old: Option<&PropertyFacts>,
        new: &PropertyFacts,
    ) -> bool {
        self.property_id.is_none_or(|wanted| wanted == property_id.0)
            && (self.matches_state(new) || old.is_some_and(|old| self.matches_state(old)))
    }

    /// Whether one state matches. A property that lacks what a field compares does not.
    fn matches_state(&self, facts: &PropertyFacts) -> bool {
        let inside = |bbox: &BoundingBox| match (facts.latitude, facts.longitude) {
            (Some(latitude), Some(longitude)) => bbox.contains(latitude, longitude),
            _ => false,
        };
        let has_currency = |one: &CurrencyChoice| one.includes(facts.currency.as_deref());
        self.city.as_ref().is_none_or(|wanted| facts.city.as_ref() == Some(wanted))
            && self.price_min.is_none_or(|least| facts.price.is_some_and(|price| price >= least))
            && self.price_max.is_none_or(|most| facts.price.is_some_and(|price| price <= most))
            && self.bedrooms_min.is_none_or(|least| facts.bedrooms.is_some_and(|count| count >= least))
            && self.bbox.as_ref().is_none_or(inside)
            && is_among(&self.listing_types, facts.listing_type)
            && (self.currencies.is_empty() || self.currencies.iter().any(has_currency))
            && is_among(&self.statuses, facts.status)
            && self.property_type.as_ref().is_none_or(|wanted| facts.property_type.as_ref() == Some(wanted))
    }

    /// Whether it compares facts that events of earlier versions were written without.
    pub(super) fn compares_later_facts(&self) -> bool {
        !self.listing_types.is_empty()
            || !self.currencies.is_empty()
            || !self.statuses.is_empty()
            || self.property_type.is_some()
    }

    /// The memory of its texts and lists.
    pub(super) fn held_bytes(&self) -> usize {
        let texts = [&self.city, &self.property_type].into_iter().flatten().map(String::capacity);
        texts.sum::<usize>()
            + self.listing_types.capacity() * size_of::<ListingType>()
            + self.currencies.capacity() * size_of::<CurrencyChoice>()
            + self.statuses.capacity() * size_of::<StandardStatus>()
    }
}

/// Whether a value is among the wanted ones; none wanted means all.
fn is_among<T: Copy + PartialEq>(wanted: &[T], value: Option<T>) -> bool {
    wanted.is_empty() || value.is_some_and(|value| wanted.contains(&value))
}

/// `standard_status`, or `status`, which means the same.
fn read_statuses(fields: &mut FilterFields<'_>) -> Vec<StandardStatus> {
    let allowed = statuses();
    let statuses = fields.choices("standard_status", &allowed, StandardStatus::parse);
    let same = fields.choices("status", &allowed, StandardStatus::parse);
    fields.exclusive("standard_status", "status");
    if statuses.is_empty() { same } else { statuses }
}

fn listing_types() -> String {
    one_of(ListingType::ALL.iter().map(|one| one.name()))
}

fn statuses() -> String {
    one_of(StandardStatus::ALL.iter().map(|one| one.name()))
}

fn one_of(names: impl Iterator<Item = &'static str>) -> String {
    format!("one of {}", names.collect::<Vec<_>>().join(", "))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::protocol::feed::Feed;
    use crate::protocol::filter::Filter;

    fn read(filter: &Value) -> PropertyFilter {
        match Filter::parse(Feed::PropertyUpdates, Some(filter)) {
            Ok(Filter::Properties(filter)) => *filter,
            other => panic!("{filter}: {other:?}"),
        }
    }

    fn refused(filter: &Value) -> String {
        Filter::parse(Feed::PropertyUpdates, Some(filter)).unwrap_err()
    }

    #[test]
    fn a_closed_set_is_one_text_or_a_list_of_texts() {
        let euro = CurrencyChoice::parse("EUR").unwrap();

        assert_eq!(read(&json!({"listing_type": "sale"})).listing_types, [ListingType::Sale]);
        assert_eq!(
            read(&json!({"listing_type": ["lease", "sale", "lease"]})).listing_types,
            [ListingType::Lease, ListingType::Sale]
        );
        assert_eq!(read(&json!({"currency": ["EUR", "none"]})).currencies, [euro, CurrencyChoice::Absent]);
        let both = [StandardStatus::Active, StandardStatus::Pending];
        for name in ["standard_status", "status"] {
            assert_eq!(read(&json!({name: ["active", "pending"]})).statuses, both, "{name}");
            assert_eq!(read(&json!({name: "active"})).statuses, both[..1], "{name}");
            assert!(read(&json!({name: null})).statuses.is_empty(), "{name}");
        }
        assert_eq!(read(&json!({"status": null, "standard_status": "active"})).statuses, both[..1]);
    }

    #[test]
    fn a_city_and_a_type_are_one_text_each_and_compared_without_case() {
        let filter = read(&json!({"city": " WASHINGTON, D.C.", "property_type": "Doppelhaushälfte "}));

        assert_eq!(filter.city.as_deref(), Some("washington, d.c."));
        assert_eq!(filter.property_type.as_deref(), Some("doppelhaushälfte"));
    }

    #[test]
    fn an_unknown_value_is_refused_with_the_field_and_what_is_allowed() {
        let sets = [
            ("listing_type", "sold", "listing_type must be one of sale, lease"),
            ("listing_type", "Sale", "listing_type must be one of sale, lease"),
            ("listing_type", "sale,lease", "listing_type must be one of sale, lease"),
            ("currency", "eur", "currency must be an ISO 4217 code such as EUR, or none"),
            ("currency", "XXX", "currency must be an ISO 4217 code such as EUR, or none"),
            ("currency", "EUR,none", "currency must be an ISO 4217 code such as EUR, or none"),
            ("standard_status", "sold", "standard_status must be one of active, active_under_contract, "),
            ("status", "removed", "status must be one of active, active_under_contract, "),
        ];
        for (field, bad, words) in sets {
            for filter in [json!({field: bad}), json!({field: [bad]})] {
                assert!(refused(&filter).contains(words), "{filter}: {}", refused(&filter));
            }
        }
        for field in ["listing_type", "currency", "standard_status", "status"] {
            let many = vec!["none"; 21];
            for bad in [
                json!(""),
                json!([]),
                json!(7),
                json!(true),
                json!({}),
                json!([7]),
                json!([null]),
                json!(many),
            ] {
                let filter = json!({field: bad});
                assert!(refused(&filter).contains(&format!("{field} must be ")), "{filter}");
            }
        }
        for bad in [json!(7), json!(["Condo"]), json!("x".repeat(101))] {
            let words = refused(&json!({"property_type": bad}));
            assert!(words.contains("property_type must be text of at most 100 characters"), "{words}");
        }
    }

    #[test]
    fn status_and_standard_status_are_not_given_together() {
        let words = refused(&json!({"status": "active", "standard_status": "active"}));
        assert!(words.contains("standard_status and status mean the same: give one of them"), "{words}");
    }

    #[test]
    fn only_the_later_fields_need_the_later_facts() {
        let all = json!({
            "city": "x", "price_min": 1, "price_max": 2, "bedrooms_min": 1, "bbox": [1, 2, 3, 4], "property_id": 7,
        });
        assert!(!read(&all).compares_later_facts());
        assert!(!read(&json!({})).compares_later_facts());
        for (field, value) in
            [("listing_type", "sale"), ("currency", "none"), ("status", "active"), ("property_type", "condo")]
        {
            assert!(read(&json!({field: value})).compares_later_facts(), "{field}");
        }
    }

    #[test]
    fn an_event_of_an_earlier_version_matches_no_later_field() {
        let facts: PropertyFacts = serde_json::from_value(json!({
            "city": "toledo", "price": 5.0, "bedrooms": null, "latitude": null, "longitude": null,
        }))
        .unwrap();

        assert!(read(&json!({"city": "Toledo"})).matches_state(&facts));
        for (field, value) in [("listing_type", "sale"), ("status", "active"), ("property_type", "condo")] {
            assert!(!read(&json!({field: value})).matches_state(&facts), "{field}");
        }
    }

    #[test]
    fn the_memory_of_lists_is_counted() {
        let lists = read(&json!({"currency": ["EUR", "USD", "none"], "status": ["active", "closed"]}));

        assert!(lists.held_bytes() >= 3 * size_of::<CurrencyChoice>() + 2 * size_of::<StandardStatus>());
        assert_eq!(read(&json!({"price_min": 5})).held_bytes(), 0);
    }
}
