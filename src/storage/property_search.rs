//! The search over properties: filters, order and pages.

use sea_orm::sea_query::{Condition, LikeExpr, Query};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::job_items;
use super::entity::properties::{Column, Entity};
use super::error::Result;
use super::properties::PropertyRow;
use super::tx::TenantTx;
use crate::base::ids::JobId;

/// What a row must match; `None` matches every row.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// Case-folded.
    pub city: Option<String>,
    pub status: Option<&'static str>,
    /// Hundredths of a major unit, compared with the current price; likewise `price_max`.
    pub price_min: Option<i64>,
    pub price_max: Option<i64>,
    pub bedrooms_min: Option<i64>,
    pub area: Option<Area>,
    /// Case-folded; each must occur.
    pub words: Vec<String>,
    /// Microseconds since the epoch.
    pub updated_since: Option<i64>,
    pub source: Option<String>,
    pub job_id: Option<JobId>,
    pub with_removed: bool,
}

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
        .add_option(search.status.map(|status| Column::StandardStatus.eq(status)))
        .add_option(search.price_min.map(|least| Column::CurrentPrice.gte(least)))
        .add_option(search.price_max.map(|most| Column::CurrentPrice.lte(most)))
        .add_option(search.bedrooms_min.map(|least| Column::BedroomsTotal.gte(least)))
        .add_option(search.updated_since.map(|since| Column::UpdatedAt.gte(since)))
        .add_option(search.source.as_deref().map(|source| Column::Source.eq(source)))
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
