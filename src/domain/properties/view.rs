//! A stored property in its wire form, and the events about its changes.

use serde_json::Value;

use super::diff::{PropertyChange, current_price};
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::base::ids::JobId;
use crate::base::money::MinorUnits;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, PropertyEvent, PropertyUpdate};
use crate::protocol::property::{PriceHistoryEntry, Property, StandardStatus};
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
            changed: None,
            job_id: self.job_id.map(|job_id| job_id.0),
            timestamp: epoch_seconds(time(self.now)),
            logged: Logged::default(),
        };
        match change {
            PropertyChange::Created => {}
            PropertyChange::Price { old, new } => {
                message.event = PropertyEvent::PriceChanged;
                message.old = major(old, &self.after.currency).map(Value::from);
                message.new = major(new, &self.after.currency).map(Value::from);
                message.currency = Some(self.after.currency.clone());
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
            PropertyChange::Removed => message.event = PropertyEvent::PropertyRemoved,
        }
        Event::Property { old: self.old.cloned(), new: facts(self.after), message }
    }
}

/// What the filters of `property_updates` match.
pub(super) fn facts(row: &PropertyRow) -> PropertyFacts {
    PropertyFacts {
        city: row.city_key.clone(),
        price: major(current_price(row), &row.currency),
        bedrooms: row.bedrooms_total,
        latitude: row.latitude,
        longitude: row.longitude,
    }
}

/// The property on the wire. JSON broken by manual edits is left out rather than failing a whole page.
pub(super) fn property(row: &PropertyRow) -> Property {
    let at = |micros: i64| rfc3339(time(micros));
    Property {
        property_id: row.id,
        source: row.source.clone(),
        listing_key: row.listing_key.clone(),
        source_url: row.source_url.clone(),
        standard_status: status(&row.standard_status),
        list_price: major(row.list_price, &row.currency),
        original_list_price: major(row.original_list_price, &row.currency),
        close_price: major(row.close_price, &row.currency),
        currency: row.currency.clone(),
        property_type: row.property_type.clone(),
        bedrooms_total: row.bedrooms_total,
        bathrooms_total: row.bathrooms_total,
        living_area: row.living_area,
        living_area_units: row.living_area_units.clone(),
        lot_size_area: row.lot_size_area,
        lot_size_units: row.lot_size_units.clone(),
        year_built: row.year_built,
        stories: row.stories,
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
        attributes: row.attributes.as_deref().and_then(|json| serde_json::from_str(json).ok()),
    }
}

pub(super) fn history_row(row: &PriceRow) -> PriceHistoryEntry {
    PriceHistoryEntry {
        price: major(row.price, &row.currency),
        currency: row.currency.clone(),
        standard_status: status(&row.standard_status),
        observed_at: rfc3339(time(row.observed_at)),
    }
}

fn status(stored: &str) -> StandardStatus {
    StandardStatus::parse(stored).unwrap_or(StandardStatus::Incomplete)
}

fn major(minor: Option<i64>, currency: &str) -> Option<f64> {
    minor.map(|minor| MinorUnits(minor).to_major(currency))
}
