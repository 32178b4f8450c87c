//! A stored property in its wire form, and the events about its changes.

use serde_json::Value;

use super::apply::current_price;
use super::diff::{Price, PropertyChange};
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::base::ids::JobId;
use crate::base::money::MinorUnits;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, PropertyEvent, PropertyUpdate};
use crate::protocol::property::{ListingType, PriceHistoryEntry, Property, RentalPeriod, StandardStatus};
use crate::protocol::routing::PropertyFacts;
use crate::storage::price_history::PriceRow;
use crate::storage::properties::PropertyRow;
use crate::storage::time;

/// What the events of a report need.
pub(super) struct ChangeContext<'a> {
    /// What filters could match before; none for a new property.
    pub(super) old: Option<&'a PropertyFacts>,
    pub(super) after: &'a PropertyRow,
    pub(super) job_id: Option<JobId>,
    pub(super) now: i64,
}

impl ChangeContext<'_> {
    pub(super) fn event(&self, change: PropertyChange) -> Event {
        let mut message = PropertyUpdate {
            event: PropertyEvent::PropertyCreated,
            property_id: self.after.id,
            property: Box::new(property(self.after)),
            old: None,
            new: None,
            currency: None,
            old_currency: None,
            changed: None,
            reason: None,
            same_as: None,
            job_id: self.job_id.map(|job_id| job_id.0),
            timestamp: epoch_seconds(time(self.now)),
            logged: Logged::default(),
        };
        match change {
            PropertyChange::Created => {}
            PropertyChange::Price { old, new } => {
                message.event = PropertyEvent::PriceChanged;
                message.currency.clone_from(&self.after.currency);
                message.old_currency = other_currency(old.as_ref(), &self.after.currency);
                message.old = old.map(|price| Value::from(price.to_major()));
                message.new = new.map(|price| Value::from(price.to_major()));
            }
            PropertyChange::Status { old, new } => {
                message.event = PropertyEvent::StatusChanged;
                message.old = Some(Value::from(old));
                message.new = Some(Value::from(new));
            }
            PropertyChange::Fields(names) => {
                message.event = PropertyEvent::PropertyChanged;
                message.changed = Some(names.into_iter().map(str::to_owned).collect());
            }
            PropertyChange::Removed(removal) => {
                message.event = PropertyEvent::PropertyRemoved;
                message.reason = Some(removal.reason);
                message.same_as = removal.same_as;
            }
        }
        Event::Property { old: self.old.cloned(), new: facts(self.after), message }
    }
}

/// The currency of a former price, if it is not that of the property now.
fn other_currency(old: Option<&Price>, now: &Option<String>) -> Option<String> {
    old.and_then(|price| price.currency.clone()).filter(|currency| Some(currency) != now.as_ref())
}

/// What the filters of `property_updates` match.
pub(super) fn facts(row: &PropertyRow) -> PropertyFacts {
    PropertyFacts {
        city: row.city_key.clone(),
        price: major(current_price(row), row.currency.as_deref()),
        bedrooms: row.bedrooms_total,
        latitude: row.latitude,
        longitude: row.longitude,
        listing_type: row.listing_type.as_deref().and_then(ListingType::parse),
        currency: row.currency.clone(),
        status: StandardStatus::parse(&row.standard_status),
        property_type: row.property_type_key.clone(),
        removed: row.removed,
    }
}

/// The property on the wire. JSON broken by manual edits is left out rather than failing a whole page.
pub(super) fn property(row: &PropertyRow) -> Property {
    let at = |micros: i64| rfc3339(time(micros));
    let price = |minor: Option<i64>| major(minor, row.currency.as_deref());
    Property {
        property_id: row.id,
        source: row.source.clone(),
        listing_key: row.listing_key.clone(),
        source_url: row.source_url.clone(),
        standard_status: status(&row.standard_status),
        listing_type: row.listing_type.as_deref().and_then(ListingType::parse),
        rental_period: row.rental_period.as_deref().and_then(RentalPeriod::parse),
        list_price: price(row.list_price),
        list_price_low: price(row.list_price_low),
        list_price_high: price(row.list_price_high),
        original_list_price: price(row.original_list_price),
        close_price: price(row.close_price),
        currency: row.currency.clone(),
        property_type: row.property_type.clone(),
        bedrooms_total: row.bedrooms_total,
        bathrooms_total: row.bathrooms_total,
        rooms_total: row.rooms_total,
        living_area: row.living_area,
        living_area_units: row.living_area_units.clone(),
        lot_size_area: row.lot_size_area,
        lot_size_units: row.lot_size_units.clone(),
        year_built: row.year_built,
        stories: row.stories,
        parking_total: row.parking_total,
        energy_rating: row.energy_rating.clone(),
        tenure: row.tenure.clone(),
        address: row.address.as_deref().and_then(|json| serde_json::from_str(json).ok()),
        latitude: row.latitude,
        longitude: row.longitude,
        listed_at: row.listed_at.map(at),
        price_changed_at: row.price_changed_at.map(at),
        closed_at: row.closed_at.map(at),
        first_seen_at: at(row.first_seen_at),
        last_seen_at: at(row.last_seen_at),
        updated_at: at(row.updated_at),
        removed: row.removed,
        description: row.description.clone(),
        media: row.media.as_deref().and_then(|json| serde_json::from_str(json).ok()),
        list_office_name: row.list_office_name.clone(),
        list_agent_name: row.list_agent_name.clone(),
        attributes: row.attributes.as_deref().and_then(|json| serde_json::from_str(json).ok()),
    }
}

pub(super) fn history_row(row: &PriceRow) -> PriceHistoryEntry {
    PriceHistoryEntry {
        price: major(row.price, row.currency.as_deref()),
        currency: row.currency.clone(),
        standard_status: status(&row.standard_status),
        observed_at: rfc3339(time(row.observed_at)),
    }
}

fn status(stored: &str) -> StandardStatus {
    StandardStatus::parse(stored).unwrap_or(StandardStatus::Incomplete)
}

fn major(minor: Option<i64>, currency: Option<&str>) -> Option<f64> {
    minor.map(|minor| MinorUnits(minor).to_major(currency))
}
