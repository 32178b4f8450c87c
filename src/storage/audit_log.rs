//! Audit entries: actor, action and target, written in the transaction of the action.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::batched_delete::LockedBatch as _;
use super::entity::audit_log::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::TenantId;

pub use super::entity::audit_log::Model as AuditRow;

/// An entry without its tenant, which the transaction adds.
#[derive(Clone, Debug, Default)]
pub struct NewAuditEntry {
    pub at: i64,
    /// `user`, `key`, `operator`, `system` or `anonymous`.
    pub actor_kind: &'static str,
    pub actor_id: Option<String>,
    pub actor_name: Option<String>,
    /// Dotted: `user.created`, `login.failed`.
    pub action: &'static str,
    pub target_kind: Option<&'static str>,
    pub target_id: Option<String>,
    /// JSON; never a secret.
    pub detail: Option<String>,
    pub address: Option<String>,
    pub request_id: Option<String>,
}

pub async fn insert(tx: &TenantTx, entry: NewAuditEntry) -> Result<()> {
    tx.insert(row(entry)).await?;
    Ok(())
}

/// An entry written by a system transaction: of a tenant, or of the platform itself, which no tenant sees.
pub async fn insert_by_system(tx: &SystemTx, tenant: Option<TenantId>, entry: NewAuditEntry) -> Result<()> {
    tx.insert(ActiveModel { tenant_id: Set(tenant.map(|tenant| tenant.0)), ..row(entry) }).await?;
    Ok(())
}

/// Newest first, before `before`.
pub async fn list(tx: &TenantTx, before: Option<i64>, limit: u64) -> Result<Vec<AuditRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Deletes at most `most` entries from before `before`, of all tenants and of the platform; returns how many.
pub async fn purge(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let old: Vec<i64> = tx
        .select::<Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::At.lt(before))
        .order_by_asc(Column::At)
        .lock_batch(most)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    Ok(tx.delete::<Entity>(Column::Id.is_in(old)).exec(&tx.tx).await?.rows_affected)
}

fn row(entry: NewAuditEntry) -> ActiveModel {
    ActiveModel {
        at: Set(entry.at),
        actor_kind: Set(entry.actor_kind.to_owned()),
        actor_id: Set(entry.actor_id),
        actor_name: Set(entry.actor_name),
        action: Set(entry.action.to_owned()),
        target_kind: Set(entry.target_kind.map(str::to_owned)),
        target_id: Set(entry.target_id),
        detail: Set(entry.detail),
        address: Set(entry.address),
        request_id: Set(entry.request_id),
        ..Default::default()
    }
}
