//! Answers stored under idempotency keys: those of a tenant's callers, and of operators, which have no tenant.

use std::time::Duration;

use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, QueryFilter, QueryOrder,
    QuerySelect,
};

use super::entity::idempotency_keys::{ActiveModel, Column, Entity};
use super::error::{Result, is_lock_timeout};
use super::tx::{SystemTx, TenantTx};

pub use super::entity::idempotency_keys::Model as IdempotencyRow;

/// The transaction of the request that the answer belongs to.
#[derive(Clone, Copy)]
pub enum AnyTx<'a> {
    Tenant(&'a TenantTx),
    /// An operator's: rows without a tenant.
    Platform(&'a SystemTx),
}

pub struct NewAnswer<'a> {
    pub digest: &'a str,
    pub fingerprint: &'a str,
    pub answer: String,
    /// What the answer is about, if it is deleted with its subject.
    pub subject: Option<&'a str>,
    pub now: i64,
    pub expires_at: i64,
}

/// Locks a key until the transaction ends, against transactions of other nodes too. `false`: another transaction held
/// it for all of `wait`, and this one is aborted. On SQLite the one writer suffices as a lock.
pub async fn acquire_lock(any_tx: AnyTx<'_>, lock: i64, wait: Duration) -> Result<bool> {
    let tx = transaction(any_tx);
    if tx.get_database_backend() != DbBackend::Postgres {
        return Ok(true);
    }
    // 0 would disable the timeout.
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

/// The answer stored under a key, also an expired one.
pub async fn find(any_tx: AnyTx<'_>, digest: &str) -> Result<Option<IdempotencyRow>> {
    let query = match any_tx {
        AnyTx::Tenant(tx) => tx.select::<Entity>(),
        AnyTx::Platform(tx) => tx.select::<Entity>().filter(Column::TenantId.is_null()),
    };
    Ok(query.filter(Column::Digest.eq(digest)).one(transaction(any_tx)).await?)
}

pub async fn insert(any_tx: AnyTx<'_>, new: NewAnswer<'_>) -> Result<()> {
    let row = ActiveModel {
        digest: Set(new.digest.to_owned()),
        fingerprint: Set(new.fingerprint.to_owned()),
        answer: Set(new.answer),
        subject: Set(new.subject.map(str::to_owned)),
        created_at: Set(new.now),
        expires_at: Set(new.expires_at),
        ..Default::default()
    };
    match any_tx {
        AnyTx::Tenant(tx) => tx.insert(row).await?,
        AnyTx::Platform(tx) => tx.insert(row).await?,
    };
    Ok(())
}

/// Deletes an answer, to make room for another under the same key.
pub async fn delete(any_tx: AnyTx<'_>, id: i64) -> Result<()> {
    match any_tx {
        AnyTx::Tenant(tx) => tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?,
        AnyTx::Platform(tx) => tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?,
    };
    Ok(())
}

/// The stored answers about a subject of the tenant.
pub async fn about(tx: &TenantTx, subject: &str) -> Result<Vec<IdempotencyRow>> {
    Ok(tx.select::<Entity>().filter(Column::Subject.eq(subject)).all(&tx.tx).await?)
}

/// Replaces a stored answer.
pub async fn rewrite(tx: &TenantTx, id: i64, answer: String) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    query.col_expr(Column::Answer, answer.into()).exec(&tx.tx).await?;
    Ok(())
}

/// Empties every stored answer about a subject of the tenant; the keys stay used.
pub async fn empty(tx: &TenantTx, subject: &str) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Subject.eq(subject));
    query.col_expr(Column::Answer, "".into()).exec(&tx.tx).await?;
    Ok(())
}

/// Deletes at most `limit` answers that had expired at `now`, of all tenants; returns how many.
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

fn transaction(any_tx: AnyTx<'_>) -> &DatabaseTransaction {
    match any_tx {
        AnyTx::Tenant(tx) => &tx.tx,
        AnyTx::Platform(tx) => &tx.tx,
    }
}
