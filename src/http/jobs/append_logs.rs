//! `POST /jobs/{job_id}/logs`.

use poem_openapi::payload::Json;

use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{LogsStored, NewLogLine};

pub(super) async fn append_logs(
    op: &Op,
    job_id: i64,
    lines: Vec<NewLogLine>,
) -> Result<Json<LogsStored>, Problem> {
    Ok(Json(jobs::logs::append(op, JobId(job_id), lines).await?))
}
