//! Which execution of a job saw which property: one row for the two, however often it was seen.

use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::job_items::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{ExecutionId, JobId, PropertyId};

pub use super::entity::job_items::Model as JobItemRow;

pub struct NewJobItem {
    pub property_id: i64,
    /// What became of the property: `created`, `changed`, `unchanged`, `removed`.
    pub status: &'static str,
}

/// Adds those that the execution has not seen before; the first status stays. The job's row must be locked before:
/// the reference to it takes a shared lock, and two batches of one job could not both upgrade theirs later.
pub async fn insert_new(
    tx: &TenantTx,
    job_id: JobId,
    execution_id: ExecutionId,
    new: Vec<NewJobItem>,
    now: i64,
) -> Result<()> {
    let rows = new.into_iter().map(|item| ActiveModel {
        job_id: Set(job_id.0),
        execution_id: Set(execution_id.0),
        property_id: Set(item.property_id),
        status: Set(item.status.to_owned()),
        at: Set(now),
        ..Default::default()
    });
    tx.insert_new(rows.collect()).await?;
    Ok(())
}

/// Distinct properties that the execution saw: a job's `total_items`.
pub async fn count(tx: &TenantTx, execution_id: ExecutionId) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(Column::ExecutionId.eq(execution_id.0)).count(&tx.tx).await?)
}

/// The job that saw the property last, of those that are stored.
pub async fn last_job_of(tx: &TenantTx, property_id: PropertyId) -> Result<Option<JobId>> {
    let query = tx.select::<Entity>().filter(Column::PropertyId.eq(property_id.0));
    let last = query.order_by_desc(Column::Id).limit(1).one(&tx.tx).await?;
    Ok(last.map(|item| JobId(item.job_id)))
}

/// What the job's executions saw, or one of them, oldest first, after the row `after`.
pub async fn list(
    tx: &TenantTx,
    job_id: JobId,
    execution_id: Option<ExecutionId>,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<JobItemRow>> {
    let mut query =
        tx.select::<Entity>().filter(Column::JobId.eq(job_id.0)).filter(Column::Id.gt(after.unwrap_or(0)));
    if let Some(execution_id) = execution_id {
        query = query.filter(Column::ExecutionId.eq(execution_id.0));
    }
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}
