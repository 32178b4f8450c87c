//! Lines of jobs' logs.

use std::collections::BTreeMap;

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::batched_delete::LockedBatch as _;
use super::entity::job_logs::{ActiveModel, Column, Entity};
use super::error::Result;
use super::jobs;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{ExecutionId, JobId, TenantId};

pub use super::entity::job_logs::Model as LogLineRow;

pub struct NewLogLine {
    pub level: &'static str,
    pub message: String,
    pub at: i64,
}

/// Lines of one job's log, in their order. Seven values a line: a thousand lines stay below the limit of a statement.
pub async fn insert(
    tx: &TenantTx,
    job: JobId,
    execution: Option<ExecutionId>,
    lines: Vec<NewLogLine>,
    now: i64,
) -> Result<Vec<LogLineRow>> {
    if lines.is_empty() {
        return Ok(Vec::new());
    }
    let rows = lines.into_iter().map(|line| ActiveModel {
        job_id: Set(job.0),
        execution_id: Set(execution.map(|id| id.0)),
        level: Set(line.level.to_owned()),
        message: Set(line.message),
        at: Set(line.at),
        stored_at: Set(now),
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

/// Deletes at most `most` lines stored before `before`, of all tenants, and records in each job how far its log was
/// trimmed, to report the loss to readers that continue from before. Returns how many were deleted.
pub async fn purge(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let old: Vec<(i64, i64, i64)> = tx
        .select::<Entity>()
        .select_only()
        .column(Column::TenantId)
        .column(Column::JobId)
        .column(Column::Id)
        .filter(Column::StoredAt.lt(before))
        .order_by_asc(Column::StoredAt)
        .order_by_asc(Column::Id)
        .lock_batch(most)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let mut last: BTreeMap<(i64, i64), i64> = BTreeMap::new();
    for (tenant, job, id) in &old {
        let newest = last.entry((*tenant, *job)).or_default();
        *newest = Ord::max(*newest, *id);
    }
    for ((tenant, job), line) in last {
        jobs::note_trimmed(tx, TenantId(tenant), JobId(job), line).await?;
    }
    let ids = old.into_iter().map(|(_, _, id)| id);
    Ok(tx.delete::<Entity>(Column::Id.is_in(ids)).exec(&tx.tx).await?.rows_affected)
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
