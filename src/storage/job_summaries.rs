//! Pending listing summaries of jobs: the three `summary_…` columns of the job's row, and no other.

use sea_orm::sea_query::{Condition, Expr, ExprTrait};
use sea_orm::{ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::jobs::{Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{JobId, TenantId};

/// Saves what a later event is to report.
pub async fn save_pending(tx: &TenantTx, id: JobId, pending: i64, places: String) -> Result<()> {
    let query = tx
        .update::<Entity>()
        .col_expr(Column::SummaryPending, pending.into())
        .col_expr(Column::SummaryPlaces, places.into());
    query.filter(Column::Id.eq(id.0)).exec(&tx.tx).await?;
    Ok(())
}

/// Records that everything was reported.
pub async fn set_emitted(tx: &TenantTx, id: JobId, now: i64) -> Result<()> {
    let query = tx
        .update::<Entity>()
        .col_expr(Column::SummaryPending, 0_i64.into())
        .col_expr(Column::SummaryPlaces, Expr::value(None::<String>))
        .col_expr(Column::SummaryToldAt, now.into());
    query.filter(Column::Id.eq(id.0)).exec(&tx.tx).await?;
    Ok(())
}

/// Jobs with a pending summary that have reported none since `since`.
pub async fn due(tx: &SystemTx, since: i64, limit: u64) -> Result<Vec<(TenantId, JobId)>> {
    // A literal, because SQLite does not match a bound value with the condition of a partial index.
    let pending = Expr::col((Entity, Column::SummaryPending)).gt(Expr::cust("0"));
    let rows = tx
        .select::<Entity>()
        .filter(pending)
        .filter(Condition::any().add(Column::SummaryToldAt.is_null()).add(Column::SummaryToldAt.lte(since)))
        .order_by_asc(Column::Id)
        .limit(limit)
        .all(&tx.tx)
        .await?;
    Ok(rows.into_iter().map(|row| (TenantId(row.tenant_id), JobId(row.id))).collect())
}
