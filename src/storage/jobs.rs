//! Crawl jobs. A change locks the job first and saves it whole; the columns of the listing summary are not among
//! those that [`save`] writes.

use std::collections::HashMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func, LockBehavior, LockType};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::entity::jobs::{ActiveModel, Column, Entity};
use super::{Result, SystemTx, TenantTx, batched_delete};
use crate::base::ids::{JobId, TenantId, UserId};

pub use super::entity::jobs::Model as JobRow;

pub struct NewJob<'a> {
    pub spider_name: &'a str,
    pub runner: &'a str,
    /// Lists and settings as JSON.
    pub target_urls: String,
    pub settings: String,
    pub tags: String,
    /// Files that go with it, as JSON.
    pub attachments: Option<String>,
    pub created_by: UserId,
    pub now: i64,
}

/// What a list of jobs is narrowed to; `None` narrows nothing.
#[derive(Clone, Debug, Default)]
pub struct JobFilter<'a> {
    pub status: Option<&'a str>,
    pub spider_name: Option<&'a str>,
    pub tag: Option<&'a str>,
    pub created_by: Option<UserId>,
}

/// The order of a list. Ids grow with the time of creation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOrder {
    NewestFirst,
    OldestFirst,
}

/// A pending job without an execution, which the caller adds.
pub async fn insert(tx: &TenantTx, new: NewJob<'_>) -> Result<JobRow> {
    let row = ActiveModel {
        spider_name: Set(new.spider_name.to_owned()),
        runner: Set(new.runner.to_owned()),
        target_urls: Set(new.target_urls),
        settings: Set(new.settings),
        tags: Set(new.tags),
        attachments: Set(new.attachments),
        status: Set("pending".to_owned()),
        created_by: Set(new.created_by.0),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        items_scraped: Set(0),
        pages_crawled: Set(0),
        attempt: Set(0),
        first_attempt: Set(1),
        cancel_requested: Set(false),
        progress_sequence: Set(-1),
        progress_pending: Set(false),
        summary_pending: Set(0),
        ..Default::default()
    };
    tx.insert(row).await
}

/// Writes the columns that change in a job's life.
pub async fn save(tx: &TenantTx, row: &JobRow) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::Status, Expr::value(row.status.clone()))
        .col_expr(Column::UpdatedAt, row.updated_at.into())
        .col_expr(Column::StartedAt, row.started_at.into())
        .col_expr(Column::FinishedAt, row.finished_at.into())
        .col_expr(Column::ItemsScraped, row.items_scraped.into())
        .col_expr(Column::PagesCrawled, row.pages_crawled.into())
        .col_expr(Column::FinishReason, Expr::value(row.finish_reason.clone()))
        .col_expr(Column::Error, Expr::value(row.error.clone()))
        .col_expr(Column::Stats, Expr::value(row.stats.clone()))
        .col_expr(Column::ExecutionId, row.execution_id.into())
        .col_expr(Column::Attempt, row.attempt.into())
        .col_expr(Column::FirstAttempt, row.first_attempt.into())
        .col_expr(Column::CancelRequested, row.cancel_requested.into())
        .col_expr(Column::LeaseHash, Expr::value(row.lease_hash.clone()))
        .col_expr(Column::LeaseExpiresAt, row.lease_expires_at.into())
        .col_expr(Column::ProgressSequence, row.progress_sequence.into())
        .col_expr(Column::ProgressPending, row.progress_pending.into())
        .col_expr(Column::ProgressToldAt, row.progress_told_at.into())
        .col_expr(Column::NotBefore, row.not_before.into())
        .col_expr(Column::ClaimedBy, Expr::value(row.claimed_by.clone()))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn find(tx: &TenantTx, id: JobId) -> Result<Option<JobRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: JobId) -> Result<Option<JobRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

/// Several rows, locked until the transaction ends, in the order of their ids, so that two callers can't deadlock.
pub async fn lock_all(tx: &TenantTx, ids: &[JobId]) -> Result<Vec<JobRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    Ok(query.order_by_asc(Column::Id).lock_exclusive().all(&tx.tx).await?)
}

/// Jobs after `after` in the given order.
pub async fn list(
    tx: &TenantTx,
    filter: &JobFilter<'_>,
    order: JobOrder,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<JobRow>> {
    let mut query = tx.select::<Entity>();
    if let Some(status) = filter.status {
        query = query.filter(Column::Status.eq(status));
    }
    if let Some(name) = filter.spider_name {
        query = query.filter(Column::SpiderName.eq(name));
    }
    if let Some(tag) = filter.tag {
        query = query.filter(has_tag(tag));
    }
    if let Some(user) = filter.created_by {
        query = query.filter(Column::CreatedBy.eq(user.0));
    }
    let direction = match order {
        JobOrder::NewestFirst => Order::Desc,
        JobOrder::OldestFirst => Order::Asc,
    };
    if let Some(after) = after {
        query = query.filter(match order {
            JobOrder::NewestFirst => Column::Id.lt(after),
            JobOrder::OldestFirst => Column::Id.gt(after),
        });
    }
    Ok(query.order_by(Column::Id, direction).limit(limit).all(&tx.tx).await?)
}

/// Whether the JSON list of tags has this one. LIKE would fold case on one database and not on the other; a tag has
/// no comma, so its quoted form occurs in the list only as an element.
fn has_tag(tag: &str) -> Expr {
    let element = serde_json::Value::from(tag).to_string();
    let tags = Expr::col((Entity, Column::Tags));
    Expr::from(Func::cust("replace").args([tags.clone(), element.into(), "".into()])).ne(tags)
}

/// The claimer of a job, and the time: a job that lost its worker is given out again after a pause only.
#[derive(Clone, Copy, Debug)]
pub struct ClaimFilter<'a> {
    /// The node or the API key, as in `claimed_by`.
    pub claimer: &'a str,
    /// Pauses that ended by now are over for every claimer but the one that held the job.
    pub now: i64,
    /// Pauses that ended by this time are over for that one, too.
    pub open_to_all_before: i64,
}

/// Whether a job of external spiders waits for a worker; takes no lock.
pub async fn any_claimable(
    tx: &TenantTx,
    spiders: Option<&[String]>,
    claiming: &ClaimFilter<'_>,
) -> Result<bool> {
    let query = of_spiders(claimable(tx.select()), spiders).filter(is_due(claiming));
    Ok(query.limit(1).one(&tx.tx).await?.is_some())
}

/// The oldest waiting job of external spiders, locked until the transaction ends. Rows that another worker has locked
/// are skipped.
pub async fn lock_claimable(
    tx: &TenantTx,
    spiders: Option<&[String]>,
    claiming: &ClaimFilter<'_>,
) -> Result<Option<JobRow>> {
    let query = of_spiders(claimable(tx.select()), spiders).filter(is_due(claiming));
    let query = query.order_by_asc(Column::Id).limit(1);
    Ok(query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(&tx.tx).await?)
}

/// One job, locked until the transaction ends, unless another transaction has locked it.
pub async fn lock_if_free(tx: &TenantTx, id: JobId) -> Result<Option<JobRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0));
    Ok(query.lock_with_behavior(LockType::Update, LockBehavior::SkipLocked).one(&tx.tx).await?)
}

fn of_spiders(query: Select<Entity>, spiders: Option<&[String]>) -> Select<Entity> {
    let query = query.filter(Column::Runner.eq("external"));
    match spiders {
        Some(names) => query.filter(Column::SpiderName.is_in(names.iter().map(String::as_str))),
        None => query,
    }
}

fn claimable(query: Select<Entity>) -> Select<Entity> {
    query.filter(is_pending()).filter(Column::LeaseExpiresAt.is_null())
}

/// A literal, because SQLite does not match a bound value with the condition of a partial index.
fn is_pending() -> Expr {
    Expr::col((Entity, Column::Status)).eq(Expr::cust("'pending'"))
}

/// No pause after a lost worker, or one that is over for this claimer.
fn is_due(claiming: &ClaimFilter<'_>) -> Condition {
    let of_another = Condition::all()
        .add(Column::NotBefore.lte(claiming.now))
        .add(Condition::any().add(Column::ClaimedBy.is_null()).add(Column::ClaimedBy.ne(claiming.claimer)));
    is_due_for_all(claiming.open_to_all_before).add(of_another)
}

fn is_due_for_all(over_for_all: i64) -> Condition {
    Condition::any().add(Column::NotBefore.is_null()).add(Column::NotBefore.lte(over_for_all))
}

/// A tenant's oldest waiting job for the builtin crawler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingBuiltin {
    pub tenant: TenantId,
    pub job: JobId,
    /// Jobs of the tenant that a crawler of any node holds.
    pub running: i64,
}

/// For each tenant that has one, the oldest job that the builtin crawler may take; in no order.
pub async fn waiting_for_builtin(tx: &SystemTx, claiming: &ClaimFilter<'_>) -> Result<Vec<WaitingBuiltin>> {
    let builtin = || tx.select::<Entity>().filter(Column::Runner.eq("builtin")).select_only();
    let waiting: Vec<(i64, i64)> = claimable(builtin())
        .filter(is_due(claiming))
        .column(Column::TenantId)
        .column_as(Column::Id.min(), "oldest")
        .group_by(Column::TenantId)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    if waiting.is_empty() {
        return Ok(Vec::new());
    }
    let running: Vec<(i64, i64)> = builtin()
        .filter(Column::LeaseExpiresAt.is_not_null())
        .column(Column::TenantId)
        .column_as(Column::Id.count(), "running")
        .group_by(Column::TenantId)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let running: HashMap<i64, i64> = running.into_iter().collect();
    let count = |tenant: i64| running.get(&tenant).copied().unwrap_or(0);
    let found = waiting.into_iter().map(|(tenant, job)| WaitingBuiltin {
        tenant: TenantId(tenant),
        job: JobId(job),
        running: count(tenant),
    });
    Ok(found.collect())
}

/// Jobs of an external spider that wait and that anyone may claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingExternal {
    pub tenant: TenantId,
    pub spider_name: String,
    pub jobs: u64,
}

/// The jobs of external spiders that wait in these tenants, by spider; at most `limit` spiders.
pub async fn waiting_for_external(
    tx: &SystemTx,
    tenants: &[TenantId],
    over_for_all: i64,
    limit: u64,
) -> Result<Vec<WaitingExternal>> {
    let query = of_spiders(claimable(tx.select()), None)
        .filter(Column::TenantId.is_in(tenants.iter().map(|tenant| tenant.0)))
        .filter(is_due_for_all(over_for_all));
    let found: Vec<(i64, String, i64)> = query
        .select_only()
        .column(Column::TenantId)
        .column(Column::SpiderName)
        .column_as(Column::Id.count(), "jobs")
        .group_by(Column::TenantId)
        .group_by(Column::SpiderName)
        .limit(limit)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let found = found.into_iter().map(|(tenant, spider_name, jobs)| WaitingExternal {
        tenant: TenantId(tenant),
        spider_name,
        jobs: jobs.unsigned_abs(),
    });
    Ok(found.collect())
}

/// A job of an external spider that lost its worker a short time ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PausedJob {
    pub tenant: TenantId,
    pub spider_name: String,
    pub claimed_by: Option<String>,
    pub not_before: i64,
}

/// Jobs of external spiders of all tenants with a pause that ends after `after`, the next first.
pub async fn paused(tx: &SystemTx, after: i64, limit: u64) -> Result<Vec<PausedJob>> {
    let query = pause_ends_after(of_spiders(claimable(tx.select()), None), after);
    let rows = query.order_by_asc(Column::NotBefore).limit(limit).all(&tx.tx).await?;
    let paused = rows.into_iter().filter_map(|row| {
        let not_before = row.not_before?;
        let tenant = TenantId(row.tenant_id);
        Some(PausedJob { tenant, spider_name: row.spider_name, claimed_by: row.claimed_by, not_before })
    });
    Ok(paused.collect())
}

fn pause_ends_after(query: Select<Entity>, after: i64) -> Select<Entity> {
    query.filter(Column::NotBefore.gt(after))
}

/// Jobs of all tenants with an expired lease, longest ago first.
pub async fn expired(tx: &SystemTx, now: i64, limit: u64) -> Result<Vec<(TenantId, JobId)>> {
    let query = lease_ended(tx.select(), now);
    ids_of(query.order_by_asc(Column::LeaseExpiresAt).limit(limit), tx).await
}

fn lease_ended(query: Select<Entity>, now: i64) -> Select<Entity> {
    query.filter(Column::LeaseExpiresAt.lte(now))
}

/// Jobs of all tenants with progress that no event has reported, unless their last progress event was between `due`
/// and `now`.
pub async fn with_pending_progress(
    tx: &SystemTx,
    due: i64,
    now: i64,
    limit: u64,
) -> Result<Vec<(TenantId, JobId)>> {
    let emitted_long_ago = Condition::any()
        .add(Column::ProgressToldAt.is_null())
        .add(Column::ProgressToldAt.lte(due))
        .add(Column::ProgressToldAt.gt(now));
    let query = has_pending_progress(tx.select()).filter(emitted_long_ago);
    ids_of(query.order_by_asc(Column::Id).limit(limit), tx).await
}

/// The bare column, because that implies the condition of the partial index.
fn has_pending_progress(query: Select<Entity>) -> Select<Entity> {
    query.filter(Expr::col((Entity, Column::ProgressPending)))
}

async fn ids_of(query: Select<Entity>, tx: &SystemTx) -> Result<Vec<(TenantId, JobId)>> {
    let query = query.select_only().column(Column::TenantId).column(Column::Id);
    let found: Vec<(i64, i64)> = query.into_tuple().all(&tx.tx).await?;
    Ok(found.into_iter().map(|(tenant, job)| (TenantId(tenant), JobId(job))).collect())
}

/// How many jobs are pending or running.
pub async fn active(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(is_active()).count(&tx.tx).await?)
}

/// How many jobs have each status.
pub async fn by_status(tx: &TenantTx) -> Result<Vec<(String, i64)>> {
    Ok(counts(tx.select()).into_tuple().all(&tx.tx).await?)
}

/// How many jobs of all tenants are pending, and how many are running.
pub async fn open_by_status(tx: &SystemTx) -> Result<Vec<(String, i64)>> {
    Ok(counts(tx.select()).filter(is_active()).into_tuple().all(&tx.tx).await?)
}

fn counts(query: Select<Entity>) -> Select<Entity> {
    query.select_only().column(Column::Status).column_as(Column::Id.count(), "count").group_by(Column::Status)
}

/// How many of the tenant's jobs are pending.
pub async fn pending(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(is_pending()).count(&tx.tx).await?)
}

/// Whether the spider has pending or running jobs.
pub async fn any_active_of(tx: &TenantTx, spider_name: &str) -> Result<bool> {
    let query = tx.select::<Entity>().filter(Column::SpiderName.eq(spider_name)).filter(is_active());
    Ok(query.limit(1).one(&tx.tx).await?.is_some())
}

fn is_active() -> Expr {
    Column::Status.is_in(["pending", "running"])
}

/// The spider's completed job that finished last, other than `except`; with `target_urls` (JSON as stored) only among
/// jobs of exactly these.
pub async fn last_completed(
    tx: &TenantTx,
    spider_name: &str,
    target_urls: Option<&str>,
    except: JobId,
) -> Result<Option<JobRow>> {
    let mut query = tx
        .select::<Entity>()
        .filter(Column::SpiderName.eq(spider_name))
        .filter(Column::Status.eq("completed"))
        .filter(Column::Id.ne(except.0));
    if let Some(urls) = target_urls {
        query = query.filter(Column::TargetUrls.eq(urls));
    }
    Ok(query.order_by_desc(Column::FinishedAt).order_by_desc(Column::Id).limit(1).one(&tx.tx).await?)
}

/// Records that retention deleted a job's log up to this line.
pub(super) async fn note_trimmed(tx: &SystemTx, tenant: TenantId, id: JobId, line: i64) -> Result<()> {
    // Lines do not always grow old in the order of their ids: a clock may have been set.
    let behind = Condition::any().add(Column::LogsTrimmed.is_null()).add(Column::LogsTrimmed.lt(line));
    tx.update::<Entity>()
        .filter(Column::TenantId.eq(tenant.0))
        .filter(Column::Id.eq(id.0))
        .filter(behind)
        .col_expr(Column::LogsTrimmed, Expr::value(line))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Deletes jobs that ended before `before` with all that belongs to them, of all tenants: at most `most` rows, a
/// job's own last. Returns how many rows were deleted.
pub async fn purge_ended(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let ended: Vec<(i64, i64)> = ended(tx.select(), before)
        .order_by_asc(Column::FinishedAt)
        .limit(most)
        .select_only()
        .column(Column::TenantId)
        .column(Column::Id)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    let mut left = most;
    for (tenant, job) in ended {
        // Locked: a user may ask for a retry at this moment.
        let query = ended_one(tx, before, tenant, job).lock_exclusive();
        if query.one(&tx.tx).await?.is_none() {
            continue;
        }
        left -= delete_job_rows(tx, tenant, job, left).await?;
        if left == 0 {
            break;
        }
        let which = Condition::all().add(Column::TenantId.eq(tenant)).add(Column::Id.eq(job));
        left -= tx.delete::<Entity>(which).exec(&tx.tx).await?.rows_affected;
        if left == 0 {
            break;
        }
    }
    Ok(most - left)
}

/// At most `most` rows that belong to a job.
async fn delete_job_rows(tx: &SystemTx, tenant: i64, job: i64, most: u64) -> Result<u64> {
    let mut left = most;
    for table in ["crawl_urls", "job_items", "job_logs", "executions"] {
        if left > 0 {
            left -= batched_delete::of_job(tx, table, tenant, job, left).await?;
        }
    }
    Ok(most - left)
}

fn ended(query: Select<Entity>, before: i64) -> Select<Entity> {
    query.filter(Column::FinishedAt.lt(before)).filter(Column::Status.is_not_in(["pending", "running"]))
}

fn ended_one(tx: &SystemTx, before: i64, tenant: i64, job: i64) -> Select<Entity> {
    ended(tx.select(), before).filter(Column::TenantId.eq(tenant)).filter(Column::Id.eq(job))
}

#[cfg(test)]
mod tests {
    use sea_orm::{ConnectionTrait, DbBackend, QueryTrait, Statement};

    use super::*;
    use crate::auth::tenant_scope::SystemReason;
    use crate::storage::{Database, DatabaseSettings};

    #[tokio::test]
    async fn timers_and_claims_read_partial_indexes_and_not_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let settings = DatabaseSettings::Sqlite { path: folder.path().join("test.db") };
        let db = Database::open(&settings).await.unwrap();
        let tx = db.system(SystemReason::LeaseSweep).read().await.unwrap();
        let queries = [
            ("jobs_to_claim", of_spiders(claimable(tx.select()), None).filter(Column::TenantId.eq(1))),
            (
                "jobs_to_claim",
                of_spiders(claimable(tx.select()), None)
                    .filter(Column::TenantId.eq(1))
                    .filter(is_due(&ClaimFilter { claimer: "a", now: 2, open_to_all_before: 1 })),
            ),
            ("jobs_to_retake", pause_ends_after(tx.select(), 1)),
            ("jobs_by_lease", lease_ended(tx.select(), 1)),
            ("jobs_with_news", has_pending_progress(tx.select())),
        ];

        for (index, query) in queries {
            let query = query.build(DbBackend::Sqlite);
            let explain = format!("EXPLAIN QUERY PLAN {}", query.sql);
            let values = query.values.unwrap_or_else(|| sea_orm::Values(Vec::new()));
            let statement = Statement::from_sql_and_values(DbBackend::Sqlite, explain, values);
            let rows = tx.tx.query_all_raw(statement).await.unwrap();
            let plan: String = rows[0].try_get("", "detail").unwrap();
            assert!(plan.contains(index), "{plan}");
        }
    }
}
