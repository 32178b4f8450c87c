//! Executions of jobs.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::executions::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{ExecutionId, JobId};

pub use super::entity::executions::Model as ExecutionRow;

/// A pending execution.
pub async fn insert(tx: &TenantTx, job: JobId, attempt: i64, now: i64) -> Result<ExecutionRow> {
    let row = ActiveModel {
        job_id: Set(job.0),
        attempt: Set(attempt),
        status: Set("pending".to_owned()),
        queued_at: Set(now),
        items_scraped: Set(0),
        pages_crawled: Set(0),
        ..Default::default()
    };
    tx.insert(row).await
}

/// Writes what an execution's life changes.
pub async fn save(tx: &TenantTx, row: &ExecutionRow) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::Status, Expr::value(row.status.clone()))
        .col_expr(Column::Worker, Expr::value(row.worker.clone()))
        .col_expr(Column::StartedAt, row.started_at.into())
        .col_expr(Column::FinishedAt, row.finished_at.into())
        .col_expr(Column::ItemsScraped, row.items_scraped.into())
        .col_expr(Column::PagesCrawled, row.pages_crawled.into())
        .col_expr(Column::FinishReason, Expr::value(row.finish_reason.clone()))
        .col_expr(Column::Error, Expr::value(row.error.clone()))
        .col_expr(Column::Stats, Expr::value(row.stats.clone()))
        .col_expr(Column::LeaseHash, Expr::value(row.lease_hash.clone()))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn find(tx: &TenantTx, id: ExecutionId) -> Result<Option<ExecutionRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// The job's execution that this lease was for.
pub async fn find_by_lease(tx: &TenantTx, job: JobId, lease_hash: &str) -> Result<Option<ExecutionRow>> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0));
    Ok(query.filter(Column::LeaseHash.eq(lease_hash)).one(&tx.tx).await?)
}

/// A job's executions, latest first, before attempt `before`.
pub async fn list(tx: &TenantTx, job: JobId, before: Option<i64>, limit: u64) -> Result<Vec<ExecutionRow>> {
    let mut query = tx.select::<Entity>().filter(Column::JobId.eq(job.0));
    if let Some(before) = before {
        query = query.filter(Column::Attempt.lt(before));
    }
    Ok(query.order_by_desc(Column::Attempt).limit(limit).all(&tx.tx).await?)
}
