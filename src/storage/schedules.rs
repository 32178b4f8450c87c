//! Schedules of spiders: at most one a spider, removed with it.

use sea_orm::sea_query::{Expr, Query};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::schedules::{ActiveModel, Column, Entity};
use super::entity::tenants;
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{JobId, TenantId, UserId};

pub use super::entity::schedules::Model as ScheduleRow;

/// Names of one statement: far below what either database may bind.
const CHUNK: usize = 500;

/// What a user sets.
pub struct ScheduleFields<'a> {
    pub cron: &'a str,
    pub timezone: &'a str,
    pub jitter_seconds: i64,
    pub set_by: UserId,
    /// `None`: there is none.
    pub next_run_at: Option<i64>,
    pub now: i64,
}

pub async fn find(tx: &TenantTx, spider_name: &str) -> Result<Option<ScheduleRow>> {
    Ok(of_spider(tx, spider_name).one(&tx.tx).await?)
}

/// The schedules of these spiders, in no order.
pub async fn find_all(tx: &TenantTx, spider_names: &[&str]) -> Result<Vec<ScheduleRow>> {
    let mut rows = Vec::new();
    for chunk in spider_names.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::SpiderName.is_in(chunk.iter().copied()));
        rows.extend(query.all(&tx.tx).await?);
    }
    Ok(rows)
}

/// Like [`find`], and holds the row until the transaction ends. The spider is locked before.
pub async fn lock(tx: &TenantTx, spider_name: &str) -> Result<Option<ScheduleRow>> {
    Ok(of_spider(tx, spider_name).lock_exclusive().one(&tx.tx).await?)
}

fn of_spider(tx: &TenantTx, spider_name: &str) -> Select<Entity> {
    tx.select::<Entity>().filter(Column::SpiderName.eq(spider_name))
}

pub async fn insert(tx: &TenantTx, spider_name: &str, fields: ScheduleFields<'_>) -> Result<ScheduleRow> {
    let row = ActiveModel {
        spider_name: Set(spider_name.to_owned()),
        cron: Set(fields.cron.to_owned()),
        timezone: Set(fields.timezone.to_owned()),
        jitter_seconds: Set(fields.jitter_seconds),
        set_by: Set(fields.set_by.0),
        next_run_at: Set(fields.next_run_at),
        skipped_runs: Set(0),
        refused: Set(false),
        created_at: Set(fields.now),
        updated_at: Set(fields.now),
        ..Default::default()
    };
    tx.insert(row).await
}

/// Replaces what a user sets; the last run stays, and a refusal of the next one is new.
pub async fn update(tx: &TenantTx, id: i64, fields: ScheduleFields<'_>) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Cron, fields.cron.into())
        .col_expr(Column::Timezone, fields.timezone.into())
        .col_expr(Column::JitterSeconds, fields.jitter_seconds.into())
        .col_expr(Column::SetBy, fields.set_by.0.into())
        .col_expr(Column::NextRunAt, fields.next_run_at.into())
        .col_expr(Column::Refused, false.into())
        .col_expr(Column::UpdatedAt, fields.now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn delete_of(tx: &TenantTx, spider_name: &str) -> Result<()> {
    tx.delete::<Entity>(Column::SpiderName.eq(spider_name)).exec(&tx.tx).await?;
    Ok(())
}

/// A run that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueRun {
    pub tenant: TenantId,
    pub spider_name: String,
    /// Identifies the run: the claim of it changes this.
    pub next_run_at: i64,
}

/// Runs of active tenants that are due by `now`, longest ago first.
pub async fn due(tx: &SystemTx, now: i64, limit: u64) -> Result<Vec<DueRun>> {
    let active = Query::select()
        .column(tenants::Column::Id)
        .from(tenants::Entity)
        .and_where(tenants::Column::IsActive.eq(true))
        .and_where(tenants::Column::Removal.is_null())
        .to_owned();
    let query = due_by(tx.select(), now).filter(Column::TenantId.in_subquery(active));
    let query = query.order_by_asc(Column::NextRunAt).order_by_asc(Column::Id).limit(limit);
    let rows = query.all(&tx.tx).await?.into_iter().filter_map(|row| {
        let next_run_at = row.next_run_at?;
        Some(DueRun { tenant: TenantId(row.tenant_id), spider_name: row.spider_name, next_run_at })
    });
    Ok(rows.collect())
}

fn due_by(query: Select<Entity>, now: i64) -> Select<Entity> {
    query.filter(Column::NextRunAt.lte(now))
}

/// The schedule of a due run, held until the transaction ends. `None`: another node has claimed the run, or the
/// schedule was changed or removed.
pub async fn lock_due(tx: &TenantTx, run: &DueRun) -> Result<Option<ScheduleRow>> {
    let query = of_spider(tx, &run.spider_name).filter(Column::NextRunAt.eq(run.next_run_at));
    Ok(query.lock_exclusive().one(&tx.tx).await?)
}

/// What a claimed run leaves in the row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunResult {
    /// It made this job.
    Started { job: JobId, at: i64 },
    /// Its last job had not ended.
    Skipped,
    /// It could not make a job, and the admins were notified of that.
    Refused,
    /// It is tried again.
    Postponed,
}

/// Ends the claim of a run: sets the next one, with the result of this one. `false`: another node has claimed it.
pub async fn advance(
    tx: &TenantTx,
    row: &ScheduleRow,
    next_run_at: Option<i64>,
    result: RunResult,
) -> Result<bool> {
    let query = tx
        .update::<Entity>()
        .filter(Column::Id.eq(row.id))
        .filter(Column::NextRunAt.eq(row.next_run_at))
        .col_expr(Column::NextRunAt, next_run_at.into());
    let query = match result {
        RunResult::Started { job, at } => query
            .col_expr(Column::LastRunAt, Expr::value(at))
            .col_expr(Column::LastJobId, Expr::value(job.0))
            .col_expr(Column::SkippedRuns, 0_i64.into())
            .col_expr(Column::Refused, false.into()),
        RunResult::Skipped => query.col_expr(Column::SkippedRuns, (row.skipped_runs + 1).into()),
        RunResult::Refused => query.col_expr(Column::Refused, true.into()),
        RunResult::Postponed => query,
    };
    Ok(query.exec(&tx.tx).await?.rows_affected == 1)
}

/// Empties the start URLs of a spider, as a rule that is stricter than an older version's would find them.
#[cfg(test)]
pub(crate) async fn clear_start_urls(tx: &TenantTx, spider_name: &str) -> Result<()> {
    use super::entity::spiders;
    tx.update::<spiders::Entity>()
        .filter(spiders::Column::Name.eq(spider_name))
        .col_expr(spiders::Column::StartUrls, "[]".into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};

    use super::*;
    use crate::auth::tenant_scope::SystemReason;
    use crate::storage::{Database, DatabaseSettings};

    #[tokio::test]
    async fn the_timer_reads_the_partial_index_and_not_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let settings = DatabaseSettings::Sqlite { path: folder.path().join("test.db") };
        let db = Database::open(&settings).await.unwrap();
        let tx = db.system(SystemReason::Schedule).read().await.unwrap();

        let query = due_by(tx.select(), 1).build(DbBackend::Sqlite);

        let explain = format!("EXPLAIN QUERY PLAN {}", query.sql);
        let values = query.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
        let statement = Statement::from_sql_and_values(DbBackend::Sqlite, explain, values);
        let rows = tx.tx.query_all_raw(statement).await.unwrap();
        let plan: String = rows[0].try_get("", "detail").unwrap();
        assert!(plan.contains("schedules_due"), "{plan}");
    }
}
