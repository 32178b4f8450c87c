//! Spiders of a tenant. `auto`, which every tenant has, has no row.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::bounded_rows::{self, BoundedRows};
use super::entity::spiders::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;

pub use super::entity::spiders::Model as SpiderRow;

/// The fields that a user sets; lists and objects as JSON.
pub struct SpiderFields<'a> {
    pub runner: &'a str,
    pub start_urls: String,
    pub allowed_hosts: String,
    pub list_items: bool,
    /// An object; `None`: no rules.
    pub rules: Option<String>,
    pub preset: Option<String>,
    /// A list; `None`: no headers.
    pub header_names: Option<String>,
    /// Names and values, encrypted.
    pub sealed_headers: Option<String>,
    pub now: i64,
}

/// `Duplicate` when the name is taken in the tenant.
pub async fn insert(tx: &TenantTx, name: &str, words: SpiderFields<'_>) -> Result<SpiderRow> {
    let row = ActiveModel {
        name: Set(name.to_owned()),
        runner: Set(words.runner.to_owned()),
        start_urls: Set(words.start_urls),
        allowed_hosts: Set(words.allowed_hosts),
        list_items: Set(words.list_items),
        rules: Set(words.rules),
        preset: Set(words.preset),
        header_names: Set(words.header_names),
        sealed_headers: Set(words.sealed_headers),
        created_at: Set(words.now),
        updated_at: Set(words.now),
        ..Default::default()
    };
    tx.insert(row).await
}

pub async fn find(tx: &TenantTx, name: &str) -> Result<Option<SpiderRow>> {
    Ok(tx.select::<Entity>().filter(Column::Name.eq(name)).one(&tx.tx).await?)
}

/// Like [`find`], and keeps the row from being changed or removed until the transaction ends.
pub async fn lock_shared(tx: &TenantTx, name: &str) -> Result<Option<SpiderRow>> {
    Ok(tx.select::<Entity>().filter(Column::Name.eq(name)).lock_shared().one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &TenantTx, name: &str) -> Result<Option<SpiderRow>> {
    Ok(tx.select::<Entity>().filter(Column::Name.eq(name)).lock_exclusive().one(&tx.tx).await?)
}

/// In the order of their making, after the one with id `after`.
pub async fn list(tx: &TenantTx, after: i64, limit: u64) -> Result<BoundedRows<SpiderRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.gt(after)).order_by_asc(Column::Id).limit(limit);
    bounded_rows::read(query, &*tx.tx, row_bytes).await
}

/// The bytes of a row that its user chooses.
fn row_bytes(row: &SpiderRow) -> usize {
    let optional = [&row.rules, &row.header_names, &row.sealed_headers];
    let optional = optional.into_iter().flatten().map(String::len);
    row.start_urls.len() + row.allowed_hosts.len() + optional.sum::<usize>()
}

pub async fn update(tx: &TenantTx, id: i64, words: SpiderFields<'_>) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id))
        .col_expr(Column::Runner, words.runner.into())
        .col_expr(Column::StartUrls, Expr::value(words.start_urls))
        .col_expr(Column::AllowedHosts, Expr::value(words.allowed_hosts))
        .col_expr(Column::ListItems, words.list_items.into())
        .col_expr(Column::Rules, Expr::value(words.rules))
        .col_expr(Column::Preset, Expr::value(words.preset))
        .col_expr(Column::HeaderNames, Expr::value(words.header_names))
        .col_expr(Column::SealedHeaders, Expr::value(words.sealed_headers))
        .col_expr(Column::UpdatedAt, words.now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn delete(tx: &TenantTx, id: i64) -> Result<()> {
    tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?;
    Ok(())
}
