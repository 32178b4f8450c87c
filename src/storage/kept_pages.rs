//! The pages that the built-in crawler keeps: the latest body of each URL. The bytes are elsewhere, and are there before
//! their row. A change locks the tenant's sum of bytes first, and saves it in the same transaction.

use std::collections::HashSet;

use sea_orm::sea_query::{Condition, Expr, ExprTrait, Func};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::entity::kept_page_totals;
use super::entity::kept_pages::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::TenantId;

pub use super::entity::kept_pages::Model as KeptPageRow;

/// Values of one statement, and rows of one INSERT: far below what either database may bind.
const CHUNK: usize = 500;

/// A page to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewKeptPage {
    pub url_hash: String,
    pub url: String,
    pub page_url: Option<String>,
    pub spider_name: String,
    pub content: String,
    pub charset: Option<String>,
    pub robots_tag: Option<String>,
    pub sha256: String,
    pub body_id: Uuid,
    pub stored_bytes: i64,
    pub body_bytes: i64,
    /// Microseconds since the epoch.
    pub fetched_at: i64,
}

/// A position in the pages of a spider: when a page was fetched, and its id.
pub type KeptPosition = (i64, i64);

/// The stored bytes of the tenant's kept pages.
pub async fn bytes(tx: &TenantTx) -> Result<i64> {
    Ok(tx.select::<kept_page_totals::Entity>().one(&tx.tx).await?.map_or(0, |row| row.bytes))
}

/// Like [`bytes`], and locks them until the transaction ends: changes of one tenant's kept pages take turns.
pub async fn lock_bytes(tx: &TenantTx) -> Result<i64> {
    let locked = || tx.select::<kept_page_totals::Entity>().lock_exclusive();
    if let Some(row) = locked().one(&tx.tx).await? {
        return Ok(row.bytes);
    }
    // The first two jobs of a tenant may come together.
    tx.insert_new(vec![kept_page_totals::ActiveModel { bytes: Set(0), ..Default::default() }]).await?;
    Ok(locked().one(&tx.tx).await?.map_or(0, |row| row.bytes))
}

pub async fn save_bytes(tx: &TenantTx, bytes: i64) -> Result<()> {
    let update = tx.update::<kept_page_totals::Entity>();
    update.col_expr(kept_page_totals::Column::Bytes, bytes.into()).exec(&tx.tx).await?;
    Ok(())
}

/// The kept pages of the URLs with these hashes, in no order.
pub async fn find(tx: &TenantTx, hashes: &[String]) -> Result<Vec<KeptPageRow>> {
    let mut found = Vec::with_capacity(hashes.len());
    for chunk in hashes.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::UrlHash.is_in(chunk.iter().map(String::as_str)));
        found.extend(query.all(&tx.tx).await?);
    }
    Ok(found)
}

/// Adds pages. No URL may have one, and the caller has locked the bytes.
pub async fn insert(tx: &TenantTx, new: Vec<NewKeptPage>) -> Result<()> {
    let mut rows = new.into_iter().map(row).peekable();
    while rows.peek().is_some() {
        tx.insert_all(rows.by_ref().take(CHUNK).collect()).await?;
    }
    Ok(())
}

/// Deletes pages.
pub async fn delete(tx: &TenantTx, ids: &[i64]) -> Result<()> {
    for chunk in ids.chunks(CHUNK) {
        tx.delete::<Entity>(Column::Id.is_in(chunk.iter().copied())).exec(&tx.tx).await?;
    }
    Ok(())
}

/// The pages that were fetched first.
pub async fn oldest(tx: &TenantTx, limit: u64) -> Result<Vec<KeptPageRow>> {
    let query = tx.select::<Entity>().order_by_asc(Column::FetchedAt).order_by_asc(Column::Id);
    Ok(query.limit(limit).all(&tx.tx).await?)
}

/// The pages of a spider that were fetched at `since` or later, behind `after`, in the order of their fetching.
pub async fn of_spider(
    tx: &TenantTx,
    spider_name: &str,
    since: i64,
    after: Option<KeptPosition>,
    limit: u64,
) -> Result<Vec<KeptPageRow>> {
    let mut query =
        tx.select::<Entity>().filter(Column::SpiderName.eq(spider_name)).filter(Column::FetchedAt.gte(since));
    if let Some((fetched_at, id)) = after {
        let same_moment = Condition::all().add(Column::FetchedAt.eq(fetched_at)).add(Column::Id.gt(id));
        query = query.filter(Condition::any().add(Column::FetchedAt.gt(fetched_at)).add(same_moment));
    }
    let query = query.order_by_asc(Column::FetchedAt).order_by_asc(Column::Id);
    Ok(query.limit(limit).all(&tx.tx).await?)
}

/// The pages of a spider that were fetched last, the latest first.
pub async fn latest(tx: &TenantTx, spider_name: &str, limit: u64) -> Result<Vec<KeptPageRow>> {
    let query = tx.select::<Entity>().filter(Column::SpiderName.eq(spider_name));
    let query = query.order_by_desc(Column::FetchedAt).order_by_desc(Column::Id);
    Ok(query.limit(limit).all(&tx.tx).await?)
}

/// Those of these bodies that a page has.
pub async fn existing(tx: &TenantTx, bodies: &[Uuid]) -> Result<HashSet<Uuid>> {
    let mut found = HashSet::with_capacity(bodies.len());
    for chunk in bodies.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::BodyId.is_in(chunk.iter().copied()));
        let ids: Vec<Uuid> = query.select_only().column(Column::BodyId).into_tuple().all(&tx.tx).await?;
        found.extend(ids);
    }
    Ok(found)
}

/// The number of the tenant's kept pages and the sum of their bytes, counted one by one: what [`bytes`] must be.
pub async fn count(tx: &TenantTx) -> Result<(i64, i64)> {
    let query = tx.select::<Entity>().select_only().column_as(Column::Id.count(), "pages");
    // A sum of integers is a number without bound on PostgreSQL; no store outgrows 64 bits.
    let sum = Expr::from(Func::sum(Expr::col(Column::StoredBytes))).cast_as("bigint");
    let row: Option<(i64, Option<i64>)> = query.column_as(sum, "bytes").into_tuple().one(&tx.tx).await?;
    Ok(row.map_or((0, 0), |(pages, bytes)| (pages, bytes.unwrap_or(0))))
}

/// The tenants whose kept pages have more than `most` bytes.
pub async fn tenants_above(tx: &SystemTx, most: i64) -> Result<Vec<TenantId>> {
    let query = tx.select::<kept_page_totals::Entity>().filter(kept_page_totals::Column::Bytes.gt(most));
    let query = query.select_only().column(kept_page_totals::Column::TenantId);
    let ids: Vec<i64> = query.into_tuple().all(&tx.tx).await?;
    Ok(ids.into_iter().map(TenantId).collect())
}

fn row(new: NewKeptPage) -> ActiveModel {
    ActiveModel {
        url_hash: Set(new.url_hash),
        url: Set(new.url),
        page_url: Set(new.page_url),
        spider_name: Set(new.spider_name),
        content: Set(new.content),
        charset: Set(new.charset),
        robots_tag: Set(new.robots_tag),
        sha256: Set(new.sha256),
        body_id: Set(new.body_id),
        stored_bytes: Set(new.stored_bytes),
        body_bytes: Set(new.body_bytes),
        fetched_at: Set(new.fetched_at),
        ..Default::default()
    }
}
