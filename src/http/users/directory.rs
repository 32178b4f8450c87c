//! `GET /users/directory`.

use poem::Request;
use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::domain::identity::users;
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::storage::users::UserRow;

/// A user as other users of the tenant see them.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct DirectoryEntry {
    id: i64,
    username: String,
    display_name: Option<String>,
    avatar_url: Option<String>,
}

pub(super) async fn directory(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<DirectoryEntry>, Problem> {
    let page = users::directory(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(entry)))
}

fn entry(row: UserRow) -> DirectoryEntry {
    DirectoryEntry {
        id: row.id,
        username: row.username,
        display_name: row.display_name,
        avatar_url: row.avatar_url,
    }
}

impl Example for DirectoryEntry {
    fn example() -> Self {
        Self {
            id: examples::USER,
            username: examples::USERNAME.to_owned(),
            display_name: Some("Ann".to_owned()),
            avatar_url: None,
        }
    }
}
