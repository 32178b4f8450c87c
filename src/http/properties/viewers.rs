//! `GET /properties/{property_id}/viewers` and `GET /viewing`.

use poem::Request;
use poem_openapi::payload::Json;

use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::viewing;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::message::ViewersPayload;
use crate::protocol::problem::Problem;
use crate::protocol::property::ViewedProperty;

pub(super) async fn at(op: &Op, id: PropertyId) -> Result<Json<ViewersPayload>, Problem> {
    Ok(Json(viewing::viewers_of(op, id).await?))
}

pub(super) fn list(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<ViewedProperty>, Problem> {
    Ok(listed(request, viewing::list(op, page_request(limit, cursor)?)?))
}
