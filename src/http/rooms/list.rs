//! `GET /rooms`.

use poem::Request;

use crate::domain::op::Op;
use crate::domain::rooms;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;
use crate::protocol::room::Room;

pub(super) async fn list(
    request: &Request,
    op: &Op,
    archived: bool,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Room>, Problem> {
    let page = rooms::list(op, archived, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
