//! `GET /spiders`.

use poem::Request;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;
use crate::protocol::spider::Spider;

pub(super) async fn list(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Spider>, Problem> {
    let page = spiders::list(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
