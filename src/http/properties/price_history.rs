//! `GET /properties/{property_id}/price-history`.

use poem::Request;

use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::properties;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;
use crate::protocol::property::PriceHistoryEntry;

pub(super) async fn price_history(
    request: &Request,
    op: &Op,
    id: PropertyId,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<PriceHistoryEntry>, Problem> {
    let page = properties::price_history::price_history(op, id, page_request(limit, cursor)?).await?;
    Ok(listed(request, page))
}
