//! Files, newest first: the caller's own; for admins all files.

use super::view;
use crate::auth::permission::Permission;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::upload::Upload;
use crate::storage::uploads;

/// The caller's files; an admin may ask for those of one user, or of all.
pub async fn list(op: &Op, of: Option<UserId>, page: PageRequest<i64>) -> Result<Page<Upload, i64>> {
    op.require(Permission::Upload)?;
    let me = require_user(op)?;
    let owner = if op.may(Permission::ManageUploads) { of } else { Some(me) };
    let tx = op.read().await?;
    // Other users' files are an empty list for callers that may not see them.
    let rows = match of {
        Some(of) if owner != Some(of) => Vec::new(),
        _ => uploads::list(&tx, owner, page.after, page.limit + 1).await?,
    };
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let shown: Result<Vec<Upload>> = page.rows.iter().map(view::upload).collect();
    Ok(Page { rows: shown?, next: page.next })
}
