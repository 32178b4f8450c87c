//! What is kept of pages of homes that the built-in crawler has read: their validators, their links and the property
//! of the home. One row a URL.

use std::collections::{BTreeMap, HashMap};

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::batched_delete::LockedBatch;
use super::entity::page_visits::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};

/// Values and rows of one statement: far below what either database may bind.
const CHUNK: usize = 500;

/// A visit to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPageVisit {
    pub url_hash: String,
    pub url: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub extractor_version: i64,
    pub read_scope: String,
    pub property_id: i64,
    pub links: String,
}

/// A stored visit without its URL and its links, which may be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VisitRow {
    pub url_hash: String,
    pub etag: Option<String>,
    pub last_modified: Option<String>,
    pub extractor_version: i64,
    pub read_scope: String,
    pub property_id: i64,
    pub read_at: i64,
}

/// The columns of a [`VisitRow`], in its order.
type VisitColumns = (String, Option<String>, Option<String>, i64, String, i64, i64);

/// The visits of the URLs with these hashes, in no order.
pub async fn find(tx: &TenantTx, hashes: &[String]) -> Result<Vec<VisitRow>> {
    let mut found = Vec::new();
    for chunk in hashes.chunks(CHUNK) {
        let query = tx
            .select::<Entity>()
            .filter(Column::UrlHash.is_in(chunk.iter().map(String::as_str)))
            .select_only()
            .column(Column::UrlHash)
            .column(Column::Etag)
            .column(Column::LastModified)
            .column(Column::ExtractorVersion)
            .column(Column::ReadScope)
            .column(Column::PropertyId)
            .column(Column::ReadAt);
        let rows: Vec<VisitColumns> = query.into_tuple().all(&tx.tx).await?;
        found.extend(rows.into_iter().map(visit_row));
    }
    Ok(found)
}

/// The links of the visits of these URLs, by the URL's hash.
pub async fn links(tx: &TenantTx, hashes: &[String]) -> Result<HashMap<String, String>> {
    let mut found = HashMap::with_capacity(hashes.len());
    for chunk in hashes.chunks(CHUNK) {
        let query = tx.select::<Entity>().filter(Column::UrlHash.is_in(chunk.iter().map(String::as_str)));
        let query = query.select_only().column(Column::UrlHash).column(Column::Links);
        let rows: Vec<(String, String)> = query.into_tuple().all(&tx.tx).await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Stores visits, each in place of the one before. The last one given for a URL counts.
pub async fn keep(tx: &TenantTx, new: Vec<NewPageVisit>, read_at: i64) -> Result<()> {
    // In the order of the hashes, so that two jobs insert in the same order.
    let new: BTreeMap<String, NewPageVisit> =
        new.into_iter().map(|new| (new.url_hash.clone(), new)).collect();
    let hashes: Vec<String> = new.keys().cloned().collect();
    forget(tx, &hashes).await?;
    let mut rows = new.into_values().map(|new| row(new, read_at)).peekable();
    while rows.peek().is_some() {
        tx.insert_new(rows.by_ref().take(CHUNK).collect()).await?;
    }
    Ok(())
}

/// Deletes the visits of the URLs with these hashes.
pub async fn forget(tx: &TenantTx, hashes: &[String]) -> Result<()> {
    for chunk in hashes.chunks(CHUNK) {
        let which = Column::UrlHash.is_in(chunk.iter().map(String::as_str));
        tx.delete::<Entity>(which).exec(&tx.tx).await?;
    }
    Ok(())
}

/// Deletes at most `most` visits from before `before`, of all tenants; returns how many.
pub async fn purge(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let old: Vec<i64> = tx
        .select::<Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::ReadAt.lt(before))
        .order_by_asc(Column::ReadAt)
        .lock_batch(most)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    Ok(tx.delete::<Entity>(Column::Id.is_in(old)).exec(&tx.tx).await?.rows_affected)
}

fn visit_row(columns: VisitColumns) -> VisitRow {
    let (url_hash, etag, last_modified, extractor_version, read_scope, property_id, read_at) = columns;
    VisitRow { url_hash, etag, last_modified, extractor_version, read_scope, property_id, read_at }
}

fn row(new: NewPageVisit, read_at: i64) -> ActiveModel {
    ActiveModel {
        url_hash: Set(new.url_hash),
        url: Set(new.url),
        etag: Set(new.etag),
        last_modified: Set(new.last_modified),
        extractor_version: Set(new.extractor_version),
        read_scope: Set(new.read_scope),
        property_id: Set(new.property_id),
        links: Set(new.links),
        read_at: Set(read_at),
        ..Default::default()
    }
}
