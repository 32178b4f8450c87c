//! `GET /spiders/{name}`.

use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::protocol::problem::Problem;
use crate::protocol::spider::Spider;

pub(super) async fn get(op: &Op, name: &str) -> Result<Json<Spider>, Problem> {
    Ok(Json(spiders::get(op, name).await?))
}
