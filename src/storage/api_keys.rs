//! API keys of workers and services.

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::api_keys::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{KeyId, UserId};

pub use super::entity::api_keys::Model as ApiKeyRow;

pub struct NewApiKey<'a> {
    pub id: KeyId,
    pub name: &'a str,
    pub secret_hash: &'a str,
    /// Scopes separated by spaces.
    pub scopes: &'a str,
    pub made_by: UserId,
    pub now: i64,
    pub expires_at: Option<i64>,
    /// What `null` means in the listings that it reports, as `NullSemantics` names it.
    pub null_semantics: &'a str,
}

pub async fn insert(tx: &TenantTx, new: NewApiKey<'_>) -> Result<ApiKeyRow> {
    let row = ActiveModel {
        id: Set(new.id.0),
        name: Set(new.name.to_owned()),
        secret_hash: Set(new.secret_hash.to_owned()),
        scopes: Set(new.scopes.to_owned()),
        made_by: Set(new.made_by.0),
        created_at: Set(new.now),
        expires_at: Set(new.expires_at),
        revoked_at: Set(None),
        last_used_at: Set(None),
        null_semantics: Set(new.null_semantics.to_owned()),
        ..Default::default()
    };
    tx.insert(row).await
}

/// Records when the key was last used.
pub async fn touch(tx: &SystemTx, id: KeyId, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::LastUsedAt, Expr::value(now))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Active keys, newest first (ids sort by time).
pub async fn list(tx: &TenantTx, before: Option<KeyId>, limit: u64) -> Result<Vec<ApiKeyRow>> {
    let mut query = tx.select::<Entity>().filter(Column::RevokedAt.is_null());
    if let Some(before) = before {
        query = query.filter(Column::Id.lt(before.0));
    }
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// An active key, locked until the transaction ends.
pub async fn lock(tx: &TenantTx, id: KeyId) -> Result<Option<ApiKeyRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0)).filter(Column::RevokedAt.is_null());
    Ok(query.lock_exclusive().one(&tx.tx).await?)
}

/// What `null` means in the listings that a key reports; `None` for an unknown key.
pub async fn null_semantics(tx: &TenantTx, id: KeyId) -> Result<Option<String>> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0));
    Ok(query.select_only().column(Column::NullSemantics).into_tuple().one(&tx.tx).await?)
}

pub async fn set_null_semantics(tx: &TenantTx, id: KeyId, null_semantics: &str) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::NullSemantics, null_semantics.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Revokes every key that a user made.
pub async fn revoke_of_user(tx: &TenantTx, user: UserId, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::MadeBy.eq(user.0))
        .filter(Column::RevokedAt.is_null())
        .col_expr(Column::RevokedAt, Expr::value(now))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// The different sets of scopes that a user's active keys have.
pub async fn scopes_of_user(tx: &TenantTx, user: UserId) -> Result<Vec<String>> {
    let query = tx.select::<Entity>().filter(active_of_user(user, None));
    Ok(query.select_only().column(Column::Scopes).distinct().into_tuple().all(&tx.tx).await?)
}

/// Replaces the scopes of all of a user's active keys with these scopes; returns how many keys that were.
pub async fn narrow(tx: &TenantTx, user: UserId, scopes: &str, left: &str) -> Result<u64> {
    let query = tx.update::<Entity>().filter(active_of_user(user, Some(scopes)));
    Ok(query.col_expr(Column::Scopes, left.into()).exec(&tx.tx).await?.rows_affected)
}

/// Revokes all of a user's active keys with these scopes; returns how many that were.
pub async fn revoke_with_scopes(tx: &TenantTx, user: UserId, scopes: &str, now: i64) -> Result<u64> {
    let query = tx.update::<Entity>().filter(active_of_user(user, Some(scopes)));
    Ok(query.col_expr(Column::RevokedAt, Expr::value(now)).exec(&tx.tx).await?.rows_affected)
}

fn active_of_user(user: UserId, scopes: Option<&str>) -> Condition {
    Condition::all()
        .add(Column::MadeBy.eq(user.0))
        .add(Column::RevokedAt.is_null())
        .add_option(scopes.map(|scopes| Column::Scopes.eq(scopes)))
}

/// Revokes a key; `false` when there is no such active key in the tenant.
pub async fn revoke(tx: &TenantTx, id: KeyId, now: i64) -> Result<bool> {
    let done = tx
        .update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .filter(Column::RevokedAt.is_null())
        .col_expr(Column::RevokedAt, Expr::value(now))
        .exec(&tx.tx)
        .await?;
    Ok(done.rows_affected > 0)
}
