//! Sets a fact of a listing: how its value is read, and that the first good value is kept.

use serde_json::Value;

use super::bounds::{MAX_URL, value_steps};
use super::draft::{At, Draft, fill, fold};
use super::extraction::Origin;
use super::field::{AreaUnit, Field, KeyRank};
use super::values::{self, Object};
use crate::base::text::truncate;
use crate::base::timestamp::Timestamp;
use crate::crawler::page_url;
use crate::protocol::property::{RentalPeriod, StandardStatus};

/// No home has more rooms or baths; a larger number is an id or an area in the wrong place.
const MOST_ROOMS: f64 = 1_000.0;
const MOST_STORIES: f64 = 200.0;
const MOST_PARKING: i64 = 10_000;
/// Names that one listing may have.
const MAX_IDS: usize = 50;
/// Steps of resolving a URL, beside those for its length.
const URL_STEPS: u64 = 200;
/// The largest area: a country in square feet.
const LARGEST_AREA: f64 = 1e13;
/// Characters of an [`Origin::fragment`], and bytes that an origin takes beside it.
const MAX_FRAGMENT: usize = 80;
const ORIGIN_BYTES: u64 = 100;
/// Characters that are read of a description, and bytes that are kept of it.
const MAX_DESCRIPTION_CHARS: usize = 12_000;
const MAX_DESCRIPTION: usize = 8 * 1024;

impl Draft {
    /// Sets `field` to `value`, unless it has a value already or this one makes no sense.
    pub(super) fn set(&mut self, field: Field, value: &Value, at: &At<'_>) {
        let resolving = if matches!(field, Field::Url | Field::Key(_)) { URL_STEPS } else { 0 };
        if !at.budget.charge_steps(resolving + value_steps(value)) {
            return;
        }
        match field {
            Field::Key(rank) => self.set_key(rank, value, at),
            Field::Url => self.set_url(value, at),
            Field::ListPrice
            | Field::PriceLow
            | Field::PriceHigh
            | Field::OriginalListPrice
            | Field::ClosePrice => self.set_price(field, value, at),
            Field::Currency => self.set_currency(value, at),
            Field::Status => self.set_status(value, at),
            Field::SoldFlag => {
                fill(&mut self.sold_flag, || flag(value));
            }
            Field::PropertyType => self.set_property_type(value, at),
            Field::Bedrooms => self.set_rooms(value, true, at),
            Field::Rooms => self.set_rooms(value, false, at),
            Field::LivingArea(unit) | Field::LotSize(unit) => self.set_area(field, unit, value, at),
            Field::Latitude | Field::Longitude | Field::LatLon => self.set_coordinates(field, value, at),
            Field::Unparsed
            | Field::Street
            | Field::HouseNumber
            | Field::City
            | Field::State
            | Field::PostalCode
            | Field::Country => self.set_address(field, value, at),
            Field::Media(kind) => self.set_media(kind, value, at),
            _ => self.set_plain(field, value, at),
        }
    }

    /// Fields whose value is read in one way and kept in one slot.
    fn set_plain(&mut self, field: Field, value: &Value, at: &At<'_>) {
        let property = &mut self.property;
        let (name, is_set) = match field {
            Field::Name => ("name", fill(&mut self.name, || named(value, 300))),
            Field::Description => ("description", fill(&mut property.description, || description(value))),
            Field::ListingType => (
                "listing_type",
                fill(&mut property.listing_type, || values::listing_type(&values::text(value, 100)?)),
            ),
            Field::RentalPeriod => {
                ("rental_period", fill(&mut property.rental_period, || rental_period(value)))
            }
            Field::Baths => {
                let baths = || values::baths_value(value).filter(is_count);
                ("bathrooms_total", fill(&mut self.baths, baths))
            }
            Field::FullBaths => {
                ("bathrooms_total", fill(&mut self.full_baths, || count(value).filter(is_count)))
            }
            Field::HalfBaths => {
                ("bathrooms_total", fill(&mut self.half_baths, || count(value).filter(is_count)))
            }
            Field::LivingAreaUnits => {
                ("living_area_units", fill(&mut property.living_area_units, || unit(value)))
            }
            Field::LotSizeUnits => ("lot_size_units", fill(&mut property.lot_size_units, || unit(value))),
            Field::YearBuilt => ("year_built", fill(&mut property.year_built, || year(value))),
            Field::Stories => (
                "stories",
                fill(&mut property.stories, || {
                    values::count_value(value).filter(|count| *count > 0.0 && *count <= MOST_STORIES)
                }),
            ),
            Field::ListedAt => ("listed_at", fill(&mut property.listed_at, || time(value))),
            Field::ClosedAt => ("closed_at", fill(&mut property.closed_at, || time(value))),
            Field::OfficeName => {
                ("list_office_name", fill(&mut property.list_office_name, || contact(value)))
            }
            Field::AgentName => ("list_agent_name", fill(&mut property.list_agent_name, || contact(value))),
            Field::EnergyRating => ("energy_rating", fill(&mut property.energy_rating, || whole(value, 20))),
            Field::Parking => (
                "parking_total",
                fill(&mut property.parking_total, || {
                    values::whole_value(value).filter(|count| (0..=MOST_PARKING).contains(count))
                }),
            ),
            Field::Tenure => ("tenure", fill(&mut property.tenure, || whole(value, 50))),
            // The others have functions of their own.
            _ => return,
        };
        if is_set {
            self.note_origin(name, at);
        }
    }

    /// Remembers where the value of `name` came from. A later one replaces it.
    pub(super) fn note_origin(&mut self, name: &'static str, at: &At<'_>) {
        let fragment = truncate(at.fragment, 4 * MAX_FRAGMENT);
        if at.budget.charge_bytes(ORIGIN_BYTES + fragment.len() as u64) {
            let fragment = fragment.chars().take(MAX_FRAGMENT).collect();
            self.origins.insert(name, Origin { layer: self.layer, fragment });
        }
    }

    fn set_key(&mut self, rank: KeyRank, value: &Value, at: &At<'_>) {
        let Some(key) = identifier(value).filter(|key| !values::is_placeholder_key(key)) else { return };
        // An identifier that is a URL names the page, not the listing.
        if key.starts_with("http://") || key.starts_with("https://") {
            return self.set_url(&Value::String(key), at);
        }
        if self.key_rank.is_none_or(|known| rank > known) {
            self.key_rank = Some(rank);
            self.property.listing_key = Some(key.clone());
            self.note_origin("listing_key", at);
        }
        self.add_id(format!("key:{key}"));
    }

    fn set_url(&mut self, value: &Value, at: &At<'_>) {
        let text = match value {
            Value::Object(object) => object.get("@id").or_else(|| object.get("url")).and_then(Value::as_str),
            other => other.as_str(),
        };
        let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_URL;
        let Some(text) = text.map(str::trim).filter(fits) else { return };
        let Some(url) = at.base.join(text).ok().and_then(page_url::normalise) else { return };
        // The site's entry is no home's page; templates write it where they know no better.
        if url.path() == "/" && url.query().is_none() {
            return;
        }
        self.add_id(format!("url:{url}"));
        if fill(&mut self.property.source_url, || Some(url.to_string())) {
            self.note_origin("source_url", at);
        }
    }

    /// Another name of this listing.
    pub(super) fn add_id(&mut self, id: String) {
        if self.ids.len() < MAX_IDS {
            self.ids.insert(id);
        }
    }

    /// A status that says more than "active" wins over one that does not.
    fn set_status(&mut self, value: &Value, at: &At<'_>) {
        let Some(text) = status_text(value) else { return };
        self.is_record |= is_public_record(&text);
        let Some(status) = values::status(&text) else { return };
        if is_better_status(self.property.standard_status, status) {
            self.property.standard_status = Some(status);
            self.note_origin("standard_status", at);
        }
    }

    /// The most specific type is kept.
    fn set_property_type(&mut self, value: &Value, at: &At<'_>) {
        let Some(text) = values::text(value, 100) else { return };
        self.residence |= values::is_home_type(&text);
        let Some(word) = values::property_type(&text) else { return };
        if is_better_type(self.property.property_type.as_deref(), word) {
            self.property.property_type = Some(word.to_owned());
            self.note_origin("property_type", at);
        }
    }

    /// Bedrooms and rooms share their words: "4 pièces" in a field of bedrooms means rooms, "2 BHK" in a field of rooms
    /// means bedrooms.
    fn set_rooms(&mut self, value: &Value, are_bedrooms: bool, at: &At<'_>) {
        let text = values::text(value, 100).filter(|text| !text.bytes().all(|byte| byte.is_ascii_digit()));
        let said = text.as_deref().map(values::rooms_text);
        let (mut bedrooms, mut rooms) = said.map_or((None, None), |said| (said.bedrooms, said.rooms));
        if bedrooms.is_none() && rooms.is_none() {
            let number = count(value);
            if are_bedrooms {
                bedrooms = number.filter(|count| count.fract() == 0.0).map(|count| count as i64);
            } else {
                rooms = number;
            }
        }
        // A bare zero is also what forms hold where the count is not known.
        let is_bare = text.as_deref().is_none_or(has_zero);
        if bedrooms == Some(0) && is_bare {
            self.no_bedrooms = true;
            bedrooms = None;
        }
        let bedrooms = bedrooms.filter(|count| (0..=MOST_ROOMS as i64).contains(count));
        if fill(&mut self.property.bedrooms_total, || bedrooms) {
            self.note_origin("bedrooms_total", at);
        }
        // A home without a room is a number that is missing.
        let rooms = rooms.filter(|count| *count > 0.0 && *count <= MOST_ROOMS);
        if fill(&mut self.rooms, || rooms) {
            self.note_origin("rooms_total", at);
        }
    }

    fn set_area(&mut self, field: Field, named: AreaUnit, value: &Value, at: &At<'_>) {
        let property = &mut self.property;
        let (size, units, name) = match field {
            Field::LivingArea(_) => {
                (&mut property.living_area, &mut property.living_area_units, "living_area")
            }
            _ => (&mut property.lot_size_area, &mut property.lot_size_units, "lot_size_area"),
        };
        if size.is_some() {
            return;
        }
        let in_bounds = |(amount, _): &(f64, _)| *amount > 0.0 && *amount <= LARGEST_AREA;
        let Some((amount, written)) = values::area_value(value).filter(in_bounds) else { return };
        *size = Some(amount);
        // A unit beside the number is more reliable than one in the key's name.
        if let Some(unit) = written.or(named.name()) {
            *units = Some(unit.to_owned());
        }
        self.note_origin(name, at);
    }
}

/// Whether `new` replaces `known`: what is for sale is the default of templates, everything else was written on purpose.
pub(super) fn is_better_status(known: Option<StandardStatus>, new: StandardStatus) -> bool {
    match known {
        None => true,
        Some(StandardStatus::Active) => new != StandardStatus::Active,
        Some(_) => false,
    }
}

/// Statuses of pages about homes that are not offered: their data are those of a land register or a tax office.
const RECORDS: [&str; 7] =
    ["assessor", "countyrecord", "countyrecords", "publicrecord", "publicrecords", "taxrecord", "taxrecords"];

/// Whether a status says that the home is in a public record and not on offer.
fn is_public_record(text: &str) -> bool {
    RECORDS.contains(&fold(text).as_str())
}

/// Whether a text has the number zero as a word of its own.
pub(super) fn has_zero(text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric()).any(|word| word == "0")
}

/// Whether a count of bathrooms says something. No home is offered as one without a bathroom; zero is a missing value.
fn is_count(count: &f64) -> bool {
    *count > 0.0 && *count <= MOST_ROOMS
}

/// Whether `new` says more about the kind of home than `known`.
pub(super) fn is_better_type(known: Option<&str>, new: &str) -> bool {
    known.is_none_or(|known| values::type_specificity(new) > values::type_specificity(known))
}

/// The text of a status, which may be an object with a label.
fn status_text(value: &Value) -> Option<String> {
    let labelled = |object: &Object| {
        ["label", "text", "displayValue", "display", "name", "value", "code", "status"]
            .iter()
            .find_map(|key| object.get(*key).filter(|value| value.is_string()))
            .and_then(|value| values::text(value, 100))
    };
    match value {
        Value::Object(object) => labelled(object),
        other => values::text(other, 100),
    }
}

/// An identifier, which may be a PropertyValue or a list of them.
fn identifier(value: &Value) -> Option<String> {
    match value {
        Value::Object(object) => values::text(object.get("value")?, 200),
        Value::Array(values) => values.iter().take(8).filter(|value| !value.is_array()).find_map(identifier),
        other => values::text(other, 200),
    }
}

fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => Some(number.as_i64()? == 1),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn count(value: &Value) -> Option<f64> {
    values::count_value(value).filter(|count| *count <= MOST_ROOMS)
}

fn year(value: &Value) -> Option<i64> {
    values::whole_value(value).filter(|year| (1_000..=2_200).contains(year))
}

fn time(value: &Value) -> Option<Timestamp> {
    values::time_value(value).and_then(Timestamp::new)
}

fn unit(value: &Value) -> Option<String> {
    values::area_unit(&values::text(value, 40)?).map(str::to_owned)
}

/// A period in words, or as a UN/CEFACT code (Recommendation 20), as schema.org's `unitCode` has it.
fn rental_period(value: &Value) -> Option<RentalPeriod> {
    let text = values::text(value, 60)?;
    match text.to_ascii_uppercase().as_str() {
        "MON" => Some(RentalPeriod::Month),
        "WEE" => Some(RentalPeriod::Week),
        "DAY" => Some(RentalPeriod::Day),
        "ANN" => Some(RentalPeriod::Year),
        _ => values::rental_period(&text),
    }
}

/// A text that is not a placeholder.
pub(super) fn named(value: &Value, most: usize) -> Option<String> {
    values::text(value, most).filter(|text| !values::is_placeholder_key(text))
}

/// A short text that is kept whole or not at all.
fn whole(value: &Value, most: usize) -> Option<String> {
    named(value, most + 1).filter(|text| text.chars().count() <= most)
}

/// The name of an agent or an office.
fn contact(value: &Value) -> Option<String> {
    named(value, 200).filter(|text| text.contains(char::is_alphabetic) && !text.contains("://"))
}

/// Plain text: descriptions are written with tags, which may be escaped.
fn description(value: &Value) -> Option<String> {
    let text = named(value, MAX_DESCRIPTION_CHARS)?;
    let text = if text.contains('<') { without_tags(&text) } else { text };
    let text = truncate(text.trim(), MAX_DESCRIPTION).trim_end();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Tags are blanks; a `<` that no tag begins with stays.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, tag) = rest.split_at(at);
        plain.push_str(before);
        let is_tag = tag[1..].starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        if !is_tag {
            plain.push('<');
            rest = &tag[1..];
            continue;
        }
        push_blank(&mut plain);
        // A tag without an end was cut off with the text.
        rest = tag.find('>').map_or("", |end| tag[end + 1..].trim_start());
    }
    plain.push_str(rest);
    plain
}

fn push_blank(text: &mut String) {
    if !text.is_empty() && !text.ends_with(' ') {
        text.push(' ');
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::extraction::Layer;

    fn draft_with(facts: &[(Field, Value)]) -> Draft {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let at = At { base: &base, budget: &budget, fragment: "home" };
        let mut draft = Draft::new(Layer::PageState);
        for (field, value) in facts {
            draft.set(*field, value, &at);
        }
        draft
    }

    #[test]
    fn rooms_are_not_bedrooms() {
        for (field, value, bedrooms, rooms) in [
            (Field::Bedrooms, json!(3), Some(3), None),
            (Field::Bedrooms, json!("3 Bed"), Some(3), None),
            (Field::Bedrooms, json!("Studio"), Some(0), None),
            (Field::Bedrooms, json!(0), None, None),
            (Field::Bedrooms, json!("0 beds"), None, None),
            (Field::Bedrooms, json!("4 pièces"), None, Some(4.0)),
            (Field::Bedrooms, json!("-1"), None, None),
            (Field::Bedrooms, json!({"value": 3}), Some(3), None),
            (Field::Rooms, json!(4), None, Some(4.0)),
            (Field::Rooms, json!("2 BHK"), Some(2), None),
            (Field::Rooms, json!(0), None, None),
            (Field::Bedrooms, json!(123_456), None, None),
        ] {
            let draft = draft_with(&[(field, value.clone())]);

            assert_eq!((draft.property.bedrooms_total, draft.rooms), (bedrooms, rooms), "{value}");
        }
    }

    #[test]
    fn a_status_that_says_more_than_active_wins() {
        let status = |words: &[&str]| {
            let facts: Vec<_> = words.iter().map(|word| (Field::Status, json!(word))).collect();
            draft_with(&facts).property.standard_status
        };

        assert_eq!(status(&["https://schema.org/InStock", "sold"]), Some(StandardStatus::Closed));
        assert_eq!(status(&["sold", "https://schema.org/InStock"]), Some(StandardStatus::Closed));
        assert_eq!(status(&["https://schema.org/InStock"]), Some(StandardStatus::Active));
        assert_eq!(
            draft_with(&[(Field::Status, json!({"id": 3, "label": "Sold"}))]).property.standard_status,
            Some(StandardStatus::Closed)
        );
    }

    #[test]
    fn placeholders_and_the_sites_entry_name_nothing() {
        for (field, value) in [
            (Field::Key(KeyRank::Listing), json!("N/A")),
            (Field::Key(KeyRank::Listing), json!("-")),
            (Field::Key(KeyRank::Listing), json!(0)),
            (Field::Url, json!("/")),
            (Field::Url, json!("https://homes.example.com/")),
            (Field::AgentName, json!("undefined")),
        ] {
            assert!(draft_with(&[(field, value.clone())]).is_blank(), "{field:?} {value}");
        }
    }

    #[test]
    fn descriptions_are_plain_text_of_a_bounded_size() {
        let set = |text: &str| draft_with(&[(Field::Description, json!(text))]).property.description;

        assert_eq!(set("A<br/>b &lt;p&gt;c&lt;/p&gt; 1 < 2").as_deref(), Some("A b c 1 < 2"));
        assert_eq!(set("end <br").as_deref(), Some("end"));
        assert_eq!(set(&"é".repeat(20_000)).map(|text| text.len()), Some(8 * 1024));
        assert_eq!(set("<br>"), None);
    }

    #[test]
    fn every_value_has_its_origin() {
        let draft = draft_with(&[(Field::YearBuilt, json!(1987)), (Field::Bedrooms, json!(3))]);

        let origin = Origin { layer: Layer::PageState, fragment: "home".to_owned() };
        assert_eq!(draft.origins.get("year_built"), Some(&origin));
        assert_eq!(draft.origins.get("bedrooms_total"), Some(&origin));
    }
}
