//! Tenants.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::tenants::{ActiveModel, Column, Entity};
use super::error::Result;
use super::platform_marks::{self, PlatformMark};
use super::tx::{SystemTx, TenantTx};
use super::{events, rooms};
use crate::base::ids::TenantId;

pub use super::entity::tenants::Model as TenantRow;

pub struct NewTenant<'a> {
    pub slug: &'a str,
    pub name: &'a str,
    /// Microseconds since the epoch.
    pub now: i64,
    /// The epoch of the tenant's event log: random, so that a position of another log is recognised.
    pub log_epoch: i64,
}

/// Adds a tenant with its empty log and its lobby. `Duplicate` when the slug is taken.
pub async fn insert(tx: &SystemTx, new: NewTenant<'_>) -> Result<TenantRow> {
    let row = ActiveModel {
        slug: Set(new.slug.to_owned()),
        name: Set(new.name.to_owned()),
        is_active: Set(true),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    let tenant = tx.insert(row).await?;
    events::open_log(tx, TenantId(tenant.id), new.log_epoch).await?;
    rooms::open_lobby(tx, TenantId(tenant.id), new.now).await?;
    platform_marks::set(tx, PlatformMark::FirstTenant, new.now).await?;
    Ok(tenant)
}

/// The tenant of the transaction.
pub async fn own(tx: &TenantTx) -> Result<Option<TenantRow>> {
    Ok(tx.select::<Entity>().one(&tx.tx).await?)
}

pub async fn find(tx: &SystemTx, id: TenantId) -> Result<Option<TenantRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

pub async fn find_by_slug(tx: &SystemTx, slug: &str) -> Result<Option<TenantRow>> {
    Ok(tx.select::<Entity>().filter(Column::Slug.eq(slug)).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &SystemTx, id: TenantId) -> Result<Option<TenantRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

/// The only tenant there is; `None` when there are none or several.
pub async fn find_single(tx: &SystemTx) -> Result<Option<TenantRow>> {
    let mut rows = tx.select::<Entity>().limit(2).all(&tx.tx).await?;
    let row = rows.pop();
    Ok(if rows.is_empty() { row } else { None })
}

/// Tenants in the order of their ids, after `after`.
pub async fn list(tx: &SystemTx, after: Option<i64>, limit: u64) -> Result<Vec<TenantRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.gt(after.unwrap_or(0)));
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// A change of a tenant; `None` leaves a field alone.
#[derive(Default)]
pub struct TenantChange<'a> {
    pub name: Option<&'a str>,
    pub is_active: Option<bool>,
    /// All of the operators' overrides of quotas, as JSON; `Some(None)`: none.
    pub quotas: Option<Option<String>>,
}

/// Changes a tenant; `false` when there is no such one.
pub async fn update(tx: &SystemTx, id: TenantId, change: TenantChange<'_>, now: i64) -> Result<bool> {
    let TenantChange { name, is_active, quotas } = change;
    let mut query = tx.update::<Entity>().filter(Column::Id.eq(id.0)).col_expr(Column::UpdatedAt, now.into());
    if let Some(name) = name {
        query = query.col_expr(Column::Name, name.into());
    }
    if let Some(is_active) = is_active {
        query = query.col_expr(Column::IsActive, is_active.into());
    }
    if let Some(quotas) = quotas {
        query = query.col_expr(Column::Quotas, Expr::value(quotas));
    }
    Ok(query.exec(&tx.tx).await?.rows_affected > 0)
}

/// Tenants with overrides of quotas by operators.
pub async fn with_quotas(tx: &SystemTx) -> Result<Vec<TenantRow>> {
    Ok(tx.select::<Entity>().filter(Column::Quotas.is_not_null()).all(&tx.tx).await?)
}

/// Writes a tenant's row as it is: a probe of whether the disk accepts writes.
pub async fn probe_write(tx: &SystemTx) -> Result<()> {
    let Some(row) = tx.select::<Entity>().limit(1).one(&tx.tx).await? else { return Ok(()) };
    let query = tx.update::<Entity>().filter(Column::Id.eq(row.id));
    query.col_expr(Column::UpdatedAt, Expr::col(Column::UpdatedAt)).exec(&tx.tx).await?;
    Ok(())
}

/// The slugs of these tenants.
pub async fn slugs(tx: &SystemTx, ids: &[TenantId]) -> Result<Vec<(TenantId, String)>> {
    let query = tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().map(|id| id.0)));
    Ok(query.all(&tx.tx).await?.into_iter().map(|row| (TenantId(row.id), row.slug)).collect())
}

/// Whether the table may be read at all: a cheap probe for readiness.
pub async fn probe(tx: &SystemTx) -> Result<()> {
    tx.select::<Entity>().limit(1).one(&tx.tx).await?;
    Ok(())
}
