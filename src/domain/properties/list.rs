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
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::property::{Property, PropertySort, StandardStatus};
use crate::storage::micros;
use crate::storage::property_search::{self, Area, Search, SortCursor, SortKey, SortOrder};

/// Words of `q` at most: each is a scan of its own.
const MAX_WORDS: usize = 10;
/// Characters of `q` at most.
const MAX_Q: usize = 200;

/// Filters of the search. An absent one does not filter.
#[derive(Clone, Debug, Default)]
pub struct PropertyQuery {
    /// Compared without case.
    pub city: Option<String>,
    pub status: Option<StandardStatus>,
    /// Major units of whatever currency a property has; compared with its current price.
    pub price_min: Option<f64>,
    pub price_max: Option<f64>,
    pub bedrooms_min: Option<i64>,
    pub bbox: Option<BoundingBox>,
    /// Words that must all occur in address, type or key, without case.
    pub q: Option<String>,
    pub updated_since: Option<DateTime<Utc>>,
    pub source: Option<String>,
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

fn search(query: PropertyQuery) -> Result<Search> {
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
    for (name, text) in [("city", &query.city), ("source", &query.source)] {
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            errors.push(parameter(name, "pattern", "must not have a NUL"));
        }
    }
    if !errors.is_empty() {
        return Err(Problem::validation(errors));
    }
    Ok(Search {
        city: query.city.as_deref().map(normalize::case_fold),
        status: query.status.map(StandardStatus::name),
        price_min: query.price_min.map(|price| hundredths(price, f64::ceil)),
        price_max: query.price_max.map(|price| hundredths(price, f64::floor)),
        bedrooms_min: query.bedrooms_min,
        area: query.bbox.map(|BoundingBox { west, south, east, north }| Area { west, south, east, north }),
        words,
        updated_since: query.updated_since.map(micros),
        source: query.source.as_deref().map(normalize::exact),
        job_id: query.job_id,
        with_removed: query.include_removed,
    })
}

/// Prices are whole hundredths. A bound between two of them is rounded inwards; one that is off by no more
/// than a float's error is taken as the hundredth itself.
fn hundredths(major: f64, inside: fn(f64) -> f64) -> i64 {
    let scaled = major * 100.0;
    let whole = scaled.round();
    let meant = if (scaled - whole).abs() < 1e-6 { whole } else { inside(scaled) };
    meant as i64
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
