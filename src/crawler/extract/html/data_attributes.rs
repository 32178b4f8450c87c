//! Facts in `data-` attributes of the page's main part. Where several elements tell different values, they are those of
//! cards or of a form, and none is taken.

use serde_json::{Value, json};

use super::super::draft::{At, Draft};
use super::super::field::{AreaUnit, Field, KeyRank};
use super::marks::Marks;
use super::outline::Outline;
use crate::crawler::page::Page;

/// Elements with such attributes that are looked at.
const MAX_ELEMENTS: usize = 500;
const ELEMENT_STEPS: u64 = 60;
/// Steps of looking an attribute up among all.
const ATTRIBUTE_STEPS: u64 = 6;
/// Bytes of a value.
const MAX_VALUE: usize = 200;

/// What an attribute tells.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Price,
    Currency,
    Latitude,
    Longitude,
    Bedrooms,
    Rooms,
    Baths,
    Area,
    SquareFeet,
    Address,
    City,
    PostalCode,
    Status,
    ListingId,
    PropertyId,
}

const SLOTS: [(&str, Slot); 21] = [
    ("data-price", Slot::Price),
    ("data-currency", Slot::Currency),
    ("data-lat", Slot::Latitude),
    ("data-latitude", Slot::Latitude),
    ("data-lng", Slot::Longitude),
    ("data-lon", Slot::Longitude),
    ("data-longitude", Slot::Longitude),
    ("data-beds", Slot::Bedrooms),
    ("data-bedrooms", Slot::Bedrooms),
    ("data-rooms", Slot::Rooms),
    ("data-baths", Slot::Baths),
    ("data-bathrooms", Slot::Baths),
    ("data-area", Slot::Area),
    ("data-sqft", Slot::SquareFeet),
    ("data-address", Slot::Address),
    ("data-city", Slot::City),
    ("data-postcode", Slot::PostalCode),
    ("data-zip", Slot::PostalCode),
    ("data-status", Slot::Status),
    ("data-listing-id", Slot::ListingId),
    ("data-property-id", Slot::PropertyId),
];

/// A value, until another element tells another.
#[derive(Clone, Copy)]
enum Told<'a> {
    Nothing,
    One(&'a str),
    Several,
}

/// Sets the facts of the page's own home.
pub(super) fn set_facts(draft: &mut Draft, outline: &Outline<'_>, page: &Page) {
    let mut told = [Told::Nothing; SLOTS.len()];
    for place in outline.with_data.iter().take(MAX_ELEMENTS) {
        let Some(block) = outline.blocks.get(*place) else { continue };
        let attributes = block.element.attrs().count() as u64;
        if !page.budget().charge_steps(ELEMENT_STEPS + ATTRIBUTE_STEPS * attributes) {
            return;
        }
        if block.marks.has(Marks::NOT_OWN.with(Marks::LINK).with(Marks::AGENT)) {
            continue;
        }
        let known = block.element.attrs().filter_map(|(name, value)| Some((slot_of(name)?, value)));
        let known: Vec<_> = known.collect();
        // Alone it is the status of a menu or a tab.
        let is_alone = known.len() == 1;
        for (slot, value) in known {
            if is_alone && slot == Slot::Status {
                continue;
            }
            let value = value.trim();
            let Some(entry) =
                told.get_mut(slot as usize).filter(|_| !value.is_empty() && value.len() <= MAX_VALUE)
            else {
                continue;
            };
            *entry = match *entry {
                Told::Nothing => Told::One(value),
                Told::One(known) if known == value => Told::One(known),
                Told::One(_) | Told::Several => Told::Several,
            };
        }
    }
    let one = |slot: Slot| match told.get(slot as usize) {
        Some(Told::One(value)) => Some(*value),
        _ => None,
    };
    apply(draft, page, one);
}

fn slot_of(name: &str) -> Option<Slot> {
    SLOTS.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot)
}

fn apply<'a>(draft: &mut Draft, page: &Page, one: impl Fn(Slot) -> Option<&'a str>) {
    let mut set = |field: Field, value: &Value, fragment: &str| {
        draft.set(field, value, &At { base: page.base(), budget: page.budget(), fragment });
    };
    if let Some(price) = one(Slot::Price) {
        let value = match one(Slot::Currency) {
            Some(currency) => json!({"amount": price, "currency": currency}),
            None => Value::from(price),
        };
        set(Field::ListPrice, &value, "[data-price]");
    }
    if let (Some(lat), Some(lon)) = (one(Slot::Latitude), one(Slot::Longitude)) {
        set(Field::LatLon, &json!({"latitude": lat, "longitude": lon}), "[data-lat][data-lng]");
    }
    for (slot, field, fragment) in [
        (Slot::Bedrooms, Field::Bedrooms, "[data-beds]"),
        (Slot::Rooms, Field::Rooms, "[data-rooms]"),
        (Slot::Baths, Field::Baths, "[data-baths]"),
        (Slot::Area, Field::LivingArea(AreaUnit::Unknown), "[data-area]"),
        (Slot::SquareFeet, Field::LivingArea(AreaUnit::SquareFeet), "[data-sqft]"),
        (Slot::Address, Field::Unparsed, "[data-address]"),
        (Slot::City, Field::City, "[data-city]"),
        (Slot::PostalCode, Field::PostalCode, "[data-postcode]"),
        (Slot::Status, Field::Status, "[data-status]"),
        (Slot::ListingId, Field::Key(KeyRank::Any), "[data-listing-id]"),
        (Slot::PropertyId, Field::Key(KeyRank::Any), "[data-property-id]"),
    ] {
        if let Some(value) = one(slot) {
            set(field, &Value::from(value), fragment);
        }
    }
}
