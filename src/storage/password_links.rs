//! One-time links with which a user sets a password.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QuerySelect};

use super::batched_delete::LockedBatch as _;
use super::entity::password_links::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{TenantId, UserId};

pub use super::entity::password_links::Model as PasswordLinkRow;

pub struct NewPasswordLink<'a> {
    pub user: UserId,
    pub secret_hash: &'a str,
    pub created_by: Option<UserId>,
    pub now: i64,
    pub expires_at: i64,
}

pub async fn insert(tx: &TenantTx, new: &NewPasswordLink<'_>) -> Result<PasswordLinkRow> {
    tx.insert(row(new)).await
}

/// The link of a tenant's first admin, in the transaction that makes the tenant.
pub async fn insert_in(
    tx: &SystemTx,
    tenant: TenantId,
    new: &NewPasswordLink<'_>,
) -> Result<PasswordLinkRow> {
    tx.insert(ActiveModel { tenant_id: Set(tenant.0), ..row(new) }).await
}

fn row(new: &NewPasswordLink<'_>) -> ActiveModel {
    ActiveModel {
        user_id: Set(new.user.0),
        secret_hash: Set(new.secret_hash.to_owned()),
        created_by: Set(new.created_by.map(|user| user.0)),
        created_at: Set(new.now),
        expires_at: Set(new.expires_at),
        used_at: Set(None),
        ..Default::default()
    }
}

/// The link with this hash, of any tenant: the link determines the tenant. It may be spent.
pub async fn find_by_hash(tx: &SystemTx, secret_hash: &str) -> Result<Option<PasswordLinkRow>> {
    Ok(tx.select::<Entity>().filter(Column::SecretHash.eq(secret_hash)).one(&tx.tx).await?)
}

/// Spends every open link of a user: a new password invalidates older links.
pub async fn spend_all(tx: &TenantTx, user: UserId, now: i64) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::UserId.eq(user.0))
        .filter(Column::UsedAt.is_null())
        .col_expr(Column::UsedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

/// Spends one link; `false` when another transaction was first.
pub async fn spend(tx: &TenantTx, link: i64, now: i64) -> Result<bool> {
    let done = tx
        .update::<Entity>()
        .filter(Column::Id.eq(link))
        .filter(Column::UsedAt.is_null())
        .col_expr(Column::UsedAt, now.into())
        .exec(&tx.tx)
        .await?;
    Ok(done.rows_affected > 0)
}

/// Removes links that expired before `before`, spent or not, at most `most`, and returns how many.
pub async fn purge(tx: &SystemTx, before: i64, most: u64) -> Result<u64> {
    let expired = tx
        .select::<Entity>()
        .filter(Column::ExpiresAt.lt(before))
        .lock_batch(most)
        .select_only()
        .column(Column::Id)
        .into_tuple::<i64>()
        .all(&tx.tx)
        .await?;
    Ok(tx.delete::<Entity>(Column::Id.is_in(expired)).exec(&tx.tx).await?.rows_affected)
}
