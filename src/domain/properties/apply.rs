//! Writes a draft into a property's row: what it knows replaces, what it empties goes, the rest stays. Pure.

use super::draft::Draft;
use super::draft_checks::{PRICES, price_error, prices_of};
use crate::base::money::MinorUnits;
use crate::base::normalize;
use crate::protocol::null_fields::NullFields;
use crate::protocol::problem::{FieldError, PathSegment};
use crate::protocol::property::{Address, StandardStatus};
use crate::storage::micros;
use crate::storage::properties::{PropertyRow, Writer};

const CLOSED: &str = StandardStatus::Closed.name();

/// The price for filters, sorting and `price_changed`, in minor units: for a closed property its close price,
/// if known.
pub(super) fn current_price(row: &PropertyRow) -> Option<i64> {
    let sold = row.close_price.filter(|_| row.standard_status == CLOSED);
    sold.or(row.list_price)
}

/// Writes the draft's fields and names those that differ. Fails for prices that the currency cannot express.
pub(super) fn apply(row: &mut PropertyRow, draft: &Draft) -> Result<Vec<&'static str>, Vec<FieldError>> {
    let mut differing = Vec::new();
    let (fields, nulls) = (&draft.fields, draft.nulls());
    let had_price = row.list_price.is_some();
    macro_rules! take {
        ($($field:ident: $value:expr,)*) => {$({
            let value = $value;
            let known = value.is_some() || nulls.has(stringify!($field));
            if known && row.$field != value {
                row.$field = value;
                differing.push(stringify!($field));
            }
        })*};
    }
    let currency =
        if nulls.has("currency") { None } else { fields.currency.as_ref().or(row.currency.as_ref()) };
    let currency = currency.cloned();
    let mut new_original = false;
    if currency != row.currency {
        new_original = replaces_original(row, draft, currency.as_deref());
        if new_original {
            row.original_list_price = None;
        }
        restate_prices(row, draft, currency.as_deref())?;
        row.currency.clone_from(&currency);
        differing.push("currency");
    }
    let [list, low, high, original, close] = read_prices(draft, currency.as_deref())?;
    if let Some(status) = fields.standard_status {
        status.name().clone_into(&mut row.standard_status);
    }
    take! {
        list_price: list,
        list_price_low: low,
        list_price_high: high,
        original_list_price: original,
        close_price: close,
        source_url: fields.source_url.clone(),
        listing_type: fields.listing_type.map(|term| term.name().to_owned()),
        rental_period: fields.rental_period.map(|term| term.name().to_owned()),
        property_type: fields.property_type.clone(),
        bedrooms_total: fields.bedrooms_total,
        bathrooms_total: fields.bathrooms_total,
        rooms_total: fields.rooms_total,
        living_area: fields.living_area,
        living_area_units: fields.living_area_units.clone(),
        lot_size_area: fields.lot_size_area,
        lot_size_units: fields.lot_size_units.clone(),
        year_built: fields.year_built,
        stories: fields.stories,
        parking_total: fields.parking_total,
        energy_rating: fields.energy_rating.clone(),
        tenure: fields.tenure.clone(),
        latitude: fields.latitude,
        longitude: fields.longitude,
        listed_at: fields.listed_at.map(|at| micros(at.utc())),
        closed_at: fields.closed_at.map(|at| micros(at.utc())),
        description: fields.description.clone(),
        media: draft.media.clone(),
        list_office_name: fields.list_office_name.clone(),
        list_agent_name: fields.list_agent_name.clone(),
        attributes: draft.attributes.clone(),
    }
    let address = merge_address(row.address.as_deref(), fields.address.as_ref(), nulls);
    if address != row.address {
        row.address = address;
        differing.push("address");
    }
    if draft.host.is_some() || nulls.has("source_url") {
        row.source_host.clone_from(&draft.host);
    }
    // Only the first price is the original one: an original price that was emptied stays empty.
    let is_first = !had_price && row.list_price.is_some();
    if (is_first || new_original) && row.original_list_price.is_none() && !nulls.has("original_list_price") {
        row.original_list_price = row.list_price;
        differing.push("original_list_price");
    }
    require_range(row)?;
    Ok(differing)
}

/// The draft's prices in minor units, in the order of [`PRICES`].
fn read_prices(draft: &Draft, currency: Option<&str>) -> Result<[Option<i64>; 5], Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut prices = [None; 5];
    for ((name, major), price) in PRICES.into_iter().zip(prices_of(&draft.fields)).zip(&mut prices) {
        let Some(major) = major else { continue };
        match MinorUnits::from_major(major, currency) {
            Some(minor) => *price = Some(minor.0),
            None => errors.push(field_error(name, "price", price_error(currency))),
        }
    }
    if errors.is_empty() { Ok(prices) } else { Err(errors) }
}

/// Whether the new list price of a row with another currency becomes the original one, as a first price does. The
/// stored original price may be a former list price that was never reported as the original one: it is no amount of
/// the new currency, unless the list price shows that only the unit is corrected. Nor is a row refused for it.
fn replaces_original(row: &PropertyRow, draft: &Draft, to: Option<&str>) -> bool {
    let (Some(original), Some(price)) = (row.original_list_price, draft.fields.list_price) else {
        return false;
    };
    if draft.fields.original_list_price.is_some() || draft.nulls().has("original_list_price") {
        return false;
    }
    let from = row.currency.as_deref();
    let is_other = |stored| MinorUnits::from_major(price, from) != Some(MinorUnits(stored));
    // An original price without list price and currency was reported as such; it learns its currency.
    row.list_price.map_or(from.is_some(), is_other) || MinorUnits(original).with_currency(from, to).is_none()
}

/// Another currency corrects the unit: 300,000 that were taken for dollars are 300,000 euros. What the new currency
/// cannot express is refused, unless the draft replaces or empties it.
fn restate_prices(row: &mut PropertyRow, draft: &Draft, to: Option<&str>) -> Result<(), Vec<FieldError>> {
    let from = row.currency.clone();
    let from = from.as_deref();
    let known = prices_of(&draft.fields);
    let stored = [
        &mut row.list_price,
        &mut row.list_price_low,
        &mut row.list_price_high,
        &mut row.original_list_price,
        &mut row.close_price,
    ];
    for ((name, known), price) in PRICES.into_iter().zip(known).zip(stored) {
        let Some(minor) = *price else { continue };
        match MinorUnits(minor).with_currency(from, to) {
            Some(restated) => *price = Some(restated.0),
            None if known.is_some() => *price = None,
            None if draft.nulls().has(name) => {}
            None => {
                let amount = MinorUnits(minor).to_major(from);
                let to = to.unwrap_or("a price without currency");
                let words =
                    format!("does not fit: {to} cannot express the {name} {amount}; send {name}, too");
                return Err(vec![field_error("currency", "currency", words)]);
            }
        }
    }
    Ok(())
}

/// The ends of a range may come one by one.
fn require_range(row: &PropertyRow) -> Result<(), Vec<FieldError>> {
    match (row.list_price_low, row.list_price_high) {
        (Some(low), Some(high)) if low > high => {
            let words = "must not be above the list_price_high of the property; send both";
            Err(vec![field_error("list_price_low", "range", words)])
        }
        (Some(_) | None, Some(_) | None) => Ok(()),
    }
}

fn field_error(name: &str, kind: &str, words: impl Into<String>) -> FieldError {
    FieldError::in_body(&[PathSegment::Name(name.to_owned())], kind, words)
}

/// The stored address with the known parts replaced and the emptied ones removed; none if it would be empty.
fn merge_address(stored: Option<&str>, seen: Option<&Address>, nulls: &NullFields) -> Option<String> {
    if nulls.has("address") {
        return None;
    }
    let Some(seen) = seen else { return stored.map(str::to_owned) };
    let mut address = read_address(stored);
    for (path, part, seen) in [
        ("address.unparsed", &mut address.unparsed, &seen.unparsed),
        ("address.street", &mut address.street, &seen.street),
        ("address.city", &mut address.city, &seen.city),
        ("address.state_or_province", &mut address.state_or_province, &seen.state_or_province),
        ("address.postal_code", &mut address.postal_code, &seen.postal_code),
        ("address.country", &mut address.country, &seen.country),
    ] {
        if seen.is_some() || nulls.has(path) {
            part.clone_from(seen);
        }
    }
    // Texts always serialise.
    (address != Address::default()).then(|| serde_json::to_string(&address).unwrap_or_default())
}

fn read_address(stored: Option<&str>) -> Address {
    stored.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default()
}

/// Derives the search columns.
pub(super) fn derive_search_columns(row: &mut PropertyRow) {
    let address = read_address(row.address.as_deref());
    row.city_key = address.city.as_deref().map(normalize::case_fold);
    row.property_type_key = row.property_type.as_deref().map(normalize::case_fold);
    row.current_price = current_price(row).map(|minor| hundredths(minor, row.currency.as_deref()));
    let words = [
        address.unparsed.as_deref(),
        address.street.as_deref(),
        address.city.as_deref(),
        address.state_or_province.as_deref(),
        address.postal_code.as_deref(),
        address.country.as_deref(),
        row.property_type.as_deref(),
        Some(row.listing_key.as_str()),
    ];
    row.search_text = normalize::case_fold(&words.into_iter().flatten().collect::<Vec<_>>().join(" "));
}

fn hundredths(minor: i64, currency: Option<&str>) -> i64 {
    (MinorUnits(minor).to_major(currency) * 100.0).round() as i64
}

/// The row of a property of which only the key is known.
pub(super) fn blank(draft: &Draft, writer: Writer, now: i64) -> PropertyRow {
    PropertyRow {
        id: 0,
        tenant_id: 0,
        source: draft.source.clone(),
        listing_key: draft.listing_key.clone(),
        source_url: None,
        source_host: None,
        standard_status: StandardStatus::Active.name().to_owned(),
        listing_type: None,
        rental_period: None,
        list_price: None,
        list_price_low: None,
        list_price_high: None,
        original_list_price: None,
        close_price: None,
        current_price: None,
        currency: None,
        property_type: None,
        property_type_key: None,
        bedrooms_total: None,
        bathrooms_total: None,
        rooms_total: None,
        living_area: None,
        living_area_units: None,
        lot_size_area: None,
        lot_size_units: None,
        year_built: None,
        stories: None,
        parking_total: None,
        energy_rating: None,
        tenure: None,
        address: None,
        city_key: None,
        latitude: None,
        longitude: None,
        listed_at: None,
        price_changed_at: None,
        closed_at: None,
        first_seen_at: now,
        last_seen_at: now,
        updated_at: now,
        description: None,
        media: None,
        list_office_name: None,
        list_agent_name: None,
        attributes: None,
        search_text: String::new(),
        removed: false,
        writer: writer.name().to_owned(),
        read_at: None,
    }
}
