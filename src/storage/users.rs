//! Users of a tenant.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::users::{ActiveModel, Column, Entity};
use super::{Result, TenantTx};
use crate::base::ids::UserId;

pub use super::entity::users::Model as UserRow;

pub struct NewUser<'a> {
    pub username: &'a str,
    pub email: &'a str,
    pub display_name: Option<&'a str>,
    pub role: &'a str,
    /// A PHC string; `None`: the user sets a password through a one-time link.
    pub password_hash: Option<&'a str>,
    pub now: i64,
}

/// What a change of a user may touch; `None` leaves a field alone.
#[derive(Default)]
pub struct UserChange<'a> {
    pub email: Option<&'a str>,
    pub display_name: Option<Option<&'a str>>,
    pub avatar_url: Option<Option<&'a str>>,
    pub role: Option<&'a str>,
    pub is_active: Option<bool>,
    pub password_hash: Option<&'a str>,
}

/// The form that names are compared in.
pub fn fold(name: &str) -> String {
    name.to_lowercase()
}

/// `Duplicate` when the name or the e-mail address is taken in the tenant.
pub async fn insert(tx: &TenantTx, new: NewUser<'_>) -> Result<UserRow> {
    let row = ActiveModel {
        username: Set(new.username.to_owned()),
        username_key: Set(fold(new.username)),
        email: Set(new.email.to_owned()),
        email_key: Set(fold(new.email)),
        display_name: Set(new.display_name.map(str::to_owned)),
        role: Set(new.role.to_owned()),
        password_hash: Set(new.password_hash.map(str::to_owned)),
        is_active: Set(true),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    };
    tx.insert(row).await
}

pub async fn find(tx: &TenantTx, id: UserId) -> Result<Option<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: UserId) -> Result<Option<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

pub async fn find_by_username(tx: &TenantTx, username: &str) -> Result<Option<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::UsernameKey.eq(fold(username))).one(&tx.tx).await?)
}

pub async fn list(tx: &TenantTx, only_active: bool, after: Option<i64>, limit: u64) -> Result<Vec<UserRow>> {
    let mut query = tx.select::<Entity>().filter(Column::Id.gt(after.unwrap_or(0)));
    if only_active {
        query = query.filter(Column::IsActive.eq(true));
    }
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Users whose ids are in `ids`, in no order.
pub async fn find_all(tx: &TenantTx, ids: &[i64]) -> Result<Vec<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().copied())).all(&tx.tx).await?)
}

/// Active admins. Locks them, so that two transactions cannot each remove "the other" last admin.
pub async fn lock_admins(tx: &TenantTx) -> Result<Vec<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::Role.eq("admin")).filter(Column::IsActive.eq(true));
    Ok(query.order_by_asc(Column::Id).lock_exclusive().all(&tx.tx).await?)
}

pub async fn update(tx: &TenantTx, id: UserId, change: &UserChange<'_>, now: i64) -> Result<()> {
    let mut query = tx.update::<Entity>().filter(Column::Id.eq(id.0)).col_expr(Column::UpdatedAt, now.into());
    if let Some(email) = change.email {
        query = query.col_expr(Column::Email, email.into()).col_expr(Column::EmailKey, fold(email).into());
    }
    if let Some(name) = change.display_name {
        query = query.col_expr(Column::DisplayName, Expr::value(name.map(str::to_owned)));
    }
    if let Some(url) = change.avatar_url {
        query = query.col_expr(Column::AvatarUrl, Expr::value(url.map(str::to_owned)));
    }
    if let Some(role) = change.role {
        query = query.col_expr(Column::Role, role.into());
    }
    if let Some(is_active) = change.is_active {
        query = query.col_expr(Column::IsActive, is_active.into());
    }
    if let Some(hash) = change.password_hash {
        query = query.col_expr(Column::PasswordHash, hash.into());
    }
    query.exec(&tx.tx).await?;
    Ok(())
}

/// Removes the row. `Reference` while jobs that the user made exist.
pub async fn delete(tx: &TenantTx, id: UserId) -> Result<()> {
    tx.delete::<Entity>(Column::Id.eq(id.0)).exec(&tx.tx).await?;
    Ok(())
}

pub async fn count(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().count(&tx.tx).await?)
}
