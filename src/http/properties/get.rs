//! `GET /properties/{property_id}`.

use poem_openapi::payload::Json;

use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::properties;
use crate::protocol::problem::Problem;
use crate::protocol::property::Property;

pub(super) async fn get(op: &Op, id: PropertyId) -> Result<Json<Property>, Problem> {
    Ok(Json(properties::get::get(op, id).await?))
}
