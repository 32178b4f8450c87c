//! The search over properties: filters, order and pages.

use sea_orm::sea_query::{Condition, Expr, LikeExpr, Query};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::bounded_rows::{self, BoundedRows};
use super::entity::job_items;
use super::entity::properties::{Column, Entity};
use super::error::Result;
use super::properties::PropertyRow;
use super::tx::TenantTx;
use crate::base::ids::JobId;
use crate::protocol::property::StandardStatus;

/// What a row must match; `None` matches every row, and so does an empty list. A list matches any of its values.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Case-folded.
    pub city: Option<String>,
    pub statuses: Vec<&'static str>,
    pub listing_types: Vec<&'static str>,
    /// Codes of ISO 4217; `None`: rows without a currency.
    pub currencies: Vec<Option<String>>,
    /// Case-folded.
    pub property_type: Option<String>,
    /// Compared with the current price; likewise `price_max`.
    pub price_min: Option<PriceBound>,
    pub price_max: Option<PriceBound>,
    pub bedrooms_min: Option<i64>,
    pub area: Option<Area>,
    /// Case-folded; each must occur.
    pub words: Vec<String>,
    /// Microseconds since the epoch.
    pub updated_since: Option<i64>,
    pub sources: Vec<String>,
    pub job_id: Option<JobId>,
    pub with_removed: bool,
}

/// A bound of a price: one number of major units, in parts of each size that prices are stored in. The bound itself
/// belongs to the range; a bound between two parts is rounded inwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceBound {
    /// For currencies with at most two decimals, and for rows without a currency.
    pub hundredths: i64,
    /// For currencies with three decimals.
    pub thousandths: i64,
    /// For currencies with four decimals.
    pub ten_thousandths: i64,
}

/// The currencies with three and with four decimals (ISO 4217).
const FINE_CURRENCIES: [(u32, &[&str]); 2] =
    [(3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]), (4, &["CLF", "UYW"])];

/// A box on the globe; west beyond east crosses the antimeridian.
#[derive(Clone, Copy, Debug)]
pub struct Area {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

/// What rows are sorted by, with the id as the tie-breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SortKey {
    UpdatedAt,
    Price,
    ListedAt,
    Id,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortOrder {
    pub by: SortKey,
    pub descending: bool,
}

/// A row's position in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortCursor {
    /// The value of the sort key; rows without one come last in both directions.
    pub value: Option<i64>,
    pub id: i64,
}

impl SortKey {
    pub fn value(self, row: &PropertyRow) -> Option<i64> {
        match self {
            Self::UpdatedAt => Some(row.updated_at),
            Self::Price => row.current_price,
            Self::ListedAt => row.listed_at,
            Self::Id => Some(row.id),
        }
    }

    fn column(self) -> Column {
        match self {
            Self::UpdatedAt => Column::UpdatedAt,
            Self::Price => Column::CurrentPrice,
            Self::ListedAt => Column::ListedAt,
            Self::Id => Column::Id,
        }
    }

    fn is_nullable(self) -> bool {
        matches!(self, Self::Price | Self::ListedAt)
    }
}

/// Rows after `after`. Two queries rather than one that sorts NULLs last, which none of our indexes could serve.
pub async fn search(
    tx: &TenantTx,
    search: &Search,
    order: SortOrder,
    after: Option<SortCursor>,
    limit: u64,
) -> Result<Vec<PropertyRow>> {
    let mut rows = Vec::new();
    if after.is_none_or(|place| place.value.is_some()) {
        rows = rows_with_value(filtered(tx, search), order, after).limit(limit).all(&tx.tx).await?;
    }
    let missing = limit.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if missing > 0 && order.by.is_nullable() {
        let after = after.filter(|place| place.value.is_none());
        rows.extend(rows_without_value(filtered(tx, search), order, after).limit(missing).all(&tx.tx).await?);
    }
    Ok(rows)
}

/// Rows with an id above `after`, in the order of their ids. A page also ends at its size.
pub async fn by_id(
    tx: &TenantTx,
    search: &Search,
    after: i64,
    limit: u64,
) -> Result<BoundedRows<PropertyRow>> {
    let query = filtered(tx, search).filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit);
    bounded_rows::read(query, &*tx.tx, text_bytes).await
}

/// Bytes of the texts that a source may make long.
fn text_bytes(row: &PropertyRow) -> usize {
    let long = [&row.description, &row.media, &row.attributes, &row.address, &row.source_url];
    long.into_iter().flatten().map(String::len).sum::<usize>() + row.search_text.len()
}

/// The rows that have a value, in order.
fn rows_with_value(query: Select<Entity>, order: SortOrder, after: Option<SortCursor>) -> Select<Entity> {
    let column = order.by.column();
    let mut query = if order.by.is_nullable() { query.filter(column.is_not_null()) } else { query };
    if let Some(SortCursor { value: Some(value), id }) = after {
        // The first condition is where an index scan can begin; the second separates rows with the same value.
        query = if order.descending {
            let beyond = Condition::any().add(column.lt(value)).add(Column::Id.lt(id));
            query.filter(column.lte(value)).filter(beyond)
        } else {
            let beyond = Condition::any().add(column.gt(value)).add(Column::Id.gt(id));
            query.filter(column.gte(value)).filter(beyond)
        };
    }
    if order.descending {
        query.order_by_desc(column).order_by_desc(Column::Id)
    } else {
        query.order_by_asc(column).order_by_asc(Column::Id)
    }
}

/// The rows without one.
fn rows_without_value(query: Select<Entity>, order: SortOrder, after: Option<SortCursor>) -> Select<Entity> {
    let query = query.filter(order.by.column().is_null());
    match (order.descending, after) {
        (true, None) => query.order_by_desc(Column::Id),
        (true, Some(place)) => query.filter(Column::Id.lt(place.id)).order_by_desc(Column::Id),
        (false, None) => query.order_by_asc(Column::Id),
        (false, Some(place)) => query.filter(Column::Id.gt(place.id)).order_by_asc(Column::Id),
    }
}

fn filtered(tx: &TenantTx, search: &Search) -> Select<Entity> {
    let mut all = Condition::all()
        .add_option(search.city.as_deref().map(|city| Column::CityKey.eq(city)))
        .add_option(search.property_type.as_deref().map(|folded| Column::PropertyTypeKey.eq(folded)))
        .add_option(among(Column::StandardStatus, &search.statuses))
        .add_option(among(Column::ListingType, &search.listing_types))
        .add_option(among(Column::Source, &search.sources))
        .add_option(with_currencies(&search.currencies))
        .add_option(search.price_min.map(|least| within(least, Limit::Least)))
        .add_option(search.price_max.map(|most| within(most, Limit::Most)))
        .add_option(search.bedrooms_min.map(|least| Column::BedroomsTotal.gte(least)))
        .add_option(search.updated_since.map(|since| Column::UpdatedAt.gte(since)))
        .add_option(search.area.map(inside));
    for word in &search.words {
        all = all.add(Column::SearchText.like(LikeExpr::new(like_pattern(word)).escape('!')));
    }
    if let Some(job_id) = search.job_id {
        let of_job = Query::select()
            .column(job_items::Column::PropertyId)
            .from(job_items::Entity)
            .and_where(job_items::Column::TenantId.eq(tx.tenant_id().0))
            .and_where(job_items::Column::JobId.eq(job_id.0))
            .to_owned();
        all = all.add(Column::Id.in_subquery(of_job));
    }
    if !search.with_removed {
        all = all.add(Column::Removed.eq(false));
    }
    tx.select::<Entity>().filter(all)
}

/// Rows with one of these values; no condition when there are none.
fn among<T: AsRef<str>>(column: Column, values: &[T]) -> Option<Expr> {
    (!values.is_empty()).then(|| column.is_in(values.iter().map(AsRef::<str>::as_ref)))
}

fn with_currencies(wanted: &[Option<String>]) -> Option<Condition> {
    let codes: Vec<&str> = wanted.iter().filter_map(Option::as_deref).collect();
    let missing = wanted.iter().any(Option::is_none).then(|| Column::Currency.is_null());
    (!wanted.is_empty())
        .then(|| Condition::any().add_option(among(Column::Currency, &codes)).add_option(missing))
}

/// The end of a range that a bound is.
#[derive(Clone, Copy)]
enum Limit {
    Least,
    Most,
}

impl Limit {
    fn holds(self, column: Column, bound: i64) -> Expr {
        match self {
            Self::Least => column.gte(bound),
            Self::Most => column.lte(bound),
        }
    }
}

/// The current price is stored in hundredths, for sorting. Where the currency has more decimals that is a rounded
/// price, so the exact one is compared as well.
fn within(bound: PriceBound, limit: Limit) -> Condition {
    let one_outward = match limit {
        Limit::Least => bound.hundredths.saturating_sub(2),
        Limit::Most => bound.hundredths.saturating_add(2),
    };
    let fine = FINE_CURRENCIES.into_iter().flat_map(|(_, codes)| codes.iter().copied());
    let is_coarse = Condition::any().add(Column::Currency.is_null()).add(Column::Currency.is_not_in(fine));
    let coarse = Condition::all().add(limit.holds(Column::CurrentPrice, bound.hundredths)).add(is_coarse);
    let exact = FINE_CURRENCIES.into_iter().fold(Condition::any().add(coarse), |any, (decimals, codes)| {
        let minor = if decimals == 3 { bound.thousandths } else { bound.ten_thousandths };
        let of_these = Column::Currency.is_in(codes.iter().copied());
        any.add(Condition::all().add(of_these).add(minor_within(minor, limit)))
    });
    // The first condition is where an index scan can begin.
    Condition::all().add(limit.holds(Column::CurrentPrice, one_outward)).add(exact)
}

/// The current price in minor units: the close price once closed, if it is known, else the list price.
fn minor_within(bound: i64, limit: Limit) -> Condition {
    let closed = StandardStatus::Closed.name();
    let sold =
        Condition::all().add(Column::StandardStatus.eq(closed)).add(limit.holds(Column::ClosePrice, bound));
    let is_not_sold =
        Condition::any().add(Column::StandardStatus.ne(closed)).add(Column::ClosePrice.is_null());
    let offered = Condition::all().add(is_not_sold).add(limit.holds(Column::ListPrice, bound));
    Condition::any().add(sold).add(offered)
}

fn inside(area: Area) -> Condition {
    let (west, east) = (Column::Longitude.gte(area.west), Column::Longitude.lte(area.east));
    let between = if area.west <= area.east {
        Condition::all().add(west).add(east)
    } else {
        Condition::any().add(west).add(east)
    };
    Condition::all().add(Column::Latitude.between(area.south, area.north)).add(between)
}

/// A LIKE pattern that matches `word` literally.
fn like_pattern(word: &str) -> String {
    let mut pattern = String::with_capacity(word.len() + 2);
    pattern.push('%');
    for letter in word.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::money;

    #[test]
    fn the_currencies_with_more_than_two_decimals_are_those_of_the_standard() {
        let letters = || 'A'..='Z';
        let all = letters().flat_map(|a| letters().flat_map(move |b| letters().map(move |c| [a, b, c])));
        let mut found: Vec<(u32, String)> = all
            .map(|code| code.into_iter().collect::<String>())
            .map(|code| (money::decimals(Some(&code)), code))
            .filter(|(decimals, _)| *decimals > 2)
            .collect();
        found.sort();

        let ours = FINE_CURRENCIES
            .into_iter()
            .flat_map(|(decimals, codes)| codes.iter().map(move |code| (decimals, (*code).to_owned())));
        assert_eq!(found, ours.collect::<Vec<_>>());
    }

    #[test]
    fn a_pattern_matches_its_word_literally() {
        assert_eq!(like_pattern("100%_!"), "%100!%!_!!%");
    }
}
