//! `POST /jobs/{job_id}/progress`.

use poem_openapi::payload::Json;

use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{ProgressReport, ReportResponse};

pub(super) async fn progress(
    op: &Op,
    lease: &Lease<'_>,
    report: ProgressReport,
) -> Result<Json<ReportResponse>, Problem> {
    Ok(Json(jobs::progress::progress(op, lease, report.into()).await?))
}
