//! `POST /jobs/{job_id}/complete`.

use poem_openapi::payload::Json;

use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{CompleteReport, ReportResponse};

pub(super) async fn complete(
    op: &Op,
    lease: &Lease<'_>,
    report: CompleteReport,
) -> Result<Json<ReportResponse>, Problem> {
    Ok(Json(jobs::complete::complete(op, lease, report.into()).await?))
}
