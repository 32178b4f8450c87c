//! `POST /jobs/{job_id}/heartbeat`.

use poem_openapi::payload::Json;

use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::ReportResponse;

pub(super) async fn heartbeat(op: &Op, lease: &Lease<'_>) -> Result<Json<ReportResponse>, Problem> {
    Ok(Json(jobs::heartbeat::heartbeat(op, lease).await?))
}
