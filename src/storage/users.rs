//! Users of a tenant.

use sea_orm::sea_query::{Condition, Expr};
use sea_orm::{
    ActiveValue::Set, ColumnTrait, DbErr, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, SqlErr,
    TransactionTrait,
};

use super::entity::users::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::{SystemTx, TenantTx};
use crate::base::ids::{TenantId, UserId};
use crate::base::lookalike::Skeletons;
use crate::base::normalize;

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

/// A change of a user; `None` leaves a field alone.
#[derive(Default)]
pub struct UserChange<'a> {
    pub username: Option<&'a str>,
    pub email: Option<&'a str>,
    pub display_name: Option<Option<&'a str>>,
    pub avatar_url: Option<Option<&'a str>>,
    pub role: Option<&'a str>,
    pub is_active: Option<bool>,
    pub password_hash: Option<&'a str>,
    /// The fields with a new key that is still an older user's, to be reported to the tenant's admins.
    pub key_clash: Option<Option<&'a str>>,
}

/// The keys under which a name may be found: its own, and its key from before names were folded.
pub(super) fn keys_of(username: &str) -> [String; 2] {
    [normalize::name_key(username), normalize::former_name_key(username)]
}

/// Of the users found by either key, the one that still has the former key of exactly this spelling; else the other.
pub(super) fn best_match<T>(rows: Vec<T>, username: &str, key: impl Fn(&T) -> &str) -> Option<T> {
    let former = normalize::former_name_key(username);
    let at = rows.iter().position(|row| key(row) == former);
    let mut rows = rows;
    match at {
        Some(at) => Some(rows.swap_remove(at)),
        None => rows.pop(),
    }
}

/// `Duplicate` when the name or the e-mail address is taken in the tenant.
pub async fn insert(tx: &TenantTx, new: &NewUser<'_>) -> Result<UserRow> {
    tx.insert(row(new)).await
}

/// The first user of a tenant, in the transaction that makes the tenant.
pub async fn insert_in(tx: &SystemTx, tenant: TenantId, new: &NewUser<'_>) -> Result<UserRow> {
    tx.insert(ActiveModel { tenant_id: Set(tenant.0), ..row(new) }).await
}

fn row(new: &NewUser<'_>) -> ActiveModel {
    let skeletons = Skeletons::of(new.username);
    ActiveModel {
        username: Set(new.username.to_owned()),
        username_key: Set(normalize::name_key(new.username)),
        username_skeleton: Set(skeletons.shown),
        key_skeleton: Set(skeletons.key),
        email: Set(new.email.to_owned()),
        email_key: Set(normalize::case_fold(new.email)),
        display_name: Set(new.display_name.map(str::to_owned)),
        role: Set(new.role.to_owned()),
        password_hash: Set(new.password_hash.map(str::to_owned)),
        is_active: Set(true),
        created_at: Set(new.now),
        updated_at: Set(new.now),
        ..Default::default()
    }
}

/// A removed user is not found, though an anonymized row may remain: see [`find_all`].
pub async fn find(tx: &TenantTx, id: UserId) -> Result<Option<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.eq(id.0)).filter(is_not_deleted()).one(&tx.tx).await?)
}

/// Like [`find`], and holds the row until the transaction ends.
pub async fn lock(tx: &TenantTx, id: UserId) -> Result<Option<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::Id.eq(id.0)).filter(is_not_deleted());
    Ok(query.lock_exclusive().one(&tx.tx).await?)
}

/// The users that a name may mean: under its key, and under its key from before names were folded.
pub async fn find_namesakes(tx: &TenantTx, username: &str) -> Result<Vec<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::UsernameKey.is_in(keys_of(username)));
    Ok(query.all(&tx.tx).await?)
}

pub async fn find_by_username(tx: &TenantTx, username: &str) -> Result<Option<UserRow>> {
    Ok(best_match(find_namesakes(tx, username).await?, username, |row| &row.username_key))
}

/// A user of this address, under its key or its key from before addresses were folded.
pub async fn find_by_email(tx: &TenantTx, email: &str) -> Result<Option<UserRow>> {
    let keys = [normalize::case_fold(email), normalize::former_email_key(email)];
    Ok(tx.select::<Entity>().filter(Column::EmailKey.is_in(keys)).one(&tx.tx).await?)
}

/// Users with names that may look the same; at most 100, as more make no difference.
pub async fn find_alike(tx: &TenantTx, skeletons: &Skeletons) -> Result<Vec<UserRow>> {
    let alike = Condition::any()
        .add(Column::UsernameSkeleton.eq(skeletons.shown.as_str()))
        .add(Column::KeySkeleton.eq(skeletons.key.as_str()));
    Ok(tx.select::<Entity>().filter(alike).filter(is_not_deleted()).limit(100).all(&tx.tx).await?)
}

/// The user of a sign-in, before there is a scope: the tenant is the one that the caller named.
pub async fn find_in(tx: &SystemTx, tenant: TenantId, username: &str) -> Result<Option<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::TenantId.eq(tenant.0)).filter(is_not_deleted());
    let rows = query.filter(Column::UsernameKey.is_in(keys_of(username))).all(&tx.tx).await?;
    Ok(best_match(rows, username, |row| &row.username_key))
}

/// Like [`find`], for a sign-in.
pub async fn lookup(tx: &SystemTx, tenant: TenantId, id: UserId) -> Result<Option<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::TenantId.eq(tenant.0)).filter(is_not_deleted());
    Ok(query.filter(Column::Id.eq(id.0)).one(&tx.tx).await?)
}

/// Like [`lock`], for a sign-in.
pub async fn lock_in(tx: &SystemTx, tenant: TenantId, id: UserId) -> Result<Option<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::TenantId.eq(tenant.0)).filter(is_not_deleted());
    Ok(query.filter(Column::Id.eq(id.0)).lock_exclusive().one(&tx.tx).await?)
}

/// Stores the same password hashed anew.
pub async fn rehash(tx: &SystemTx, id: UserId, password_hash: &str) -> Result<()> {
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::PasswordHash, password_hash.into())
        .exec(&tx.tx)
        .await?;
    Ok(())
}

fn is_not_deleted() -> sea_orm::sea_query::SimpleExpr {
    Column::DeletedAt.is_null()
}

pub async fn list(tx: &TenantTx, only_active: bool, after: Option<i64>, limit: u64) -> Result<Vec<UserRow>> {
    let mut query = tx.select::<Entity>().filter(Column::Id.gt(after.unwrap_or(0))).filter(is_not_deleted());
    if only_active {
        query = query.filter(Column::IsActive.eq(true));
    }
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Users with an id in `ids`, in no order; removed users are included, without their names.
pub async fn find_all(tx: &TenantTx, ids: &[i64]) -> Result<Vec<UserRow>> {
    Ok(tx.select::<Entity>().filter(Column::Id.is_in(ids.iter().copied())).all(&tx.tx).await?)
}

/// The active admin that was created first.
pub async fn first_admin(tx: &TenantTx) -> Result<Option<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::Role.eq("admin")).filter(Column::IsActive.eq(true));
    Ok(query.order_by_asc(Column::Id).limit(1).one(&tx.tx).await?)
}

/// Active admins. Locks them, so that two transactions cannot each remove "the other" last admin.
pub async fn lock_admins(tx: &TenantTx) -> Result<Vec<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::Role.eq("admin")).filter(Column::IsActive.eq(true));
    Ok(query.order_by_asc(Column::Id).lock_exclusive().all(&tx.tx).await?)
}

/// `Duplicate` when the name or the e-mail address is taken in the tenant.
pub async fn update(tx: &TenantTx, id: UserId, change: &UserChange<'_>, now: i64) -> Result<()> {
    let mut query = tx.update::<Entity>().filter(Column::Id.eq(id.0)).col_expr(Column::UpdatedAt, now.into());
    if let Some(username) = change.username {
        let skeletons = Skeletons::of(username);
        query = query
            .col_expr(Column::Username, username.into())
            .col_expr(Column::UsernameKey, normalize::name_key(username).into())
            .col_expr(Column::UsernameSkeleton, skeletons.shown.into())
            .col_expr(Column::KeySkeleton, skeletons.key.into());
    }
    if let Some(email) = change.email {
        query = query
            .col_expr(Column::Email, email.into())
            .col_expr(Column::EmailKey, normalize::case_fold(email).into());
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
    if let Some(fields) = change.key_clash {
        query = query.col_expr(Column::KeyClash, Expr::value(fields.map(str::to_owned)));
    }
    query.exec(&tx.tx).await?;
    Ok(())
}

/// What remains of a removed user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalOutcome {
    Deleted,
    /// Rows that the user made refer to the row, so it stays, without anything that identifies the user.
    Anonymized,
}

/// Removes a user with their sessions, links and keys.
pub async fn remove(tx: &TenantTx, id: UserId, now: i64) -> Result<RemovalOutcome> {
    // A savepoint: on PostgreSQL a violated reference would abort the whole transaction. Relying on the row's own
    // foreign keys, rather than on tables by name, also covers tables that are added later.
    let attempt = tx.tx.begin().await?;
    match tx.delete::<Entity>(Column::Id.eq(id.0)).exec(&attempt).await {
        Ok(_) => {
            attempt.commit().await?;
            Ok(RemovalOutcome::Deleted)
        }
        Err(error) if is_reference(&error) => {
            attempt.rollback().await?;
            anonymize(tx, id, now).await?;
            Ok(RemovalOutcome::Anonymized)
        }
        Err(error) => Err(error.into()),
    }
}

fn is_reference(error: &DbErr) -> bool {
    matches!(error.sql_err(), Some(SqlErr::ForeignKeyConstraintViolation(_)))
}

async fn anonymize(tx: &TenantTx, id: UserId, now: i64) -> Result<()> {
    let name = format!("deleted-{id}");
    let nothing = || Expr::value(Option::<String>::None);
    tx.update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .col_expr(Column::Username, name.clone().into())
        .col_expr(Column::UsernameKey, name.clone().into())
        .col_expr(Column::UsernameSkeleton, name.clone().into())
        .col_expr(Column::KeySkeleton, name.clone().into())
        .col_expr(Column::Email, name.clone().into())
        .col_expr(Column::EmailKey, name.into())
        .col_expr(Column::DisplayName, nothing())
        .col_expr(Column::AvatarUrl, nothing())
        .col_expr(Column::PasswordHash, nothing())
        .col_expr(Column::IsActive, false.into())
        .col_expr(Column::UpdatedAt, now.into())
        .col_expr(Column::DeletedAt, Expr::value(now))
        .exec(&tx.tx)
        .await?;
    Ok(())
}

pub async fn count(tx: &TenantTx) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(is_not_deleted()).count(&tx.tx).await?)
}

/// Users of any tenant with a key that is another's since keys were recomputed, and that admins were not notified of.
pub async fn find_unreported_clashes(tx: &SystemTx, most: u64) -> Result<Vec<UserRow>> {
    let query = tx.select::<Entity>().filter(Column::KeyClash.is_not_null()).filter(is_not_deleted());
    Ok(query.order_by_asc(Column::Id).limit(most).all(&tx.tx).await?)
}

/// Records that the admins were notified; `false` when another node was faster.
pub async fn record_clash_reported(tx: &TenantTx, id: UserId) -> Result<bool> {
    let updated = tx
        .update::<Entity>()
        .filter(Column::Id.eq(id.0))
        .filter(Column::KeyClash.is_not_null())
        .col_expr(Column::KeyClash, Expr::value(Option::<String>::None))
        .exec(&tx.tx)
        .await?;
    Ok(updated.rows_affected > 0)
}
