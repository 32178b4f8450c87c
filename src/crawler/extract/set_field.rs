//! Sets a fact of a listing: how its value is read, and that the first good value is kept.

use serde_json::Value;
use url::Url;

use super::bounds::MAX_URL;
use super::draft::{Draft, fill};
use super::field::{AreaUnit, Field, KeyRank};
use super::values::{self, Object};
use super::{numbers, vocabulary};
use crate::base::timestamp::Timestamp;
use crate::crawler::budget::PageBudget;
use crate::crawler::page_url;
use crate::protocol::property::Address;

/// No home has more rooms, baths or layers; a larger number is an id or an area in the wrong place.
const MOST_ROOMS: f64 = 1_000.0;
/// Names that one listing may have.
const MAX_IDS: usize = 50;
/// Steps of resolving a URL, beside those for its length.
const URL_STEPS: u64 = 200;
/// The largest area: a country in square feet.
const LARGEST_AREA: f64 = 1e13;

impl Draft {
    /// Sets `field` to `value`, unless it has a value already or this one makes no sense.
    pub(super) fn set(&mut self, field: Field, value: &Value, base: &Url, budget: &PageBudget) {
        let resolving = if matches!(field, Field::Url | Field::Key(_)) { URL_STEPS } else { 0 };
        if !budget.charge_steps(resolving + values::cost(value)) {
            return;
        }
        match field {
            Field::Key(rank) => self.set_key(rank, value, base),
            Field::Url => self.set_url(value, base),
            Field::Name => fill(&mut self.name, || values::text(value, 300)),
            Field::Description => fill(&mut self.description, || values::text(value, 1_000)),
            Field::ListPrice => self.set_list_price(value),
            Field::OriginalListPrice => fill(&mut self.property.original_list_price, || amount(value)),
            Field::ClosePrice => fill(&mut self.property.close_price, || amount(value)),
            Field::Currency => fill(&mut self.property.currency, || values::currency(value)),
            Field::Status => {
                fill(&mut self.property.standard_status, || {
                    vocabulary::parse_status(&values::text(value, 100)?)
                });
            }
            Field::PropertyType => self.set_property_type(value),
            Field::Bedrooms => fill(&mut self.property.bedrooms_total, || whole(rooms(value)?)),
            Field::Rooms => fill(&mut self.rooms, || rooms(value)),
            Field::Baths => fill(&mut self.baths, || rooms(value)),
            Field::FullBaths => fill(&mut self.full_baths, || rooms(value)),
            Field::HalfBaths => fill(&mut self.half_baths, || rooms(value)),
            Field::YearBuilt => fill(&mut self.property.year_built, || year(value)),
            Field::Stories => fill(&mut self.property.stories, || rooms(value)),
            Field::ListedAt => {
                fill(&mut self.property.listed_at, || values::time(value).and_then(Timestamp::new));
            }
            Field::ClosedAt => {
                fill(&mut self.property.closed_at, || values::time(value).and_then(Timestamp::new));
            }
            Field::LivingArea(_) | Field::LotSize(_) | Field::LivingAreaUnits | Field::LotSizeUnits => {
                self.set_area(field, value);
            }
            Field::Latitude => fill(&mut self.property.latitude, || values::degrees(value, 90.0)),
            Field::Longitude => fill(&mut self.property.longitude, || values::degrees(value, 180.0)),
            Field::Unparsed
            | Field::Street
            | Field::City
            | Field::State
            | Field::PostalCode
            | Field::Country => {
                self.set_address(field, value);
            }
        }
    }

    fn set_key(&mut self, rank: KeyRank, value: &Value, base: &Url) {
        let Some(key) = identifier(value) else { return };
        // An identifier that is a URL names the page, not the listing.
        if key.starts_with("http://") || key.starts_with("https://") {
            return self.set_url(&Value::String(key), base);
        }
        if self.key_rank.is_none_or(|known| rank > known) {
            self.key_rank = Some(rank);
            self.property.listing_key = Some(key.clone());
        }
        self.add_id(format!("key:{key}"));
    }

    fn set_url(&mut self, value: &Value, base: &Url) {
        let text = match value {
            Value::Object(object) => object.get("@id").or_else(|| object.get("url")).and_then(Value::as_str),
            other => other.as_str(),
        };
        let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_URL;
        let Some(text) = text.map(str::trim).filter(fits) else { return };
        let Some(url) = base.join(text).ok().and_then(page_url::normalise) else { return };
        self.add_id(format!("url:{url}"));
        fill(&mut self.property.source_url, || Some(url.to_string()));
    }

    /// Another name of this listing.
    pub(super) fn add_id(&mut self, id: String) {
        if self.ids.len() < MAX_IDS {
            self.ids.insert(id);
        }
    }

    fn set_list_price(&mut self, value: &Value) {
        if self.property.list_price.is_some() {
            return;
        }
        let Some((price, currency)) = values::price(value) else { return };
        self.property.list_price = Some(price);
        fill(&mut self.property.currency, || currency);
    }

    fn set_property_type(&mut self, value: &Value) {
        let Some(word) = values::text(value, 100) else { return };
        self.residence |= vocabulary::is_home_type(&word);
        fill(&mut self.property.property_type, || Some(word));
    }

    fn set_area(&mut self, field: Field, value: &Value) {
        let property = &mut self.property;
        let (size, units, area) = match field {
            Field::LivingArea(area) => (&mut property.living_area, &mut property.living_area_units, area),
            Field::LotSize(area) => (&mut property.lot_size_area, &mut property.lot_size_units, area),
            Field::LivingAreaUnits => return fill(&mut property.living_area_units, || unit(value)),
            _ => return fill(&mut property.lot_size_units, || unit(value)),
        };
        if size.is_some() {
            return;
        }
        let Some((amount, written)) = values::area(value).filter(|(amount, _)| *amount <= LARGEST_AREA)
        else {
            return;
        };
        *size = Some(amount);
        let named = match area {
            AreaUnit::Unknown => None,
            AreaUnit::SquareFeet => Some("Square Feet"),
            AreaUnit::SquareMeters => Some("Square Meters"),
            AreaUnit::Acres => Some("Acres"),
        };
        // A unit beside the number is more reliable than one in the key's name.
        if let Some(unit) = written.or(named) {
            *units = Some(unit.to_owned());
        }
    }

    fn set_address(&mut self, field: Field, value: &Value) {
        let address = self.property.address.get_or_insert_with(Address::default);
        let (part, most) = match field {
            Field::Unparsed => (&mut address.unparsed, 300),
            Field::Street => (&mut address.street, 200),
            Field::City => (&mut address.city, 100),
            Field::State => (&mut address.state_or_province, 100),
            Field::PostalCode => (&mut address.postal_code, 20),
            _ => (&mut address.country, 100),
        };
        fill(part, || values::text(value, most));
        if *address == Address::default() {
            self.property.address = None;
        }
    }
}

/// An identifier, which may be a PropertyValue or a list of them.
fn identifier(value: &Value) -> Option<String> {
    let inner = |object: &Object| values::text(object.get("value")?, 200);
    match value {
        Value::Object(object) => inner(object),
        Value::Array(values) => values::elements(values).find_map(identifier),
        other => values::text(other, 200),
    }
}

fn amount(value: &Value) -> Option<f64> {
    values::price(value).map(|(amount, _)| amount)
}

fn rooms(value: &Value) -> Option<f64> {
    values::count(value).filter(|count| *count <= MOST_ROOMS)
}

/// A number without a fraction: half a bedroom is a misreading.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then_some(number as i64)
}

fn year(value: &Value) -> Option<i64> {
    let year = values::number(value, values::plain)?;
    (1_000.0..=2_200.0).contains(&year).then_some(year as i64)
}

fn unit(value: &Value) -> Option<String> {
    numbers::area_unit(&values::text(value, 40)?).map(str::to_owned)
}
