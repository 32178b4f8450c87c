//! `POST /jobs/{job_id}/logs`.

use poem_openapi::payload::Json;

use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{AppendLogsResult, ParsedLogLine};

pub(super) async fn append_logs(
    op: &Op,
    job_id: i64,
    lines: Vec<ParsedLogLine>,
) -> Result<Json<AppendLogsResult>, Problem> {
    Ok(Json(jobs::logs::append_rows(op, JobId(job_id), lines).await?))
}
