//! Platform accounts, which belong to no tenant.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::operators::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::SystemTx;
use super::users::{best_match, keys_of};
use crate::base::ids::OperatorId;
use crate::base::normalize;

pub use super::entity::operators::Model as OperatorRow;

/// `Duplicate` when the name is taken.
pub async fn insert(tx: &SystemTx, username: &str, password_hash: &str, now: i64) -> Result<OperatorRow> {
    let row = ActiveModel {
        username: Set(username.to_owned()),
        username_key: Set(normalize::name_key(username)),
        password_hash: Set(password_hash.to_owned()),
        is_active: Set(true),
        created_at: Set(now),
        ..Default::default()
    };
    tx.insert(row).await
}

pub async fn find(tx: &SystemTx, id: OperatorId) -> Result<Option<OperatorRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

pub async fn find_by_username(tx: &SystemTx, username: &str) -> Result<Option<OperatorRow>> {
    let query = tx.select::<Entity>().filter(Column::UsernameKey.is_in(keys_of(username)));
    Ok(best_match(query.all(&tx.tx).await?, username, |row| &row.username_key))
}

/// All of them, in the order of their creation: they are few.
pub async fn list(tx: &SystemTx) -> Result<Vec<OperatorRow>> {
    Ok(tx.select::<Entity>().order_by_asc(Column::Id).all(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &SystemTx, id: OperatorId) -> Result<Option<OperatorRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

pub async fn set_password(tx: &SystemTx, id: OperatorId, password_hash: &str) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::PasswordHash, password_hash.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}
