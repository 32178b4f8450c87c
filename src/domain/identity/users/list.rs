//! Lists and finds users.

use crate::auth::permission::Permission;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::{Op, not_a_user};
use crate::protocol::problem::Problem;
use crate::storage::users::{self, UserRow};

/// The tenant's users in the order of their creation.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<UserRow, i64>> {
    op.require(Permission::ManageUsers)?;
    let tx = op.read().await?;
    let rows = users::list(&tx, false, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id))
}

/// The active users, for every caller that may write to them.
pub async fn directory(op: &Op, page: PageRequest<i64>) -> Result<Page<UserRow, i64>> {
    op.require(Permission::ReadDirectory)?;
    let tx = op.read().await?;
    let rows = users::list(&tx, true, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id))
}

pub async fn get(op: &Op, id: UserId) -> Result<UserRow> {
    op.require(Permission::ManageUsers)?;
    find(op, id).await
}

/// The caller's own user.
pub async fn me(op: &Op) -> Result<UserRow> {
    op.require(Permission::ReadOwnUser)?;
    let user = op.principal().and_then(|principal| principal.user_id()).ok_or_else(not_a_user)?;
    find(op, user).await
}

async fn find(op: &Op, id: UserId) -> Result<UserRow> {
    let tx = op.read().await?;
    users::find(&tx, id).await?.ok_or_else(Problem::not_found)
}
