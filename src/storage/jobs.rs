//! Crawl jobs. A change locks the job first and saves it whole; the columns of the listing summary are not among
//! those that [`save`] writes.

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, Order, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::batched_delete;
use super::bounded_rows::{self, BoundedRows};
use super::entity::jobs::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
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
    /// A schedule makes it.
    pub scheduled: bool,
    /// `created_by` set the schedule, and is removed or inactive: the job belongs to no user.
    pub ownerless: bool,
    pub now: i64,
}

impl JobRow {
    /// The user that the job belongs to; `None` for a scheduled job whose user was removed or inactive when it was made.
    pub fn owner(&self) -> Option<UserId> {
        (!self.ownerless).then_some(UserId(self.created_by))
    }
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
        scheduled: Set(new.scheduled),
        ownerless: Set(new.ownerless),
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
) -> Result<BoundedRows<JobRow>> {
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
        query = query.filter(Column::CreatedBy.eq(user.0)).filter(Column::Ownerless.eq(false));
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
    let query = query.order_by(Column::Id, direction).limit(limit);
    bounded_rows::read(query, &*tx.tx, |row| row.target_urls.len() + row.settings.len()).await
}

/// Whether the JSON list of tags has this one. LIKE would fold case on one database and not on the other; a tag has
/// no comma, so its quoted form occurs in the list only as an element.
fn has_tag(tag: &str) -> Expr {
    let element = serde_json::Value::from(tag).to_string();
    let tags = Expr::col((Entity, Column::Tags));
    Expr::from(Func::cust("replace").args([tags.clone(), element.into(), "".into()])).ne(tags)
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

/// Whether the spider has pending or running jobs.
pub async fn any_active_of(tx: &TenantTx, spider_name: &str) -> Result<bool> {
    let query = tx.select::<Entity>().filter(Column::SpiderName.eq(spider_name)).filter(is_active());
    Ok(query.limit(1).one(&tx.tx).await?.is_some())
}

/// Whether the job is pending or running.
pub async fn is_open(tx: &TenantTx, id: JobId) -> Result<bool> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0)).filter(is_active());
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
