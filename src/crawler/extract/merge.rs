//! Joins two drafts of one listing: what is missing in the better one is filled from the other. Where two layers tell
//! different values, that is counted.

use std::collections::BTreeMap;
use std::mem::take;

use super::draft::{Draft, fill, fold};
use super::extraction::Origin;
use super::set_field::{is_better_status, is_better_type};
use super::set_media::MAX_MEDIA;
use super::set_price::LEAST_BARE_PRICE;
use super::values::CurrencyHint;
use crate::protocol::property::{Address, Media, PropertyInput};

/// Numbers of an address that are compared.
const MAX_NUMBERS: usize = 12;
/// Names of a listing that several objects give, in all.
const MAX_IDS: usize = 200;

impl Draft {
    /// Fills what is missing here from `other`, which comes from the same layer or from a weaker one.
    pub(super) fn merge_from(&mut self, mut other: Self) {
        let mut notes = Notes {
            origins: take(&mut self.origins),
            disagreements: take(&mut self.disagreements),
            from: take(&mut other.origins),
            is_other_layer: self.layer != other.layer,
        };
        self.residence |= other.residence;
        self.in_list &= other.in_list;
        self.list_page &= other.list_page;
        let room = MAX_IDS.saturating_sub(self.ids.len());
        self.ids.extend(take(&mut other.ids).into_iter().take(room));
        if self.property.listing_key.is_none() {
            self.key_rank = other.key_rank;
        }
        notes.fill("listing_key", &mut self.property.listing_key, other.property.listing_key.take());
        self.merge_rooms(&other, &mut notes);
        fill(&mut self.name, || other.name.take());
        fill(&mut self.house_number, || other.house_number.take());
        fill(&mut self.sold_flag, || other.sold_flag);
        self.no_bedrooms |= other.no_bedrooms;
        self.is_record |= other.is_record;
        self.merge_prices(&other, &mut notes);
        self.merge_kind(&other, &mut notes);
        merge_facts(&mut self.property, other.property, &mut notes);
        self.origins = notes.origins;
        self.disagreements = notes.disagreements;
        for (name, count) in other.disagreements {
            *self.disagreements.entry(name).or_default() += count;
        }
    }

    fn merge_rooms(&mut self, other: &Self, notes: &mut Notes) {
        let are_bathrooms_known = self.baths.is_some() || self.full_baths.is_some();
        if !are_bathrooms_known {
            notes.fill("bathrooms_total", &mut self.baths, other.baths);
            notes.fill("bathrooms_total", &mut self.full_baths, other.full_baths);
        }
        fill(&mut self.half_baths, || other.half_baths);
        notes.fill("rooms_total", &mut self.rooms, other.rooms);
    }

    /// A price, its currency and its period belong together: none of them means anything beside another price.
    fn merge_prices(&mut self, other: &Self, notes: &mut Notes) {
        let is_known = self.has_asking_price();
        let is_told = other.has_asking_price() && !self.takes_for_placeholder(other);
        let (into, from) = (&mut self.property, &other.property);
        let is_same = into.list_price.is_some() && into.list_price == from.list_price;
        if !is_known && is_told {
            notes.fill("list_price", &mut into.list_price, from.list_price);
            notes.fill("list_price_low", &mut into.list_price_low, from.list_price_low);
            notes.fill("list_price_high", &mut into.list_price_high, from.list_price_high);
        } else if is_known && is_told && into.list_price.is_some() && from.list_price.is_some() && !is_same {
            notes.disagree("list_price");
        }
        notes.fill("original_list_price", &mut into.original_list_price, from.original_list_price);
        notes.fill("close_price", &mut into.close_price, from.close_price);
        if !is_known || !is_told || is_same {
            notes.fill("rental_period", &mut into.rental_period, from.rental_period);
            notes.fill("listing_type", &mut into.listing_type, from.listing_type);
            self.merge_currency(other, notes);
        } else if self.currency.code().zip(other.currency.code()).is_some_and(|(a, b)| a != b) {
            notes.disagree("currency");
        }
        self.no_price |= other.no_price;
    }

    fn merge_currency(&mut self, other: &Self, notes: &mut Notes) {
        if let (Some(known), Some(told)) = (self.currency.code(), other.currency.code()) {
            if known != told {
                notes.disagree("currency");
            }
            return;
        }
        let before = self.currency;
        self.currency = self.currency.or(other.currency);
        if self.currency != before || before == CurrencyHint::None {
            self.has_stated_currency |= other.has_stated_currency;
            notes.take("currency");
        }
    }

    /// Whether the price is said to be on request here, and the other layer's is only a small bare number.
    fn takes_for_placeholder(&self, other: &Self) -> bool {
        let bare = other.currency == CurrencyHint::None;
        self.no_price && bare && other.property.list_price.is_some_and(|amount| amount < LEAST_BARE_PRICE)
    }

    /// Status and type: what says more wins, from whatever layer.
    fn merge_kind(&mut self, other: &Self, notes: &mut Notes) {
        let (into, from) = (&mut self.property, &other.property);
        if let Some(status) = from.standard_status {
            if into.standard_status.is_some_and(|known| known != status) {
                notes.disagree("standard_status");
            }
            if is_better_status(into.standard_status, status) {
                into.standard_status = Some(status);
                notes.take("standard_status");
            }
        }
        if let Some(word) = &from.property_type
            && is_better_type(into.property_type.as_deref(), word)
        {
            into.property_type = Some(word.clone());
            notes.take("property_type");
        }
    }
}

/// What is written down while values are joined.
struct Notes {
    origins: BTreeMap<&'static str, Origin>,
    disagreements: BTreeMap<&'static str, u32>,
    from: BTreeMap<&'static str, Origin>,
    is_other_layer: bool,
}

impl Notes {
    /// Fills `slot`, or counts that the layers disagree.
    fn fill<T: PartialEq>(&mut self, name: &'static str, slot: &mut Option<T>, told: Option<T>) {
        self.fill_unless(name, slot, told, |known, told| known == told);
    }

    /// The same for text: a spelling that holds the other one is no disagreement.
    fn fill_text(&mut self, name: &'static str, slot: &mut Option<String>, told: Option<String>) {
        self.fill_unless(name, slot, told, |known, told| {
            let (known, told) = (fold(known), fold(told));
            known.contains(&told) || told.contains(&known)
        });
    }

    fn fill_unless<T>(
        &mut self,
        name: &'static str,
        slot: &mut Option<T>,
        told: Option<T>,
        agree: impl FnOnce(&T, &T) -> bool,
    ) {
        let Some(told) = told else { return };
        match slot {
            None => {
                *slot = Some(told);
                self.take(name);
            }
            Some(known) => {
                if !agree(known, &told) {
                    self.disagree(name);
                }
            }
        }
    }

    /// The value of `name` is the other draft's from now on.
    fn take(&mut self, name: &'static str) {
        if let Some(origin) = self.from.remove(name) {
            self.origins.insert(name, origin);
        }
    }

    fn disagree(&mut self, name: &'static str) {
        if self.is_other_layer {
            *self.disagreements.entry(name).or_default() += 1;
        }
    }
}

fn merge_facts(into: &mut PropertyInput, from: PropertyInput, notes: &mut Notes) {
    let living = (from.living_area, from.living_area_units);
    merge_area("living_area", &mut into.living_area, &mut into.living_area_units, living, notes);
    let lot = (from.lot_size_area, from.lot_size_units);
    merge_area("lot_size_area", &mut into.lot_size_area, &mut into.lot_size_units, lot, notes);
    notes.fill("source_url", &mut into.source_url, from.source_url);
    notes.fill("bedrooms_total", &mut into.bedrooms_total, from.bedrooms_total);
    notes.fill("year_built", &mut into.year_built, from.year_built);
    notes.fill("stories", &mut into.stories, from.stories);
    notes.fill("listed_at", &mut into.listed_at, from.listed_at);
    notes.fill("closed_at", &mut into.closed_at, from.closed_at);
    notes.fill("parking_total", &mut into.parking_total, from.parking_total);
    notes.fill_text("energy_rating", &mut into.energy_rating, from.energy_rating);
    notes.fill_text("tenure", &mut into.tenure, from.tenure);
    notes.fill_text("list_office_name", &mut into.list_office_name, from.list_office_name);
    notes.fill_text("list_agent_name", &mut into.list_agent_name, from.list_agent_name);
    if into.description.is_none() {
        notes.fill("description", &mut into.description, from.description);
    }
    let is_placed = into.latitude.is_some() && into.longitude.is_some();
    if !is_placed && from.latitude.is_some() && from.longitude.is_some() {
        (into.latitude, into.longitude) = (from.latitude, from.longitude);
        notes.take("latitude");
        notes.take("longitude");
    }
    merge_media(&mut into.media, from.media, notes);
    merge_address(&mut into.address, from.address, notes);
}

/// A unit means nothing beside another layer's number.
fn merge_area(
    name: &'static str,
    area: &mut Option<f64>,
    units: &mut Option<String>,
    (told, told_units): (Option<f64>, Option<String>),
    notes: &mut Notes,
) {
    if area.is_none() || *area == told {
        fill(units, || told_units);
    }
    notes.fill(name, area, told);
}

/// Kinds that are missing here: the same photographs come in other sizes from every layer.
fn merge_media(into: &mut Option<Vec<Media>>, from: Option<Vec<Media>>, notes: &mut Notes) {
    let Some(from) = from else { return };
    let Some(known) = into else {
        *into = Some(from);
        return notes.take("media");
    };
    let is_missing = |media: &Media| known.iter().all(|known| known.kind != media.kind);
    let missing: Vec<_> = from.into_iter().filter(is_missing).collect();
    known.extend(missing);
    known.truncate(MAX_MEDIA);
}

fn merge_address(into: &mut Option<Address>, from: Option<Address>, notes: &mut Notes) {
    let Some(from) = from else { return };
    let known = into.get_or_insert_with(Address::default);
    notes.fill_text("address.street", &mut known.street, from.street);
    notes.fill_text("address.city", &mut known.city, from.city);
    notes.fill_text("address.state_or_province", &mut known.state_or_province, from.state_or_province);
    notes.fill_text("address.postal_code", &mut known.postal_code, from.postal_code);
    notes.fill_text("address.country", &mut known.country, from.country);
    let is_of_street =
        |unparsed: &String| known.street.as_deref().is_none_or(|street| holds_number_of(unparsed, street));
    if known.unparsed.is_none() {
        let unparsed = from.unparsed.filter(is_of_street);
        notes.fill("address.unparsed", &mut known.unparsed, unparsed);
    }
}

/// Whether an address may be that of `street`: it has the number of the house, or there is none to compare. A page has
/// the addresses of schools, agents and neighbours as well.
fn holds_number_of(unparsed: &str, street: &str) -> bool {
    let numbers = |text: &'_ str| -> Vec<String> {
        let digits = text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty());
        digits.take(MAX_NUMBERS).map(str::to_owned).collect()
    };
    let (of_street, told) = (numbers(street), numbers(unparsed));
    of_street.is_empty() || told.is_empty() || of_street.iter().any(|number| told.contains(number))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::extraction::Layer;
    use crate::crawler::extract::field::{AreaUnit, Field};
    use crate::protocol::property::{MediaKind, StandardStatus};

    fn draft(layer: Layer, facts: &[(Field, Value)]) -> Draft {
        let base = "https://homes.example.com/h/1".parse().unwrap();
        let budget = PageBudget::for_page(1_000);
        let mut draft = Draft::new(layer);
        for (field, value) in facts {
            draft.set(*field, value, &At { base: &base, budget: &budget, fragment: layer.name() });
        }
        draft
    }

    fn merged(better: &[(Field, Value)], weaker: &[(Field, Value)]) -> Draft {
        let mut better = draft(Layer::JsonLd, better);
        better.merge_from(draft(Layer::PageState, weaker));
        better
    }

    #[test]
    fn what_is_missing_comes_from_the_weaker_layer_with_its_origin() {
        let home = merged(&[(Field::Bedrooms, json!(3))], &[(Field::YearBuilt, json!(1950))]);

        assert_eq!((home.property.bedrooms_total, home.property.year_built), (Some(3), Some(1950)));
        assert_eq!(home.origins["bedrooms_total"].layer, Layer::JsonLd);
        assert_eq!(home.origins["year_built"].layer, Layer::PageState);
        assert!(home.disagreements.is_empty());
    }

    #[test]
    fn layers_that_tell_different_values_are_counted() {
        let price = |amount: u32| (Field::ListPrice, json!(amount));

        let home = merged(
            &[price(425_000), (Field::Bedrooms, json!(3)), (Field::Street, json!("12 Oak Street"))],
            &[price(430_000), (Field::Bedrooms, json!(4)), (Field::Street, json!("12 Oak St"))],
        );

        assert_eq!(home.property.list_price, Some(425_000.0));
        assert_eq!(home.disagreements, BTreeMap::from([("bedrooms_total", 1), ("list_price", 1)]));
    }

    #[test]
    fn objects_of_one_layer_do_not_disagree() {
        let mut one = draft(Layer::JsonLd, &[(Field::Bedrooms, json!(3))]);
        one.merge_from(draft(Layer::JsonLd, &[(Field::Bedrooms, json!(4))]));

        assert!(one.disagreements.is_empty());
    }

    #[test]
    fn a_currency_or_a_unit_means_nothing_beside_another_number() {
        let euros = |price: &str| (Field::ListPrice, json!(price));
        let area = |size: &str| (Field::LivingArea(AreaUnit::Unknown), json!(size));

        let same =
            merged(&[(Field::ListPrice, json!(5000)), area("100")], &[euros("€5,000"), area("100 m²")]);
        let other =
            merged(&[(Field::ListPrice, json!(5000)), area("100")], &[euros("€6,000"), area("120 m²")]);

        assert_eq!(same.currency.code(), Some("EUR"));
        assert_eq!(same.property.living_area_units.as_deref(), Some("Square Meters"));
        assert_eq!((other.currency.code(), other.property.living_area_units), (None, None));
    }

    #[test]
    fn on_request_gives_way_to_a_real_price_only() {
        let request = [(Field::ListPrice, json!("POA"))];

        assert_eq!(merged(&request, &[(Field::ListPrice, json!(10))]).property.list_price, None);
        let real = merged(&request, &[(Field::ListPrice, json!("£425,000"))]);
        assert_eq!(real.property.list_price, Some(425_000.0));
    }

    #[test]
    fn a_status_other_than_active_wins_whatever_its_layer() {
        let home = merged(
            &[(Field::Status, json!("https://schema.org/InStock"))],
            &[(Field::Status, json!("Let Agreed"))],
        );

        assert_eq!(home.property.standard_status, Some(StandardStatus::Pending));
        assert_eq!(home.origins["standard_status"].layer, Layer::PageState);
    }

    #[test]
    fn the_address_of_something_else_is_not_taken() {
        let unparsed = |street: &str, text: &str| {
            let home = merged(&[(Field::Street, json!(street))], &[(Field::Unparsed, json!(text))]);
            home.property.address.unwrap().unparsed
        };

        assert_eq!(unparsed("7 Oak Street", "74 School Rd, Toledo 43604"), None);
        assert_eq!(unparsed("7 Oak Street", "Oak St 7, Toledo").as_deref(), Some("Oak St 7, Toledo"));
        assert_eq!(unparsed("Oak Street", "Toledo 43604").as_deref(), Some("Toledo 43604"));
        assert_eq!(unparsed("7 Oak Street", "Toledo").as_deref(), Some("Toledo"));
    }

    #[test]
    fn photographs_come_from_one_layer() {
        let photo = |name: &str| (Field::Media(MediaKind::Photo), json!(name));
        let plan = (Field::Media(MediaKind::FloorPlan), json!("/plan.png"));

        let home = merged(&[photo("/1.jpg")], &[photo("/1-large.jpg"), plan]);

        let kinds: Vec<_> = home.property.media.unwrap().into_iter().map(|media| media.kind).collect();
        assert_eq!(kinds, [MediaKind::Photo, MediaKind::FloorPlan]);
    }
}
