//! From draft to listing: the key, the values that several fields give together, and the wire's bounds.

use std::collections::BTreeMap;

use serde_json::Value;
use url::Url;

use super::canonical::home_url;
use super::corrections::{
    drop_other_amounts, drop_reference, finish_areas, finish_rooms, learn_from_address,
};
use super::currency::{KnownCurrency, currency_of};
use super::draft::{Draft, fill};
use super::extraction::{Listing, MAX_LISTING_IDS};
use super::html::PageFacts;
use super::key::{self, MAX_KEY, is_same_home, is_same_host, is_same_page, own_url, shorten};
use super::notes::Notes;
use super::place_country::implied_country;
use super::rules;
use super::set_field::has_zero;
use super::values;
use crate::base::money::{self, MinorUnits};
use crate::crawler::page::Page;
use crate::protocol::property::{ListingType, PropertyInput, StandardStatus};
use crate::protocol::spider_rules::SpiderConstants;

/// Makes listings of the drafts of one page.
pub(super) struct Finisher<'a> {
    page: &'a Page,
    facts: &'a PageFacts,
    constants: &'a SpiderConstants,
    notes: &'a Notes,
    source: String,
}

impl<'a> Finisher<'a> {
    /// `constants` are told where the page tells nothing.
    pub(super) fn new(
        page: &'a Page,
        facts: &'a PageFacts,
        constants: &'a SpiderConstants,
        notes: &'a Notes,
    ) -> Self {
        Self { page, facts, constants, notes, source: key::source(page.url()) }
    }

    /// The listing of the home that the page is about.
    pub(super) fn home(&self, mut draft: Draft) -> Listing {
        let told = draft.property.source_url.as_deref().and_then(|url| Url::parse(url).ok());
        // A wrong or a foreign URL is no way back to this page.
        let told_or = |own: &Url| {
            let is_own = |told: &&Url| is_same_home(told, own) || is_same_home(told, self.page.url());
            told.as_ref().filter(is_own).unwrap_or(own).clone()
        };
        let canonical = own_url(self.page);
        let url = told_or(canonical);
        learn_from_name(&mut draft);
        learn_from_address(&mut draft, &url);
        drop_reference(&mut draft, &url);
        let name = draft.name.clone();
        let told_key = draft.property.listing_key.take();
        // Several homes may name one canonical address, such as that of their list.
        let url = if told_key.is_some() { url } else { told_or(home_url(self.page, canonical)) };
        let (key, told_key) = match told_key {
            Some(key) => (shorten(key, MAX_KEY), true),
            None => (key::address_key(&url), false),
        };
        let mut listing = self.listing(draft, key, told_key, &url);
        listing.property.attributes =
            name.map(|name| BTreeMap::from([("name".to_owned(), Value::from(name))]));
        listing
    }

    /// The listing of an entry of a list, if it has a key and a page of its own. It has no attributes: they are replaced
    /// as a whole, and an entry would erase what the home's page gave.
    pub(super) fn entry(&self, mut draft: Draft) -> Option<Listing> {
        let url = Url::parse(draft.property.source_url.as_deref()?).ok()?;
        let own = self.page.url();
        if !is_same_host(&url, own) || is_same_page(&url, own) {
            return None;
        }
        let key = shorten(draft.property.listing_key.take()?, MAX_KEY);
        Some(self.listing(draft, key, true, &url))
    }

    fn listing(&self, mut draft: Draft, key: String, told_key: bool, url: &Url) -> Listing {
        rules::set_country(&mut draft, self.constants);
        draft.finish_place();
        finish_rooms(&mut draft);
        finish_areas(&mut draft);
        finish_status(&mut draft);
        drop_other_amounts(&mut draft);
        finish_prices(&mut draft);
        rules::set_listing_type(&mut draft, self.constants);
        let currency = self.currency(&mut draft);
        if let Some(origin) = currency.origin {
            draft.origins.insert("currency", origin);
        }
        let bathrooms_total = bathrooms(&draft);
        let ids = further_ids(&draft, &key);
        let mut property = draft.property;
        property.listing_key = Some(key);
        property.source = Some(self.source.clone());
        property.source_url = Some(url.to_string());
        property.bathrooms_total = bathrooms_total;
        property.rooms_total = draft.rooms;
        property.currency = currency.code;
        drop_lone_units(&mut property);
        bound_prices(&mut property);
        let mut origins = BTreeMap::new();
        for (name, origin) in draft.origins {
            if is_told(&property, name) {
                origins.insert(name.to_owned(), origin);
            } else {
                let (layer, fragment) = (origin.layer.name(), &origin.fragment);
                self.notes.add(|| format!("{name}: what {layer} told ({fragment}) was dropped"));
            }
        }
        Listing {
            layer: draft.layer,
            told_key,
            ids,
            origins,
            inferred_currency: currency.is_inferred && property.currency.is_some(),
            property,
        }
    }

    /// The currency of the draft's prices: what the page or its country says, else the constant one, else that of the
    /// constant country.
    fn currency(&self, draft: &mut Draft) -> KnownCurrency {
        let constant = rules::take_country(draft);
        let known = self.currency_of_page(draft);
        rules::put_country_back(draft, constant.clone());
        if known.code.is_some() {
            return known;
        }
        if let Some((code, origin)) = rules::constant_currency(draft, self.constants) {
            return KnownCurrency { code: Some(code), is_inferred: false, origin: Some(origin) };
        }
        if constant.is_some() { currency_of(draft, self.facts) } else { known }
    }

    /// The country that a postal code implies decides what a sign means; it gives no currency to a price without one.
    fn currency_of_page(&self, draft: &mut Draft) -> KnownCurrency {
        let implied = draft.property.address.as_ref().and_then(implied_country);
        let Some(country) = implied else { return currency_of(draft, self.facts) };
        if let Some(address) = &mut draft.property.address {
            address.country = Some(country.to_owned());
        }
        let currency = currency_of(draft, self.facts);
        if let Some(address) = &mut draft.property.address {
            address.country = None;
        }
        if currency.is_inferred { KnownCurrency::default() } else { currency }
    }
}

/// Rooms that only the name tells: "3 bedroom house, Oak St".
fn learn_from_name(draft: &mut Draft) {
    let Some(name) = draft.name.as_deref() else { return };
    let said = values::rooms_text(name);
    let is_told = |count: &i64| (1..=100).contains(count) || *count == 0 && !has_zero(name);
    fill(&mut draft.property.bedrooms_total, || said.bedrooms.filter(is_told));
    fill(&mut draft.rooms, || said.rooms.filter(|count| *count > 0.0 && *count <= 100.0));
}

/// A flag says "sold" where no status says more; a price of sale and its day mean it where nothing is asked.
fn finish_status(draft: &mut Draft) {
    let property = &draft.property;
    let is_open = matches!(property.standard_status, None | Some(StandardStatus::Active));
    let was_closed =
        property.standard_status.is_none() && property.closed_at.is_some() && property.close_price.is_some();
    if is_open && draft.sold_flag == Some(true) || was_closed && !draft.has_asking_price() {
        draft.property.standard_status = Some(StandardStatus::Closed);
    }
}

/// What the prices mean together, and without what only a closed listing has.
fn finish_prices(draft: &mut Draft) {
    let layer_of = |name: &str| draft.origins.get(name).map(|origin| origin.layer);
    let is_one_layer = layer_of("list_price") == layer_of("list_price_low");
    let property = &mut draft.property;
    if property.standard_status != Some(StandardStatus::Closed) {
        (property.close_price, property.closed_at) = (None, None);
    }
    if let (Some(low), Some(high)) = (property.list_price_low, property.list_price_high)
        && low > high
    {
        (property.list_price_low, property.list_price_high) = (Some(high), Some(low));
    }
    match (property.list_price, property.list_price_low, property.list_price_high) {
        // A range of one price is a price.
        (None, Some(low), Some(high)) if low == high => {
            property.list_price = Some(low);
            (property.list_price_low, property.list_price_high) = (None, None);
        }
        // One end of the range is written once more as the price.
        (Some(price), Some(low), Some(high))
            if low < high && is_one_layer && (price == low || price == high) =>
        {
            property.list_price = None;
        }
        // A price that is told is the price; the range is another thing's, or the search's.
        (Some(_), _, _) => (property.list_price_low, property.list_price_high) = (None, None),
        (None, _, _) => {}
    }
    match (property.listing_type, property.rental_period) {
        (None, Some(_)) => property.listing_type = Some(ListingType::Lease),
        // The payments of a mortgage are monthly, too.
        (Some(ListingType::Sale), Some(_)) => property.rental_period = None,
        _ => {}
    }
}

/// Halves count as 0.5. A total that counts them as whole ones (RESO's integer) is corrected if they are given.
fn bathrooms(draft: &Draft) -> Option<f64> {
    let halves = draft.half_baths.unwrap_or(0.0);
    match (draft.full_baths, draft.baths) {
        (Some(full), _) => Some(full + halves / 2.0),
        (None, Some(total)) if total.fract() == 0.0 && total >= halves => Some(total - halves / 2.0),
        (None, Some(total)) => Some(total),
        (None, None) => draft.half_baths.map(|halves| halves / 2.0),
    }
}

/// The ids that the site told beside the key.
fn further_ids(draft: &Draft, key: &str) -> Vec<String> {
    let ids = draft.ids.iter().filter_map(|id| id.strip_prefix("key:")).filter(|id| *id != key);
    ids.take(MAX_LISTING_IDS).map(str::to_owned).collect()
}

/// A unit means nothing without a number.
fn drop_lone_units(property: &mut PropertyInput) {
    if property.living_area.is_none() {
        property.living_area_units = None;
    }
    if property.lot_size_area.is_none() {
        property.lot_size_units = None;
    }
}

/// Rounds prices to the currency's minor unit, and drops those that can't be stored.
fn bound_prices(property: &mut PropertyInput) {
    let currency = property.currency.clone();
    let currency = currency.as_deref();
    let units = money::minor_per_major(currency) as f64;
    let mut is_priced = false;
    for price in [
        &mut property.list_price,
        &mut property.list_price_low,
        &mut property.list_price_high,
        &mut property.original_list_price,
        &mut property.close_price,
    ] {
        *price = price.and_then(|amount| {
            let rounded = (amount * units).round() / units;
            MinorUnits::from_major(rounded, currency)
                .map(|minor| minor.to_major(currency))
                .filter(|amount| *amount > 0.0)
        });
        is_priced |= price.is_some();
    }
    if !is_priced {
        property.currency = None;
    }
}

/// Whether the property has the field whose origin is known. A value may have been dropped after it was read.
fn is_told(property: &PropertyInput, name: &str) -> bool {
    match name {
        "list_price" => property.list_price.is_some(),
        "list_price_low" => property.list_price_low.is_some(),
        "list_price_high" => property.list_price_high.is_some(),
        "original_list_price" => property.original_list_price.is_some(),
        "close_price" => property.close_price.is_some(),
        "closed_at" => property.closed_at.is_some(),
        "currency" => property.currency.is_some(),
        "rental_period" => property.rental_period.is_some(),
        "listing_type" => property.listing_type.is_some(),
        "living_area" => property.living_area.is_some(),
        "latitude" | "longitude" => property.latitude.is_some(),
        "address.state_or_province" => {
            property.address.as_ref().is_some_and(|address| address.state_or_province.is_some())
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::crawler::extract::draft::At;
    use crate::crawler::extract::extraction::Layer;
    use crate::crawler::extract::field::{AreaUnit, Field, KeyRank};

    fn home(facts: &[(Field, Value)]) -> Listing {
        let url = "https://homes.example.com/homes/4711".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let mut draft = Draft::new(Layer::JsonLd);
        for (field, value) in facts {
            draft.set(*field, value, &At { base: &url, budget: page.budget(), fragment: "" });
        }
        let (facts, notes) = (PageFacts::default(), Notes::new(false));
        Finisher::new(&page, &facts, &SpiderConstants::default(), &notes).home(draft)
    }

    fn property(facts: &[(Field, Value)]) -> PropertyInput {
        home(facts).property
    }

    #[test]
    fn ranges_are_ranges_and_a_range_of_one_price_is_a_price() {
        let prices = |price: Value, low: Value, high: Value| {
            let property = property(&[
                (Field::ListPrice, price),
                (Field::PriceLow, low),
                (Field::PriceHigh, high),
                (Field::Currency, json!("EUR")),
            ]);
            (property.list_price, property.list_price_low, property.list_price_high)
        };

        assert_eq!(
            prices(json!(null), json!(425_000), json!(480_000)),
            (None, Some(425_000.0), Some(480_000.0))
        );
        assert_eq!(
            prices(json!(null), json!(480_000), json!(425_000)),
            (None, Some(425_000.0), Some(480_000.0))
        );
        assert_eq!(
            prices(json!(425_000), json!(425_000), json!(480_000)),
            (None, Some(425_000.0), Some(480_000.0))
        );
        assert_eq!(prices(json!(null), json!(425_000), json!(425_000)), (Some(425_000.0), None, None));
        assert_eq!(prices(json!(9_000), json!(425_000), json!(480_000)), (Some(9_000.0), None, None));
    }

    #[test]
    fn what_a_sale_gave_is_told_of_closed_listings_only() {
        let sold = [(Field::ClosePrice, json!(310_000)), (Field::ClosedAt, json!("2019-05-01"))];
        let listed = [(Field::ListPrice, json!(425_000))];

        assert_eq!(property(&sold).standard_status, Some(StandardStatus::Closed));
        let again = property(&[&sold[..], &listed[..]].concat());
        assert_eq!((again.standard_status, again.close_price, again.closed_at), (None, None, None));
        let flagged = property(&[&listed[..], &[(Field::SoldFlag, json!(true))]].concat());
        assert_eq!(flagged.standard_status, Some(StandardStatus::Closed));
        let flagged = property(&[(Field::SoldFlag, json!(true)), (Field::Status, json!("SOLD_STC"))]);
        assert_eq!(flagged.standard_status, Some(StandardStatus::ActiveUnderContract));
    }

    #[test]
    fn prices_have_the_decimals_of_their_currency() {
        let priced = |price: f64, code: &str| {
            property(&[(Field::ListPrice, json!(price)), (Field::Currency, json!(code))]).list_price
        };

        assert_eq!(priced(1_000.4, "JPY"), Some(1_000.0));
        assert_eq!(priced(1_000.123_4, "KWD"), Some(1_000.123));
        assert_eq!(property(&[(Field::ListPrice, json!(1_000.129))]).list_price, Some(1_000.13));
        assert_eq!(property(&[(Field::Currency, json!("EUR"))]).currency, None);
    }

    #[test]
    fn the_name_tells_bedrooms_that_no_field_told() {
        let name = (Field::Name, json!("3 bedroom house, Oak St"));

        assert_eq!(property(std::slice::from_ref(&name)).bedrooms_total, Some(3));
        assert_eq!(property(&[name.clone(), (Field::Bedrooms, json!(4))]).bedrooms_total, Some(4));
        assert_eq!(property(&[name]).attributes.unwrap()["name"], json!("3 bedroom house, Oak St"));
    }

    #[test]
    fn a_key_is_told_or_made_from_the_address() {
        let told =
            home(&[(Field::Key(KeyRank::Any), json!("A-1")), (Field::Key(KeyRank::Listing), json!("B-2"))]);
        let made = home(&[(Field::YearBuilt, json!(1950))]);

        assert_eq!((told.property.listing_key.as_deref(), told.told_key), (Some("B-2"), true));
        assert_eq!(told.ids, ["A-1"]);
        assert_eq!((made.property.listing_key.as_deref(), made.told_key), (Some("4711"), false));
        assert_eq!(made.property.source_url.as_deref(), Some("https://homes.example.com/homes/4711"));
    }

    #[test]
    fn the_form_of_an_address_decides_what_a_sign_means() {
        let priced = |price: Value, state: &str, code: &str| {
            let listing = home(&[
                (Field::ListPrice, price),
                (Field::State, json!(state)),
                (Field::PostalCode, json!(code)),
            ]);
            assert_eq!(listing.property.address.unwrap().country, None);
            listing.property.currency
        };

        assert_eq!(priced(json!("$425,000"), "OH", "43604").as_deref(), Some("USD"));
        assert_eq!(priced(json!("$425,000"), "ON", "M5V 2T6").as_deref(), Some("CAD"));
        assert_eq!(priced(json!("$425,000"), "NSW", "2145").as_deref(), Some("AUD"));
        assert_eq!(priced(json!("$425,000"), "OH", "2145"), None);
        assert_eq!(priced(json!("€425,000"), "OH", "43604").as_deref(), Some("EUR"));
        assert_eq!(priced(json!(425_000), "OH", "43604"), None);
    }

    #[test]
    fn a_unit_without_a_number_is_left_out() {
        let lone = property(&[
            (Field::LivingAreaUnits, json!("sqm")),
            (Field::LotSize(AreaUnit::Acres), json!("2")),
        ]);

        assert_eq!((lone.living_area_units, lone.lot_size_units.as_deref()), (None, Some("Acres")));
    }
}
