//! `GET /uploads`.

use poem::Request;

use crate::base::ids::UserId;
use crate::domain::op::Op;
use crate::domain::uploads;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;

pub(super) async fn list(
    request: &Request,
    op: &Op,
    user_id: Option<i64>,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Upload>, Problem> {
    let page = uploads::list(op, user_id.map(UserId), page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
