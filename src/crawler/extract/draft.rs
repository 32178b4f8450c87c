//! A listing while it is put together from several objects, blocks and layers.

use std::collections::BTreeSet;

use super::field::KeyRank;
use super::vocabulary::normalize_key;
use crate::protocol::property::{Address, PropertyInput};

/// What is known of a listing so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// `source_url` is set when the listing has its own; `source` never is.
    pub(super) property: PropertyInput,
    /// Whether it was declared to be a home.
    pub(super) residence: bool,
    /// Names by which another object may mean the same listing.
    pub(super) ids: BTreeSet<String>,
    pub(super) key_rank: Option<KeyRank>,
    pub(super) rooms: Option<f64>,
    pub(super) baths: Option<f64>,
    pub(super) full_baths: Option<f64>,
    pub(super) half_baths: Option<f64>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) price_period: Option<&'static str>,
}

impl Draft {
    /// Whether this is a property listing: a home with some fact, or a price with a fact that only a home has.
    pub(super) fn is_listing(&self) -> bool {
        let property = &self.property;
        let located = property.address.is_some() || property.latitude.is_some();
        let home = self.has_home_fact();
        (self.residence && (self.has_price() || home || located)) || (self.has_price() && home)
    }

    pub(super) fn has_price(&self) -> bool {
        self.property.list_price.is_some() || self.property.close_price.is_some()
    }

    /// Whether there is a street: concerts and jobs have a city as well.
    pub(super) fn has_street(&self) -> bool {
        let address = self.property.address.as_ref();
        address.is_some_and(|address| address.street.is_some() || address.unparsed.is_some())
    }

    fn has_home_fact(&self) -> bool {
        let property = &self.property;
        let baths = self.baths.or(self.full_baths).or(self.half_baths);
        property.bedrooms_total.is_some()
            || baths.is_some()
            || self.rooms.is_some()
            || property.living_area.is_some()
            || property.lot_size_area.is_some()
            || property.year_built.is_some()
            || self.has_street()
    }

    /// All names of this listing, those of its place included.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.ids.iter().cloned().collect();
        if let Some(Address { street: Some(street), postal_code, city, .. }) = &self.property.address {
            let area =
                postal_code.as_ref().or(city.as_ref()).map(|area| normalize_key(area)).unwrap_or_default();
            names.push(format!("place:{}|{area}", normalize_key(street)));
        }
        names
    }

    /// Whether `other`, which shares `name`, is the same listing. Units of one building share a street, and careless
    /// pages give one URL to all their listings; then the facts decide.
    pub(super) fn is_same(&self, other: &Self, name: &str) -> bool {
        if name.starts_with("key:") {
            return !self.has_other_location_than(other);
        }
        if name.starts_with("place:") {
            return !self.differs_from(other);
        }
        !(self.differs_from(other) && self.has_other_key_than(other))
    }

    /// Whether nothing contradicts that the two are one listing. Prices may differ: caches grow old.
    pub(super) fn is_compatible_with(&self, other: &Self) -> bool {
        let (a, b) = (&self.property, &other.property);
        let differs = differ(a.source_url.as_ref(), b.source_url.as_ref())
            || differ(a.bedrooms_total, b.bedrooms_total)
            || (a.living_area_units == b.living_area_units && differ(a.living_area, b.living_area));
        !differs && !self.has_other_location_than(other)
    }

    /// Whether the two cannot be one place.
    fn has_other_location_than(&self, other: &Self) -> bool {
        let apart = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() > 0.01);
        differ(self.postal_code(), other.postal_code())
            || differ(self.house_number(), other.house_number())
            || apart(self.property.latitude, other.property.latitude)
            || apart(self.property.longitude, other.property.longitude)
    }

    fn postal_code(&self) -> Option<String> {
        self.property.address.as_ref()?.postal_code.as_deref().map(normalize_key)
    }

    /// The first number of the street: "St" and "Street" differ in spelling only, 12 and 14 do not.
    fn house_number(&self) -> Option<String> {
        let street = self.property.address.as_ref()?.street.as_deref()?;
        let number = street.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
        number.map(str::to_owned)
    }

    fn differs_from(&self, other: &Self) -> bool {
        let (a, b) = (&self.property, &other.property);
        differ(a.list_price, b.list_price)
            || differ(a.bedrooms_total, b.bedrooms_total)
            || (a.living_area_units == b.living_area_units && differ(a.living_area, b.living_area))
    }

    fn has_other_key_than(&self, other: &Self) -> bool {
        differ(self.property.listing_key.as_ref(), other.property.listing_key.as_ref())
    }

    /// Fills what is missing here from `other`.
    pub(super) fn merge_from(&mut self, other: Self) {
        self.residence |= other.residence;
        self.ids.extend(other.ids);
        if self.property.listing_key.is_none() {
            self.key_rank = other.key_rank;
        }
        let bathrooms_known = self.baths.is_some() || self.full_baths.is_some();
        if !bathrooms_known {
            self.baths = other.baths;
            self.full_baths = other.full_baths;
        }
        fill(&mut self.half_baths, || other.half_baths);
        fill(&mut self.rooms, || other.rooms);
        fill(&mut self.name, || other.name);
        fill(&mut self.description, || other.description);
        fill(&mut self.price_period, || other.price_period);
        merge_property(&mut self.property, other.property);
    }
}

/// Sets a slot that is still empty.
pub(super) fn fill<T>(slot: &mut Option<T>, value: impl FnOnce() -> Option<T>) {
    if slot.is_none() {
        *slot = value();
    }
}

fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

fn merge_property(into: &mut PropertyInput, from: PropertyInput) {
    // A unit means nothing beside another layer's number.
    merge_measure(&mut into.list_price, &mut into.currency, from.list_price, from.currency);
    merge_measure(
        &mut into.living_area,
        &mut into.living_area_units,
        from.living_area,
        from.living_area_units,
    );
    merge_measure(&mut into.lot_size_area, &mut into.lot_size_units, from.lot_size_area, from.lot_size_units);
    fill(&mut into.listing_key, || from.listing_key);
    fill(&mut into.source_url, || from.source_url);
    fill(&mut into.standard_status, || from.standard_status);
    fill(&mut into.original_list_price, || from.original_list_price);
    fill(&mut into.close_price, || from.close_price);
    fill(&mut into.property_type, || from.property_type);
    fill(&mut into.bedrooms_total, || from.bedrooms_total);
    fill(&mut into.year_built, || from.year_built);
    fill(&mut into.stories, || from.stories);
    fill(&mut into.listed_at, || from.listed_at);
    fill(&mut into.closed_at, || from.closed_at);
    if into.latitude.is_none() || into.longitude.is_none() {
        (into.latitude, into.longitude) = (from.latitude, from.longitude);
    }
    match (&mut into.address, from.address) {
        (Some(known), Some(new)) => merge_address(known, new),
        (known, new) => fill(known, || new),
    }
}

fn merge_measure<U: PartialEq>(
    value: &mut Option<f64>,
    unit: &mut Option<U>,
    new: Option<f64>,
    new_unit: Option<U>,
) {
    if value.is_none() {
        *value = new;
        fill(unit, || new_unit);
    } else if *value == new {
        fill(unit, || new_unit);
    }
}

fn merge_address(into: &mut Address, from: Address) {
    fill(&mut into.street, || from.street);
    fill(&mut into.city, || from.city);
    fill(&mut into.state_or_province, || from.state_or_province);
    fill(&mut into.postal_code, || from.postal_code);
    fill(&mut into.country, || from.country);
    fill(&mut into.unparsed, || from.unparsed);
}
