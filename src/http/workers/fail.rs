//! `POST /jobs/{job_id}/fail`.

use poem_openapi::payload::Json;

use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{FailReport, ReportResponse};

pub(super) async fn fail(
    op: &Op,
    lease: &Lease<'_>,
    report: FailReport,
) -> Result<Json<ReportResponse>, Problem> {
    Ok(Json(jobs::fail::fail(op, lease, report.into()).await?))
}
