//! `POST /jobs/{job_id}/retry`.

use poem_openapi::payload::Json;

use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;

pub(super) async fn retry(op: &Op, job_id: i64) -> Result<Json<Job>, Problem> {
    Ok(Json(jobs::retry::retry(op, JobId(job_id)).await?))
}
