//! `POST /jobs/{job_id}/complete`.

use poem_openapi::payload::Json;

use crate::domain::jobs::complete::Completion;
use crate::domain::jobs::{self, Lease};
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{CompleteReport, ReportAnswer};

pub(super) async fn complete(
    op: &Op,
    lease: &Lease<'_>,
    report: CompleteReport,
) -> Result<Json<ReportAnswer>, Problem> {
    let done = Completion {
        items_scraped: report.items_scraped,
        pages_crawled: report.pages_crawled,
        stats: report.stats,
        finish_reason: report.finish_reason,
    };
    Ok(Json(jobs::complete::complete(op, lease, done).await?))
}
