//! The rule of an upsert: what a property becomes by a report, and the changes to emit, in order. Pure.

use serde::{Deserialize, Serialize};

use crate::base::money::{MinorUnits, minor_per_major};
use crate::base::normalize;
use crate::protocol::problem::{FieldError, PathSegment};
use crate::protocol::property::{Address, StandardStatus};
use crate::storage::micros;
use crate::storage::properties::PropertyRow;

use super::draft::{DEFAULT_CURRENCY, Draft, price_error};

/// The outcome of an upsert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpsertOutcome {
    Created,
    Changed,
    Unchanged,
    Removed,
}

impl UpsertOutcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Removed => "removed",
        }
    }
}

/// One change to emit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum PropertyChange {
    Created,
    /// Of the current price, in minor units. `old` is absent if the currency changed: the two are not comparable.
    Price {
        old: Option<i64>,
        new: Option<i64>,
    },
    /// `old` is `removed` for a listing that came back.
    Status {
        old: String,
        new: String,
    },
    /// Other fields, by their names on the wire.
    Fields(Vec<&'static str>),
    Removed,
}

/// What follows from a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) outcome: UpsertOutcome,
    /// The row afterwards. None: an unknown listing is reported as removed.
    pub(super) row: Option<PropertyRow>,
    pub(super) changes: Vec<PropertyChange>,
    /// Price, currency or status differ: a row is added to the history.
    pub(super) writes_history: bool,
}

const CLOSED: &str = StandardStatus::Closed.name();
/// The former status of a listing that came back.
const REMOVED: &str = "removed";

/// Decides. Fails only for prices that the property's stored currency cannot express.
pub(super) fn decide(
    stored: Option<&PropertyRow>,
    draft: &Draft,
    now: i64,
) -> Result<Decision, Vec<FieldError>> {
    match stored {
        None if draft.removes() => Ok(Decision::unchanged(None)),
        None => create(draft, now),
        Some(row) if draft.removes() => Ok(remove(row, now)),
        Some(row) => update(row, draft, now),
    }
}

impl Decision {
    fn unchanged(row: Option<PropertyRow>) -> Self {
        Self { outcome: UpsertOutcome::Unchanged, row, changes: Vec::new(), writes_history: false }
    }
}

/// The price for filters, sorting and `price_changed`, in minor units: for a closed property its close price,
/// if known.
pub(super) fn current_price(row: &PropertyRow) -> Option<i64> {
    let sold = row.close_price.filter(|_| row.standard_status == CLOSED);
    sold.or(row.list_price)
}

fn create(draft: &Draft, now: i64) -> Result<Decision, Vec<FieldError>> {
    let mut row = blank(draft, now);
    apply(&mut row, draft)?;
    derive_search_columns(&mut row);
    Ok(Decision {
        outcome: UpsertOutcome::Created,
        row: Some(row),
        changes: vec![PropertyChange::Created],
        writes_history: true,
    })
}

/// A removal changes nothing else: a page that is gone has no price.
fn remove(stored: &PropertyRow, now: i64) -> Decision {
    if stored.removed {
        return Decision::unchanged(Some(stored.clone()));
    }
    let row = PropertyRow { removed: true, updated_at: now, ..stored.clone() };
    Decision {
        outcome: UpsertOutcome::Removed,
        row: Some(row),
        changes: vec![PropertyChange::Removed],
        writes_history: false,
    }
}

fn update(before: &PropertyRow, draft: &Draft, now: i64) -> Result<Decision, Vec<FieldError>> {
    let mut row = PropertyRow { removed: false, last_seen_at: now, ..before.clone() };
    let differing = apply(&mut row, draft)?;
    close_sale(before, &mut row, draft, now);
    derive_search_columns(&mut row);
    let changes = list_changes(before, &row, differing);
    if changes.is_empty() {
        return Ok(Decision::unchanged(Some(row)));
    }
    row.updated_at = now;
    if changes.iter().any(|told| matches!(told, PropertyChange::Price { .. })) {
        row.price_changed_at = Some(now);
    }
    let history = current_price(before) != current_price(&row)
        || before.currency != row.currency
        || before.standard_status != row.standard_status;
    Ok(Decision { outcome: UpsertOutcome::Changed, row: Some(row), changes, writes_history: history })
}

/// Price before status, then the rest. Fields that an emitted price or status covers are not named again: a
/// sale that closes at the list price is one event.
fn list_changes(
    before: &PropertyRow,
    after: &PropertyRow,
    mut differing: Vec<&'static str>,
) -> Vec<PropertyChange> {
    let mut changes = Vec::new();
    let (old, new) = (current_price(before), current_price(after));
    let same_currency = before.currency == after.currency;
    if old != new || (!same_currency && new.is_some()) {
        changes.push(PropertyChange::Price { old: old.filter(|_| same_currency), new });
        differing.retain(|name| !matches!(*name, "list_price" | "original_list_price" | "close_price"));
    }
    if before.removed || before.standard_status != after.standard_status {
        let old = if before.removed { REMOVED } else { &before.standard_status };
        changes.push(PropertyChange::Status { old: old.to_owned(), new: after.standard_status.clone() });
        differing.retain(|name| !matches!(*name, "close_price" | "closed_at"));
    }
    if !differing.is_empty() {
        changes.push(PropertyChange::Fields(differing));
    }
    changes
}

/// A newly observed sale has closed by now unless the source has a time; a listing that is back on the market
/// loses its sale, or the next one would show the old price.
fn close_sale(before: &PropertyRow, row: &mut PropertyRow, draft: &Draft, now: i64) {
    match (before.standard_status == CLOSED, row.standard_status == CLOSED) {
        (false, true) if draft.fields.closed_at.is_none() => row.closed_at = Some(now),
        (true, false) => {
            row.closed_at = row.closed_at.filter(|_| draft.fields.closed_at.is_some());
            row.close_price = row.close_price.filter(|_| draft.fields.close_price.is_some());
        }
        (false, true) | (true, true) | (false, false) => {}
    }
}

/// Writes the draft's known fields into the row and names those that differ. Unknown fields stay.
fn apply(row: &mut PropertyRow, draft: &Draft) -> Result<Vec<&'static str>, Vec<FieldError>> {
    let mut differing = Vec::new();
    let fields = &draft.fields;
    macro_rules! take {
        ($($field:ident: $value:expr,)*) => {$(
            if let Some(value) = $value && row.$field.as_ref() != Some(&value) {
                row.$field = Some(value);
                differing.push(stringify!($field));
            }
        )*};
    }
    if let Some(currency) = fields.currency.as_ref().filter(|currency| **currency != row.currency) {
        reinterpret_currency(row, currency);
        differing.push("currency");
    }
    let prices = Prices::read(draft, &row.currency)?;
    if let Some(status) = fields.standard_status {
        status.name().clone_into(&mut row.standard_status);
    }
    take! {
        list_price: prices.list,
        original_list_price: prices.original,
        close_price: prices.close,
        source_url: fields.source_url.clone(),
        property_type: fields.property_type.clone(),
        bedrooms_total: fields.bedrooms_total,
        bathrooms_total: fields.bathrooms_total,
        living_area: fields.living_area,
        living_area_units: fields.living_area_units.clone(),
        lot_size_area: fields.lot_size_area,
        lot_size_units: fields.lot_size_units.clone(),
        year_built: fields.year_built,
        stories: fields.stories,
        latitude: fields.latitude,
        longitude: fields.longitude,
        listed_at: fields.listed_at.map(|at| micros(at.utc())),
        closed_at: fields.closed_at.map(|at| micros(at.utc())),
        address: fields.address.as_ref().and_then(|address| merge_address(row.address.as_deref(), address)),
        attributes: draft.attributes.clone(),
    }
    if draft.host.is_some() {
        row.source_host.clone_from(&draft.host);
    }
    if row.original_list_price.is_none() && row.list_price.is_some() {
        row.original_list_price = row.list_price;
        differing.push("original_list_price");
    }
    Ok(differing)
}

/// The draft's prices in minor units.
struct Prices {
    list: Option<i64>,
    original: Option<i64>,
    close: Option<i64>,
}

impl Prices {
    fn read(draft: &Draft, currency: &str) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut read = |name: &str, major: Option<f64>| {
            let minor = MinorUnits::from_major(major?, currency);
            if minor.is_none() {
                let path = [PathSegment::Name(name.to_owned())];
                errors.push(FieldError::in_body(&path, "price", price_error(currency)));
            }
            minor.map(|minor| minor.0)
        };
        let prices = Self {
            list: read("list_price", draft.fields.list_price),
            original: read("original_list_price", draft.fields.original_list_price),
            close: read("close_price", draft.fields.close_price),
        };
        if errors.is_empty() { Ok(prices) } else { Err(errors) }
    }
}

/// Another currency corrects the unit: 300,000 that were taken for dollars are 300,000 euros.
fn reinterpret_currency(row: &mut PropertyRow, currency: &str) {
    let (old, new) = (minor_per_major(&row.currency), minor_per_major(currency));
    // Computed in a wider type: a large price times the units of another currency may not fit.
    let restated = |minor: i64| i128::from(minor) * i128::from(new) / i128::from(old);
    for price in [&mut row.list_price, &mut row.original_list_price, &mut row.close_price] {
        *price = price.map(|minor| i64::try_from(restated(minor)).unwrap_or(i64::MAX));
    }
    currency.clone_into(&mut row.currency);
}

/// The stored address with the known parts replaced; none if it would be empty.
fn merge_address(stored: Option<&str>, seen: &Address) -> Option<String> {
    let mut address: Address = stored.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    for (part, seen) in [
        (&mut address.unparsed, &seen.unparsed),
        (&mut address.street, &seen.street),
        (&mut address.city, &seen.city),
        (&mut address.state_or_province, &seen.state_or_province),
        (&mut address.postal_code, &seen.postal_code),
        (&mut address.country, &seen.country),
    ] {
        if seen.is_some() {
            part.clone_from(seen);
        }
    }
    // Texts always serialise.
    (address != Address::default()).then(|| serde_json::to_string(&address).unwrap_or_default())
}

/// Derives the search columns.
fn derive_search_columns(row: &mut PropertyRow) {
    let address: Address =
        row.address.as_deref().and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
    row.city_key = address.city.as_deref().map(normalize::case_fold);
    row.current_price = current_price(row).map(|minor| hundredths(minor, &row.currency));
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

fn hundredths(minor: i64, currency: &str) -> i64 {
    (MinorUnits(minor).to_major(currency) * 100.0).round() as i64
}

fn blank(draft: &Draft, now: i64) -> PropertyRow {
    PropertyRow {
        id: 0,
        tenant_id: 0,
        source: draft.source.clone(),
        listing_key: draft.listing_key.clone(),
        source_url: None,
        source_host: None,
        standard_status: StandardStatus::Active.name().to_owned(),
        list_price: None,
        original_list_price: None,
        close_price: None,
        current_price: None,
        currency: DEFAULT_CURRENCY.to_owned(),
        property_type: None,
        bedrooms_total: None,
        bathrooms_total: None,
        living_area: None,
        living_area_units: None,
        lot_size_area: None,
        lot_size_units: None,
        year_built: None,
        stories: None,
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
        attributes: None,
        search_text: String::new(),
        removed: false,
    }
}
