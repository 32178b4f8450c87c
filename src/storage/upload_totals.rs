//! How many bytes of its file quota each tenant uses.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::entity::upload_totals::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;

/// The bytes in use.
pub async fn read(tx: &TenantTx) -> Result<i64> {
    Ok(tx.select::<Entity>().one(&tx.tx).await?.map_or(0, |row| row.bytes))
}

/// Reserves `bytes`, if the total stays within `most`. The row is locked until the transaction ends: of two callers
/// that want the last of a quota, the second sees what the first has reserved.
pub async fn reserve(tx: &TenantTx, bytes: i64, most: Option<i64>) -> Result<bool> {
    if tx.select::<Entity>().one(&tx.tx).await?.is_none() {
        // The first two files of a tenant may come together.
        tx.insert_new(vec![ActiveModel { bytes: Set(0), ..Default::default() }]).await?;
    }
    let sum = Expr::col(Column::Bytes).add(bytes);
    let mut query = tx.update::<Entity>();
    if let Some(most) = most {
        query = query.filter(Column::Bytes.lte(most.saturating_sub(bytes)));
    }
    Ok(query.col_expr(Column::Bytes, sum).exec(&tx.tx).await?.rows_affected == 1)
}

pub async fn release(tx: &TenantTx, bytes: i64) -> Result<()> {
    if bytes > 0 {
        let rest = Expr::col(Column::Bytes).sub(bytes);
        tx.update::<Entity>().col_expr(Column::Bytes, rest).exec(&tx.tx).await?;
    }
    Ok(())
}
