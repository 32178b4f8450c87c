//! Lists and finds users.

use crate::auth::permission::Permission;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::identity::view;
use crate::domain::op::{Op, not_a_user};
use crate::protocol::problem::Problem;
use crate::protocol::user::{DirectoryEntry, UserView};
use crate::storage::users;

/// The tenant's users in the order of their creation.
pub async fn list(op: &Op, page: PageRequest<i64>) -> Result<Page<UserView, i64>> {
    op.require(Permission::ManageUsers)?;
    let tx = op.read().await?;
    let rows = users::list(&tx, false, page.after, page.limit + 1).await?;
    Page::from_rows(rows, page.limit, |row| row.id).try_map(view::user)
}

/// The active users, for every caller that may write to them.
pub async fn directory(op: &Op, page: PageRequest<i64>) -> Result<Page<DirectoryEntry, i64>> {
    op.require(Permission::ReadDirectory)?;
    let tx = op.read().await?;
    let rows = users::list(&tx, true, page.after, page.limit + 1).await?;
    Ok(Page::from_rows(rows, page.limit, |row| row.id).map(view::directory_entry))
}

pub async fn get(op: &Op, id: UserId) -> Result<UserView> {
    op.require(Permission::ManageUsers)?;
    find(op, id).await
}

/// The caller's own user.
pub async fn me(op: &Op) -> Result<UserView> {
    op.require(Permission::ReadOwnUser)?;
    let user = op.principal().and_then(|principal| principal.user_id()).ok_or_else(not_a_user)?;
    find(op, user).await
}

async fn find(op: &Op, id: UserId) -> Result<UserView> {
    let tx = op.read().await?;
    view::user(users::find(&tx, id).await?.ok_or_else(Problem::not_found)?)
}
