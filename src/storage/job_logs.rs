//! Lines of jobs' logs.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::job_logs::{ActiveModel, Column, Entity};
use super::{Result, TenantTx};
use crate::base::ids::{ExecutionId, JobId};

pub use super::entity::job_logs::Model as LogLineRow;

pub struct NewLogLine {
    pub level: &'static str,
    pub message: String,
    pub at: i64,
}

/// Lines of one job's log, in their order. Six values a line, so that a thousand stay below what a statement may bind.
pub async fn insert(
    tx: &TenantTx,
    job: JobId,
    execution: Option<ExecutionId>,
    lines: Vec<NewLogLine>,
) -> Result<Vec<LogLineRow>> {
    let rows = lines.into_iter().map(|line| ActiveModel {
        job_id: Set(job.0),
        execution_id: Set(execution.map(|id| id.0)),
        level: Set(line.level.to_owned()),
        message: Set(line.message),
        at: Set(line.at),
        ..Default::default()
    });
    let mut stored = tx.insert_all_returning(rows.collect()).await?;
    // Ids are given in the order of the values; the rows come back in no stated order.
    stored.sort_by_key(|row| row.id);
    Ok(stored)
}

/// What a list of lines is narrowed to.
#[derive(Clone, Debug, Default)]
pub struct LogFilter<'a> {
    /// Any of these levels; of every level when empty.
    pub levels: Vec<&'a str>,
    pub execution: Option<ExecutionId>,
    /// Of executions after this one only.
    pub after_execution: Option<ExecutionId>,
}

/// Lines after `after`, oldest first.
pub async fn list(
    tx: &TenantTx,
    job: JobId,
    filter: &LogFilter<'_>,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<LogLineRow>> {
    let mut query = tx.select::<Entity>().filter(Column::JobId.eq(job.0));
    if !filter.levels.is_empty() {
        query = query.filter(Column::Level.is_in(filter.levels.iter().copied()));
    }
    if let Some(execution) = filter.execution {
        query = query.filter(Column::ExecutionId.eq(execution.0));
    }
    if let Some(execution) = filter.after_execution {
        query = query.filter(Column::ExecutionId.gt(execution.0));
    }
    if let Some(after) = after {
        query = query.filter(Column::Id.gt(after));
    }
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Whether this line is in the job's log.
pub async fn has(tx: &TenantTx, job: JobId, line: i64) -> Result<bool> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0)).filter(Column::Id.eq(line));
    Ok(query.one(&tx.tx).await?.is_some())
}

/// The id of the job's newest line.
pub async fn newest(tx: &TenantTx, job: JobId) -> Result<Option<i64>> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0));
    Ok(query.order_by_desc(Column::Id).one(&tx.tx).await?.map(|row| row.id))
}
