//! A listing while it is put together from several objects, blocks and layers.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::field::KeyRank;
use super::origin::{Layer, Origin};
use super::values::{self, CurrencyHint};
use crate::crawler::budget::PageBudget;
use crate::protocol::property::{Address, PropertyInput};

/// Where a value stands: what its URLs are relative to, what reading it is counted against, and its place on the page.
#[derive(Clone, Copy)]
pub(super) struct At<'a> {
    pub(super) base: &'a Url,
    pub(super) budget: &'a PageBudget,
    /// The path of keys, the label or the selector.
    pub(super) fragment: &'a str,
}

/// What is known of a listing so far.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// `source_url` is set when the listing has its own; `source` never is.
    pub(super) property: PropertyInput,
    /// The best layer that it is from.
    pub(super) layer: Layer,
    /// Whether its type says that it is a home.
    pub(super) residence: bool,
    /// Whether it is an entry of a list, a carousel or a "similar homes" part.
    pub(super) in_list: bool,
    /// Whether the object is a page of search results itself, and never a home.
    pub(super) list_page: bool,
    /// Names by which another object may mean the same listing.
    pub(super) ids: BTreeSet<String>,
    pub(super) key_rank: Option<KeyRank>,
    pub(super) rooms: Option<f64>,
    pub(super) baths: Option<f64>,
    pub(super) full_baths: Option<f64>,
    pub(super) half_baths: Option<f64>,
    /// Whether a bare zero stands in the place of the bedrooms: a studio, or a count that is not known.
    pub(super) no_bedrooms: bool,
    /// Whether its status says that it is a public record. The price of a record is no offer.
    pub(super) is_record: bool,
    pub(super) house_number: Option<String>,
    pub(super) name: Option<String>,
    pub(super) currency: CurrencyHint,
    /// Whether a field of its own stated the currency, which wins over a sign in the price's text.
    pub(super) has_stated_currency: bool,
    /// The prices that are written as digits with one point before exactly three, such as "350.500", and were read as
    /// thousands while no currency was known.
    pub(super) pointed_prices: BTreeSet<&'static str>,
    /// Whether the price is said to be on request.
    pub(super) no_price: bool,
    pub(super) sold_flag: Option<bool>,
    /// Where each value came from, by the field's name on the wire.
    pub(super) origins: BTreeMap<&'static str, Origin>,
    /// How often another layer told another value for a field.
    pub(super) disagreements: BTreeMap<&'static str, u32>,
}

impl Draft {
    pub(super) fn new(layer: Layer) -> Self {
        Self {
            property: PropertyInput::default(),
            layer,
            residence: false,
            in_list: false,
            list_page: false,
            ids: BTreeSet::new(),
            key_rank: None,
            rooms: None,
            baths: None,
            full_baths: None,
            half_baths: None,
            no_bedrooms: false,
            is_record: false,
            house_number: None,
            name: None,
            currency: CurrencyHint::None,
            has_stated_currency: false,
            pointed_prices: BTreeSet::new(),
            no_price: false,
            sold_flag: None,
            origins: BTreeMap::new(),
            disagreements: BTreeMap::new(),
        }
    }

    /// Whether this is a property listing: a home with some fact, or a price with a fact that only a home has.
    pub(super) fn is_listing(&self) -> bool {
        if self.list_page {
            return false;
        }
        let property = &self.property;
        let located = property.address.is_some() || property.latitude.is_some();
        let home = self.home_facts() > 0;
        let named = property.list_price.is_some() && self.name_tells_bedrooms();
        (self.residence && (self.has_price() || home || located)) || (self.has_price() && home) || named
    }

    /// Whether nothing is known.
    pub(super) fn is_blank(&self) -> bool {
        self.property == PropertyInput::default()
            && self.home_facts() == 0
            && self.name.is_none()
            && self.sold_flag.is_none()
            && !self.no_price
    }

    pub(super) fn has_price(&self) -> bool {
        self.has_asking_price() || self.property.close_price.is_some()
    }

    /// Whether there is a price, or a range of prices, for which the home is to be had now.
    pub(super) fn has_asking_price(&self) -> bool {
        let property = &self.property;
        property.list_price.or(property.list_price_low).or(property.list_price_high).is_some()
    }

    /// Whether there is a street: concerts and jobs have a city as well.
    pub(super) fn has_street(&self) -> bool {
        let address = self.property.address.as_ref();
        address.is_some_and(|address| address.street.is_some() || address.unparsed.is_some())
    }

    /// How many facts are known that only a home has.
    pub(super) fn home_facts(&self) -> usize {
        let property = &self.property;
        let baths = self.baths.or(self.full_baths).or(self.half_baths);
        [
            property.bedrooms_total.is_some(),
            baths.is_some(),
            self.rooms.is_some(),
            property.living_area.is_some(),
            property.lot_size_area.is_some(),
            property.year_built.is_some(),
            self.has_street(),
        ]
        .into_iter()
        .filter(|known| *known)
        .count()
    }

    fn name_tells_bedrooms(&self) -> bool {
        self.name.as_deref().is_some_and(|name| values::rooms_text(name).bedrooms.is_some())
    }

    /// All names of this listing, those of its place included.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.ids.iter().cloned().collect();
        if let Some(Address { street: Some(street), postal_code, city, .. }) = &self.property.address {
            let area = postal_code.as_ref().or(city.as_ref()).map(|area| fold(area)).unwrap_or_default();
            names.push(format!("place:{}|{area}", fold(street)));
        }
        names
    }

    /// Whether `other`, which shares `name`, is the same listing. Units of one building share a street, and careless
    /// pages give one URL to all their listings; then the facts decide.
    pub(super) fn is_same(&self, other: &Self, name: &str) -> bool {
        if name.starts_with("key:") {
            let elsewhere = self.has_other_url_than(other) && self.has_other_price_than(other);
            return !elsewhere && !self.is_other_place(other);
        }
        if name.starts_with("place:") {
            return !self.differs_from(other) && !self.has_other_url_than(other);
        }
        !(self.differs_from(other) && self.has_other_key_than(other))
    }

    /// Whether the two cannot be one place.
    pub(super) fn is_other_place(&self, other: &Self) -> bool {
        let apart = |a: Option<f64>, b: Option<f64>| a.zip(b).is_some_and(|(a, b)| (a - b).abs() > 0.01);
        differ(self.postal_code(), other.postal_code())
            || differ(self.first_number(), other.first_number())
            || apart(self.property.latitude, other.property.latitude)
            || apart(self.property.longitude, other.property.longitude)
    }

    /// Whether both name the same street.
    pub(super) fn has_street_of(&self, other: &Self) -> bool {
        let street = |draft: &Self| draft.property.address.as_ref()?.street.as_deref().map(fold);
        same(street(self), street(other))
    }

    fn postal_code(&self) -> Option<String> {
        self.property.address.as_ref()?.postal_code.as_deref().map(fold)
    }

    /// The first number of the street: "St" and "Street" differ in spelling only, 12 and 14 do not.
    fn first_number(&self) -> Option<String> {
        let street = self.property.address.as_ref()?.street.as_deref()?;
        let number = street.split(|c: char| !c.is_ascii_digit()).find(|digits| !digits.is_empty());
        number.map(str::to_owned)
    }

    /// Whether a fact of the home, or its price, is another one.
    pub(super) fn differs_from(&self, other: &Self) -> bool {
        self.has_other_price_than(other) || self.has_other_facts_than(other)
    }

    pub(super) fn has_other_price_than(&self, other: &Self) -> bool {
        differ(self.property.list_price, other.property.list_price)
    }

    /// Whether bedrooms, living area, or sale and lease are others.
    pub(super) fn has_other_facts_than(&self, other: &Self) -> bool {
        let (a, b) = (&self.property, &other.property);
        let has_other_area = a.living_area_units == b.living_area_units
            && a.living_area.zip(b.living_area).is_some_and(|(a, b)| (a - b).abs() > 0.02 * a.max(b));
        differ(a.bedrooms_total, b.bedrooms_total) || has_other_area || differ(a.listing_type, b.listing_type)
    }

    /// How many facts are known of both and equal.
    pub(super) fn facts_shared_with(&self, other: &Self) -> usize {
        let (a, b) = (&self.property, &other.property);
        let city = |draft: &Self| draft.property.address.as_ref()?.city.as_deref().map(fold);
        [
            same(a.list_price, b.list_price),
            same(a.bedrooms_total, b.bedrooms_total),
            same(a.living_area, b.living_area),
            same(a.latitude, b.latitude),
            self.has_street_of(other),
            same(self.postal_code(), other.postal_code()),
            same(city(self), city(other)),
        ]
        .into_iter()
        .filter(|shared| *shared)
        .count()
    }

    pub(super) fn has_other_key_than(&self, other: &Self) -> bool {
        differ(self.property.listing_key.as_ref(), other.property.listing_key.as_ref())
    }

    pub(super) fn has_other_url_than(&self, other: &Self) -> bool {
        differ(self.property.source_url.as_ref(), other.property.source_url.as_ref())
    }
}

/// Sets a slot that is still empty. Whether it was set.
pub(super) fn fill<T>(slot: &mut Option<T>, value: impl FnOnce() -> Option<T>) -> bool {
    if slot.is_some() {
        return false;
    }
    *slot = value();
    slot.is_some()
}

/// The letters and digits of `text` in lower case, in whatever script.
pub(super) fn fold(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

pub(super) fn differ<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a != b)
}

fn same<T: PartialEq>(a: Option<T>, b: Option<T>) -> bool {
    a.zip(b).is_some_and(|(a, b)| a == b)
}
