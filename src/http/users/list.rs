//! `GET /users`.

use poem::Request;

use super::view::{UserView, view};
use crate::base::page::Page;
use crate::domain::identity::users;
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;

pub(super) async fn list(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<UserView>, Problem> {
    let Page { rows, next } = users::list(op, page_request(limit, cursor)?).await?;
    let rows = rows.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(listed(request, Page { rows, next }))
}
