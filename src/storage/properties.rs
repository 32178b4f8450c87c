//! Properties: one row a listing, identified by its source and the source's key of it.

use std::collections::BTreeMap;

use sea_orm::sea_query::Condition;
use sea_orm::{
    ActiveModelTrait, ActiveValue::NotSet, ColumnTrait, FromQueryResult, IntoActiveModel, PaginatorTrait,
    QueryFilter, QueryOrder, QuerySelect, Select,
};

use super::entity::properties::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::PropertyId;

pub use super::entity::properties::Model as PropertyRow;

/// Source and listing key.
pub type Key = (String, String);

/// Who a row belongs to. The crawler leaves rows of workers as they are, but for listings that are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The built-in crawler, as long as no worker has reported the listing.
    Crawler,
    /// A worker or a program, over REST.
    Worker,
}

impl Writer {
    /// The name in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crawler => "crawler",
            Self::Worker => "worker",
        }
    }

    /// Whether the row belongs to this writer.
    pub fn owns(self, row: &PropertyRow) -> bool {
        row.writer == self.name()
    }
}

/// Rows of one INSERT: far from both databases' limits of bind variables, and a second statement costs little.
const CHUNK: usize = 250;

pub async fn find(tx: &TenantTx, id: PropertyId) -> Result<Option<PropertyRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// The rows of these keys that exist, locked until the transaction ends. They are locked in the order of their ids,
/// whatever the order of the keys, so that two batches can't deadlock.
pub async fn lock_by_keys(tx: &TenantTx, keys: &[Key]) -> Result<Vec<PropertyRow>> {
    let mut by_source: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (source, listing_key) in keys {
        by_source.entry(source).or_default().push(listing_key);
    }
    let any = by_source.into_iter().fold(Condition::any(), |any, (source, listing_keys)| {
        any.add(Condition::all().add(Column::Source.eq(source)).add(Column::ListingKey.is_in(listing_keys)))
    });
    if any.is_empty() {
        return Ok(Vec::new());
    }
    Ok(tx.select::<Entity>().filter(any).order_by_asc(Column::Id).lock_exclusive().all(&tx.tx).await?)
}

/// Those of the properties with these ids that are the crawler's and not removed, locked until the transaction ends, in
/// the order of their ids.
pub async fn lock_crawled(tx: &TenantTx, ids: Vec<i64>) -> Result<Vec<i64>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = tx
        .select::<Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::Id.is_in(ids))
        .filter(Column::Writer.eq(Writer::Crawler.name()))
        .filter(Column::Removed.eq(false));
    Ok(query.order_by_asc(Column::Id).lock_exclusive().into_tuple().all(&tx.tx).await?)
}

/// Inserts rows, whatever their ids, and returns them with their own. One that another transaction has inserted
/// meanwhile is missing in the result. `rows` must be sorted by key, for the reason of [`lock_by_keys`].
pub async fn insert_new(tx: &TenantTx, rows: Vec<PropertyRow>) -> Result<Vec<PropertyRow>> {
    let mut inserted = Vec::with_capacity(rows.len());
    let mut rows = rows.into_iter().map(without_identity).peekable();
    while rows.peek().is_some() {
        inserted.extend(tx.insert_new(rows.by_ref().take(CHUNK).collect()).await?);
    }
    Ok(inserted)
}

/// Writes the whole row.
pub async fn update(tx: &TenantTx, row: PropertyRow) -> Result<()> {
    let id = row.id;
    tx.update::<Entity>().set(without_identity(row)).filter(Column::Id.eq(id)).exec(&tx.tx).await?;
    Ok(())
}

/// Records that these were seen unchanged.
pub async fn touch(tx: &TenantTx, ids: Vec<i64>, now: i64) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let seen = tx.update::<Entity>().col_expr(Column::LastSeenAt, now.into()).filter(Column::Id.is_in(ids));
    seen.exec(&tx.tx).await?;
    Ok(())
}

/// Numbers of properties that are not removed, by status.
pub async fn by_status(tx: &TenantTx) -> Result<Vec<(String, i64)>> {
    let query = tx.select::<Entity>().filter(Column::Removed.eq(false)).select_only();
    let query = query.column(Column::StandardStatus).column_as(Column::Id.count(), "count");
    Ok(query.group_by(Column::StandardStatus).into_tuple().all(&tx.tx).await?)
}

pub async fn count(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(Column::Removed.eq(false)).count(&tx.tx).await?)
}

/// The page of a property.
#[derive(Clone, Debug, PartialEq, Eq, FromQueryResult)]
pub struct PropertyPage {
    pub id: i64,
    pub source: String,
    pub listing_key: String,
    pub source_url: Option<String>,
}

/// The pages of properties of these hosts that are not removed, in the order of their ids.
pub async fn with_pages(
    tx: &TenantTx,
    hosts: &[String],
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<PropertyPage>> {
    let query = pages_of_hosts(tx, hosts).filter(Column::Id.gt(after.unwrap_or(0)));
    let pages = query.order_by_asc(Column::Id).limit(limit).into_model::<PropertyPage>();
    Ok(pages.all(&tx.tx).await?)
}

/// The same for properties whose page is one of `urls`.
pub async fn with_these_pages(
    tx: &TenantTx,
    hosts: &[String],
    urls: &[String],
    limit: u64,
) -> Result<Vec<PropertyPage>> {
    let query = pages_of_hosts(tx, hosts).filter(Column::SourceUrl.is_in(urls.iter().map(String::as_str)));
    let pages = query.order_by_asc(Column::Id).limit(limit).into_model::<PropertyPage>();
    Ok(pages.all(&tx.tx).await?)
}

/// Without the rest of the rows, which have texts of many kilobytes.
fn pages_of_hosts(tx: &TenantTx, hosts: &[String]) -> Select<Entity> {
    let query = tx.select::<Entity>().select_only();
    let columns = [Column::Id, Column::Source, Column::ListingKey, Column::SourceUrl];
    let query = columns.into_iter().fold(query, |query, column| query.column(column));
    let of_hosts = Column::SourceHost.is_in(hosts.iter().map(String::as_str));
    query.filter(of_hosts).filter(Column::Removed.eq(false))
}

/// Everything but the id, which the database assigns, and the tenant, which the transaction adds.
fn without_identity(row: PropertyRow) -> ActiveModel {
    let all = row.into_active_model().reset_all();
    ActiveModel { id: NotSet, tenant_id: NotSet, ..all }
}
