//! Answers kept under the keys of callers, of a tenant's or of operators, who have no tenant.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::idempotency_keys::{ActiveModel, Column, Entity};
use super::error::is_lock_timeout;
use super::{Result, SystemTx, TenantTx};

pub use super::entity::idempotency_keys::Model as IdempotencyRow;

/// The transaction of the work whose answer is kept.
#[derive(Clone, Copy)]
pub enum Door<'a> {
    Tenant(&'a TenantTx),
    /// An operator's: rows without a tenant.
    Platform(&'a SystemTx),
}

pub struct NewAnswer<'a> {
    pub digest: &'a str,
    pub fingerprint: &'a str,
    pub answer: String,
    /// What the answer is about, where it goes with its subject.
    pub subject: Option<&'a str>,
    pub now: i64,
    pub expires_at: i64,
}

/// Holds a key until the transaction ends, against transactions of other nodes too. `false`: somebody else held it for
/// all of `wait`, and this transaction is spoilt. On SQLite the one writer is hold enough.
pub async fn hold(door: Door<'_>, lock: i64, wait: Duration) -> Result<bool> {
    let tx = transaction(door);
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    // Nought would mean to wait for ever.
    let ms = wait.as_millis().max(1);
    let sql = format!(
        "SET LOCAL lock_timeout = {ms}; SELECT pg_advisory_xact_lock({lock}); SET LOCAL lock_timeout TO DEFAULT"
    );
    match tx.execute_unprepared(&sql).await {
        Ok(_) => Ok(true),
        Err(error) if is_lock_timeout(&error) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The answer that is kept under a key, also one whose time is over.
pub async fn find(door: Door<'_>, digest: &str) -> Result<Option<IdempotencyRow>> {
    let query = match door {
        Door::Tenant(tx) => tx.select::<Entity>(),
        Door::Platform(tx) => tx.select::<Entity>().filter(Column::TenantId.is_null()),
    };
    Ok(query.filter(Column::Digest.eq(digest)).one(transaction(door)).await?)
}

pub async fn insert(door: Door<'_>, new: NewAnswer<'_>) -> Result<()> {
    let row = ActiveModel {
        digest: Set(new.digest.to_owned()),
        fingerprint: Set(new.fingerprint.to_owned()),
        answer: Set(new.answer),
        subject: Set(new.subject.map(str::to_owned)),
        created_at: Set(new.now),
        expires_at: Set(new.expires_at),
        ..Default::default()
    };
    match door {
        Door::Tenant(tx) => tx.insert(row).await?,
        Door::Platform(tx) => tx.insert(row).await?,
    };
    Ok(())
}

/// Makes room for another answer under the same key.
pub async fn delete(door: Door<'_>, id: i64) -> Result<()> {
    match door {
        Door::Tenant(tx) => tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?,
        Door::Platform(tx) => tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?,
    };
    Ok(())
}

/// The answers that are kept about a subject of the tenant.
pub async fn about(tx: &TenantTx, subject: &str) -> Result<Vec<IdempotencyRow>> {
    Ok(tx.select::<Entity>().filter(Column::Subject.eq(subject)).all(&tx.tx).await?)
}

/// Puts another answer in a kept one's place.
pub async fn rewrite(tx: &TenantTx, id: i64, answer: String) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    query.col_expr(Column::Answer, answer.into()).exec(&tx.tx).await?;
    Ok(())
}

/// Empties every answer that is kept about a subject of the tenant; the keys stay used.
pub async fn empty(tx: &TenantTx, subject: &str) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Subject.eq(subject));
    query.col_expr(Column::Answer, "".into()).exec(&tx.tx).await?;
    Ok(())
}

/// Takes away at most `limit` answers whose time was over at `now`, of all tenants; returns how many went.
pub async fn sweep(tx: &SystemTx, now: i64, limit: u64) -> Result<u64> {
    let old: Vec<i64> = tx
        .select::<Entity>()
        .select_only()
        .column(Column::Id)
        .filter(Column::ExpiresAt.lte(now))
        .order_by_asc(Column::ExpiresAt)
        .limit(limit)
        .into_tuple()
        .all(&tx.tx)
        .await?;
    if old.is_empty() {
        return Ok(0);
    }
    Ok(tx.delete::<Entity>(Column::Id.is_in(old)).exec(&tx.tx).await?.rows_affected)
}

fn transaction(door: Door<'_>) -> &DatabaseTransaction {
    match door {
        Door::Tenant(tx) => &tx.tx,
        Door::Platform(tx) => &tx.tx,
    }
}
