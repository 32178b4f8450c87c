//! The prices and statuses that properties had.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::price_history::{ActiveModel, Column, Entity};
use super::error::Result;
use super::properties::PropertyRow;
use super::tx::TenantTx;
use crate::base::ids::PropertyId;

pub use super::entity::price_history::Model as PriceRow;

pub struct NewPrice {
    pub property_id: i64,
    /// Minor units of `currency`; hundredths where that is not known.
    pub price: Option<i64>,
    pub currency: Option<String>,
    pub standard_status: String,
    pub observed_at: i64,
}

impl NewPrice {
    /// What `row` has, with its current `price`.
    pub fn of(row: &PropertyRow, price: Option<i64>, observed_at: i64) -> Self {
        Self {
            property_id: row.id,
            price,
            currency: row.currency.clone(),
            standard_status: row.standard_status.clone(),
            observed_at,
        }
    }
}

/// At most a few rows for each property of a batch: one statement stays far from the limits of bind variables.
pub async fn insert_all(tx: &TenantTx, new: Vec<NewPrice>) -> Result<()> {
    let rows = new.into_iter().map(|new| ActiveModel {
        property_id: Set(new.property_id),
        price: Set(new.price),
        currency: Set(new.currency),
        standard_status: Set(new.standard_status),
        observed_at: Set(new.observed_at),
        ..Default::default()
    });
    tx.insert_all(rows.collect()).await
}

/// Newest first, before the row `before`.
pub async fn list(
    tx: &TenantTx,
    property_id: PropertyId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<PriceRow>> {
    let mut query = tx.select::<Entity>().filter(Column::PropertyId.eq(property_id.0));
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before));
    }
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}
