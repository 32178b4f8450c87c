//! `POST /jobs/{job_id}/start`.

use poem_openapi::payload::Json;

use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::ReportResponse;

pub(super) async fn start(op: &Op, lease: &Lease<'_>) -> Result<Json<ReportResponse>, Problem> {
    Ok(Json(jobs::start::start(op, lease).await?))
}
