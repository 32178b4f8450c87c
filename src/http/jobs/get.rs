//! `GET /jobs/{job_id}`.

use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;

pub(super) async fn get(op: &Op, job_id: i64, if_none_match: Option<&str>) -> Result<Tagged<Job>, Problem> {
    Ok(tagged(jobs::get::get(op, JobId(job_id)).await?, if_none_match))
}
