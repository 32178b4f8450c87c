//! The frontier of the builtin crawler's jobs: the pages that a job has fetched or will fetch.

use std::collections::BTreeMap;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func};
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Select};

use super::entity::crawl_urls::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::JobId;

pub use super::entity::crawl_urls::Model as CrawlUrlRow;

/// Rows of one statement: eleven values each, far below what either database may bind.
pub const CHUNK: usize = 500;

pub struct NewCrawlUrl {
    pub url: String,
    pub url_hash: String,
    pub depth: i64,
    pub known: Option<String>,
    /// The rank in which pages are asked for: 0 first.
    pub worth: i64,
}

/// What is written for a visited page. Pages with the same values share a statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct VisitUpdate {
    pub state: &'static str,
    pub attempts: i64,
    pub items: i64,
    pub outcome: Option<String>,
}

/// Totals of a job's frontier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontierTotals {
    pub pages: i64,
    pub done: i64,
    /// Including lost ones.
    pub failed: i64,
    /// Pages that cost a worker twice while they were read. They outlive the end of their job.
    pub lost: i64,
    /// Pages that are to be tried alone.
    pub suspects: i64,
    pub items: i64,
}

/// Adds pages that the job does not have yet, in this order, and gives the number of new ones.
pub async fn insert_new(tx: &TenantTx, job: JobId, new: Vec<NewCrawlUrl>) -> Result<usize> {
    let mut inserted = 0;
    let mut rows = new.into_iter().map(|new| new_row(job, new)).peekable();
    while rows.peek().is_some() {
        inserted += tx.insert_new(rows.by_ref().take(CHUNK).collect()).await?.len();
    }
    Ok(inserted)
}

fn new_row(job: JobId, new: NewCrawlUrl) -> ActiveModel {
    ActiveModel {
        job_id: Set(job.0),
        url: Set(new.url),
        url_hash: Set(new.url_hash),
        depth: Set(new.depth),
        state: Set("queued".to_owned()),
        attempts: Set(0),
        items: Set(0),
        outcome: Set(None),
        known: Set(new.known),
        worth: Set(new.worth),
        ..Default::default()
    }
}

/// Pages that wait: those of the most worth first, and of these the nearest to the targets.
pub async fn queue(tx: &TenantTx, job: JobId, limit: u64) -> Result<Vec<CrawlUrlRow>> {
    Ok(best_first(in_state(tx.select(), job, "queued")).limit(limit).all(&tx.tx).await?)
}

/// Pages that are to be tried alone, in the same order; those that failed already come later.
pub async fn suspects(tx: &TenantTx, job: JobId, limit: u64) -> Result<Vec<CrawlUrlRow>> {
    let query = in_state(tx.select(), job, "suspect").order_by_asc(Column::Attempts);
    Ok(best_first(query).limit(limit).all(&tx.tx).await?)
}

fn best_first(query: Select<Entity>) -> Select<Entity> {
    query.order_by_asc(Column::Worth).order_by_asc(Column::Depth).order_by_asc(Column::Id)
}

/// Pages that were being tried alone.
pub async fn alone(tx: &TenantTx, job: JobId) -> Result<Vec<CrawlUrlRow>> {
    Ok(in_state(tx.select(), job, "alone").all(&tx.tx).await?)
}

fn in_state(query: Select<Entity>, job: JobId, state: &str) -> Select<Entity> {
    query.filter(Column::JobId.eq(job.0)).filter(Column::State.eq(state))
}

/// Gives these pages a state.
pub async fn put_in_state(tx: &TenantTx, job: JobId, ids: &[i64], state: &str) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    tx.update::<Entity>()
        .filter(Column::JobId.eq(job.0))
        .filter(Column::Id.is_in(ids.iter().copied()))
        .col_expr(Column::State, Expr::value(state))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Moves all of a job's pages from one state to another and gives their number.
pub async fn move_all(tx: &TenantTx, job: JobId, from: &str, to: &str) -> Result<u64> {
    let update = tx.update::<Entity>().filter(Column::JobId.eq(job.0)).filter(Column::State.eq(from));
    Ok(update.col_expr(Column::State, Expr::value(to)).exec(&tx.tx).await?.rows_affected)
}

/// Writes the outcomes of pages.
pub async fn save_visits(tx: &TenantTx, job: JobId, updates: BTreeMap<VisitUpdate, Vec<i64>>) -> Result<()> {
    for (mark, ids) in updates {
        tx.update::<Entity>()
            .filter(Column::JobId.eq(job.0))
            .filter(Column::Id.is_in(ids))
            .col_expr(Column::State, Expr::value(mark.state))
            .col_expr(Column::Attempts, mark.attempts.into())
            .col_expr(Column::Items, mark.items.into())
            .col_expr(Column::Outcome, Expr::value(mark.outcome))
            .exec(&tx.tx)
            .await?;
    }
    Ok(())
}

/// Visited pages of known listings with one of these outcomes, in the order in which they were found.
pub async fn known_with_outcome(
    tx: &TenantTx,
    job: JobId,
    outcomes: &[&str],
    limit: u64,
) -> Result<Vec<CrawlUrlRow>> {
    let query = visited_known(tx, job).filter(Column::Outcome.is_in(outcomes.iter().copied()));
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// The numbers of visited pages of known listings by outcome, of those whose URL begins so.
pub async fn count_known(tx: &TenantTx, job: JobId, url_start: &str) -> Result<Vec<(Option<String>, i64)>> {
    let query = visited_known(tx, job).filter(Column::Url.starts_with(url_start)).select_only();
    let query = query.column(Column::Outcome).column_as(Column::Id.count(), "pages");
    Ok(query.group_by(Column::Outcome).into_tuple().all(&tx.tx).await?)
}

fn visited_known(tx: &TenantTx, job: JobId) -> Select<Entity> {
    in_state(tx.select(), job, "done").filter(Column::Known.is_not_null())
}

/// The pages of the job with these hashes of their URLs, at most [`CHUNK`].
pub async fn with_hashes(tx: &TenantTx, job: JobId, hashes: &[String]) -> Result<Vec<CrawlUrlRow>> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0));
    let query = query.filter(Column::UrlHash.is_in(hashes.iter().map(String::as_str)));
    Ok(query.all(&tx.tx).await?)
}

/// Makes a page of the job the page of known listings.
pub async fn set_known(tx: &TenantTx, row: &CrawlUrlRow, known: &str, worth: i64, depth: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::JobId.eq(row.job_id))
        .filter(Column::Id.eq(row.id))
        .col_expr(Column::Known, Expr::value(known))
        .col_expr(Column::Worth, worth.into())
        .col_expr(Column::Depth, depth.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// The ids and URL hashes of the job's pages after an id, in the order of their ids.
pub async fn hashes(tx: &TenantTx, job: JobId, after: i64, limit: u64) -> Result<Vec<(i64, String)>> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0)).filter(Column::Id.gt(after));
    let query = query.order_by_asc(Column::Id).limit(limit).select_only();
    Ok(query.column(Column::Id).column(Column::UrlHash).into_tuple().all(&tx.tx).await?)
}

/// The number of the job's pages with this worth.
pub async fn count_of_worth(tx: &TenantTx, job: JobId, worth: i64) -> Result<u64> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0)).filter(Column::Worth.eq(worth));
    Ok(query.count(&tx.tx).await?)
}

/// The number of the job's pages of known listings.
pub async fn count_pages_of_known(tx: &TenantTx, job: JobId) -> Result<u64> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0)).filter(Column::Known.is_not_null());
    Ok(query.count(&tx.tx).await?)
}

/// The outcomes of the job's start pages that were never requested themselves and whose outcome begins so.
pub async fn outcomes_of_targets(tx: &TenantTx, job: JobId, start: &str, limit: u64) -> Result<Vec<String>> {
    let query = in_state(tx.select(), job, "skipped").filter(Column::Depth.eq(0));
    let query = query.filter(Column::Outcome.starts_with(start)).order_by_asc(Column::Id).limit(limit);
    let outcomes: Vec<Option<String>> =
        query.select_only().column(Column::Outcome).into_tuple().all(&tx.tx).await?;
    Ok(outcomes.into_iter().flatten().collect())
}

pub async fn totals(tx: &TenantTx, job: JobId) -> Result<FrontierTotals> {
    let query = tx.select::<Entity>().filter(Column::JobId.eq(job.0)).select_only();
    let rows: Vec<(String, i64, i64)> = query
        .column(Column::State)
        .column_as(Column::Id.count(), "pages")
        // A sum of integers is a number without bound on PostgreSQL; no crawl outgrows 64 bits.
        .column_as(Expr::from(Func::sum(Expr::col(Column::Items))).cast_as("bigint"), "items")
        .group_by(Column::State)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    Ok(rows.into_iter().fold(FrontierTotals::default(), |mut sums, (state, pages, items)| {
        sums.pages += pages;
        match state.as_str() {
            "done" => sums.done += pages,
            "failed" => sums.failed += pages,
            "lost" => {
                sums.failed += pages;
                sums.lost += pages;
            }
            "suspect" | "alone" => sums.suspects += pages,
            _ => {}
        }
        sums.items += items;
        sums
    }))
}

/// Deletes the job's frontier, except for pages that the job must never read again.
pub async fn delete_of_job(tx: &TenantTx, job: JobId) -> Result<()> {
    let which = Condition::all().add(Column::JobId.eq(job.0)).add(Column::State.ne("lost"));
    tx.delete::<Entity>(which).exec(&tx.tx).await?;
    Ok(())
}
