//! `PUT /spiders/{name}`.

use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::protocol::problem::Problem;
use crate::protocol::spider::{Spider, SpiderChange};

pub(super) async fn put(op: &Op, name: &str, change: SpiderChange) -> Result<Json<Spider>, Problem> {
    Ok(Json(spiders::put(op, name, change).await?))
}
