//! The search over a tenant's properties.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::view::property;
use crate::auth::permission::Permission;
use crate::base::ids::JobId;
use crate::base::normalize;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::bounding_box::BoundingBox;
use crate::protocol::currency_choice::CurrencyChoice;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::property::{ListingType, Property, PropertySort, StandardStatus};
use crate::storage::micros;
use crate::storage::property_search::{self, Area, PriceBound, Search, SortCursor, SortKey, SortOrder};

/// Words of `q` at most: each is a scan of its own.
const MAX_WORDS: usize = 10;
/// Characters of `q` at most.
const MAX_Q: usize = 200;

/// Filters of the search, which mean the same as those of `property_updates`. An absent one does not filter, and
/// neither does an empty list; a list lets any of its values through.
#[derive(Clone, Debug, Default)]
pub struct PropertyQuery {
    /// Compared without case.
    pub city: Option<String>,
    pub statuses: Vec<StandardStatus>,
    pub listing_types: Vec<ListingType>,
    pub currencies: Vec<CurrencyChoice>,
    /// Compared without case.
    pub property_type: Option<String>,
    /// Major units of whatever currency a property has; compared with its current price.
    pub price_min: Option<f64>,
    pub price_max: Option<f64>,
    pub bedrooms_min: Option<i64>,
    pub bbox: Option<BoundingBox>,
    /// Words that must all occur in address, type or key, without case.
    pub q: Option<String>,
    pub updated_since: Option<DateTime<Utc>>,
    pub sources: Vec<String>,
    /// Properties that this job reported. An unknown job reported none.
    pub job_id: Option<JobId>,
    pub include_removed: bool,
}

/// Where a page ended. It names its order, and is invalid in another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyKey {
    sort: PropertySort,
    value: Option<i64>,
    id: i64,
}

/// Lists what matches. Properties without a price, or a date of listing, come last where the order asks for it.
pub async fn list(
    op: &Op,
    query: PropertyQuery,
    sort: PropertySort,
    page: PageRequest<PropertyKey>,
) -> Result<Page<Property, PropertyKey>> {
    op.require(Permission::ReadProperties)?;
    let search = search(query)?;
    let order = order(sort);
    let after = page.after.as_ref().map(|key| seek_position(key, sort)).transpose()?;
    let tx = op.read().await?;
    let rows = property_search::search(&tx, &search, order, after, page.limit + 1).await?;
    let key = |row: &_| PropertyKey { sort, value: order.by.value(row), id: row.id };
    Ok(Page::from_rows(rows, page.limit, key).map(|row| property(&row)))
}

/// The filters as the store compares them. Fails for filters that no property could match, and names them all.
pub(super) fn search(query: PropertyQuery) -> Result<Search> {
    let mut errors = Vec::new();
    let q = query.q.unwrap_or_default();
    let words: Vec<String> = q.split_whitespace().map(normalize::case_fold).collect();
    if words.len() > MAX_WORDS || q.chars().count() > MAX_Q || q.contains('\0') {
        let limit = format!("must have at most {MAX_WORDS} words and {MAX_Q} characters, and no NUL");
        errors.push(parameter("q", "max_length", limit));
    }
    for (name, price) in [("price_min", query.price_min), ("price_max", query.price_max)] {
        if price.is_some_and(|price| !(0.0..=1e15).contains(&price)) {
            errors.push(parameter(name, "range", "must be from 0 to 1e15"));
        }
    }
    let texts = [("city", &query.city), ("property_type", &query.property_type)];
    let texts = texts.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    for (name, text) in texts.chain(query.sources.iter().map(|source| ("source", source))) {
        if text.contains('\0') {
            errors.push(parameter(name, "pattern", "must not have a NUL"));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::validation(errors));
    }
    Ok(Search {
        city: query.city.as_deref().map(normalize::case_fold),
        statuses: query.statuses.into_iter().map(StandardStatus::name).collect(),
        listing_types: query.listing_types.into_iter().map(ListingType::name).collect(),
        currencies: query.currencies.iter().map(|one| one.code().map(str::to_owned)).collect(),
        property_type: query.property_type.as_deref().map(normalize::case_fold),
        price_min: query.price_min.map(|price| price_bound(price, least_parts)),
        price_max: query.price_max.map(|price| price_bound(price, most_parts)),
        bedrooms_min: query.bedrooms_min,
        area: query.bbox.map(|BoundingBox { west, south, east, north }| Area { west, south, east, north }),
        words,
        updated_since: query.updated_since.map(micros),
        sources: query.sources.iter().map(|source| normalize::exact(source)).collect(),
        job_id: query.job_id,
        with_removed: query.include_removed,
    })
}

/// The bound in parts of each size, by `parts`.
fn price_bound(major: f64, parts: fn(f64, i64) -> i64) -> PriceBound {
    PriceBound {
        hundredths: parts(major, 100),
        thousandths: parts(major, 1_000),
        ten_thousandths: parts(major, 10_000),
    }
}

/// The least number of parts of a major unit that is a price of `major` or more. It compares the prices that clients
/// see, as the live filter does, so the two agree where the parts themselves are no exact floats.
fn least_parts(major: f64, per_major: i64) -> i64 {
    let (low, high) = parts_around(major, per_major);
    (low..=high).find(|parts| price_of(*parts, per_major) >= major).unwrap_or(high)
}

/// The greatest number of parts that is a price of `major` or less.
fn most_parts(major: f64, per_major: i64) -> i64 {
    let (low, high) = parts_around(major, per_major);
    (low..=high).rev().find(|parts| price_of(*parts, per_major) <= major).unwrap_or(low)
}

/// The product is rounded, so the number that is meant is one of its neighbours.
fn parts_around(major: f64, per_major: i64) -> (i64, i64) {
    let near = (major * per_major as f64).round() as i64;
    (near.saturating_sub(3), near.saturating_add(3))
}

fn price_of(parts: i64, per_major: i64) -> f64 {
    parts as f64 / per_major as f64
}

fn order(sort: PropertySort) -> SortOrder {
    let (by, descending) = match sort {
        PropertySort::UpdatedAt => (SortKey::UpdatedAt, false),
        PropertySort::UpdatedAtDescending => (SortKey::UpdatedAt, true),
        PropertySort::Price => (SortKey::Price, false),
        PropertySort::PriceDescending => (SortKey::Price, true),
        PropertySort::ListedAt => (SortKey::ListedAt, false),
        PropertySort::ListedAtDescending => (SortKey::ListedAt, true),
        PropertySort::PropertyId => (SortKey::Id, false),
        PropertySort::PropertyIdDescending => (SortKey::Id, true),
    };
    SortOrder { by, descending }
}

fn seek_position(key: &PropertyKey, sort: PropertySort) -> Result<SortCursor> {
    let may_lack_value = matches!(order(sort).by, SortKey::Price | SortKey::ListedAt);
    if key.sort != sort || (key.value.is_none() && !may_lack_value) {
        let words = "is not a cursor of a list in this order; begin again without one";
        return Err(Problem::validation(vec![parameter("cursor", "cursor", words)]));
    }
    Ok(SortCursor { value: key.value, id: key.id })
}

fn parameter(name: &str, kind: &str, words: impl Into<String>) -> FieldError {
    FieldError::in_parameter("query", &[PathSegment::Name(name.to_owned())], kind, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_exact_where_floats_are_not_and_rounded_inwards_between_two_parts() {
        for (major, per_major, least, most) in [
            (0.29, 100, 29, 29),
            (0.281, 100, 29, 28),
            (1_234.567, 1_000, 1_234_567, 1_234_567),
            (1_234.567, 100, 123_457, 123_456),
            (8_950.123_4, 10_000, 89_501_234, 89_501_234),
            (303_000.0, 100, 30_300_000, 30_300_000),
            (0.0, 100, 0, 0),
            // One float above 0.3, which a price of 0.3 does not reach.
            (0.1 + 0.2, 100, 31, 30),
        ] {
            let found = (least_parts(major, per_major), most_parts(major, per_major));
            assert_eq!(found, (least, most), "{major} in parts of {per_major}");
        }
    }

    #[test]
    fn every_price_that_two_decimals_can_write_is_within_its_own_bounds() {
        for parts in (0..2_000).chain(30_299_000..30_301_000).chain((1 << 52) - 1_000..(1 << 52)) {
            let price = parts as f64 / 100.0;
            assert_eq!((least_parts(price, 100), most_parts(price, 100)), (parts, parts), "{price}");
        }
    }
}
