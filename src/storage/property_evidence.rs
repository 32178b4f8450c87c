//! Where the built-in crawler read the fields of properties: one row a property that it has read.

use std::collections::HashMap;

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::entity::property_evidence::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::PropertyId;

pub use super::entity::property_evidence::Model as EvidenceRow;

/// Values and rows of one statement: far below what either database may bind.
const CHUNK: usize = 500;

/// The evidence of a property, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvidence {
    pub property_id: i64,
    /// JSON by field.
    pub evidence: String,
}

pub async fn find(tx: &TenantTx, property_id: PropertyId) -> Result<Option<EvidenceRow>> {
    Ok(tx.select::<Entity>().filter(Column::PropertyId.eq(property_id.0)).one(&tx.tx).await?)
}

/// The evidence of these properties, by property.
pub async fn of_properties(tx: &TenantTx, ids: &[i64]) -> Result<HashMap<i64, EvidenceRow>> {
    let mut found = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::PropertyId.is_in(chunk.iter().copied()));
        found.extend(query.all(&tx.tx).await?.into_iter().map(|row| (row.property_id, row)));
    }
    Ok(found)
}

/// Adds the evidence of properties that have none. The properties' rows must be locked, or new in this transaction.
pub async fn insert(tx: &TenantTx, new: Vec<NewEvidence>, read_at: i64) -> Result<()> {
    let mut rows = new.into_iter().map(|new| row(new, read_at)).peekable();
    while rows.peek().is_some() {
        tx.insert_new(rows.by_ref().take(CHUNK).collect()).await?;
    }
    Ok(())
}

/// Replaces the evidence of a property.
pub async fn update(tx: &TenantTx, new: NewEvidence, read_at: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::PropertyId.eq(new.property_id))
        .col_expr(Column::Evidence, Expr::value(new.evidence))
        .col_expr(Column::ReadAt, read_at.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Records that these properties were read as before.
pub async fn touch(tx: &TenantTx, ids: &[i64], read_at: i64) -> Result<()> {
    for chunk in ids.chunks(CHUNK) {
        let update = tx.update::<Entity>().filter(Column::PropertyId.is_in(chunk.iter().copied()));
        update.col_expr(Column::ReadAt, read_at.into()).exec(&tx.tx).await?;
    }
    Ok(())
}

fn row(new: NewEvidence, read_at: i64) -> ActiveModel {
    ActiveModel {
        property_id: Set(new.property_id),
        evidence: Set(new.evidence),
        read_at: Set(read_at),
        ..Default::default()
    }
}
