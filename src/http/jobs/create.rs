//! `POST /jobs`.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use crate::domain::jobs;
use crate::domain::op::Op;
use crate::http::router::BASE;
use crate::protocol::job::{Job, NewJob};
use crate::protocol::problem::Problem;

/// A new job.
#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The job is queued for a worker.
    #[oai(status = 201)]
    Job(
        Json<Job>,
        /// The job's address.
        #[oai(header = "Location")]
        String,
    ),
}

pub(super) async fn create(op: &Op, new: NewJob) -> Result<Created, Problem> {
    let job = jobs::create::create(op, new).await?;
    let location = format!("{BASE}/jobs/{}", job.job_id);
    Ok(Created::Job(Json(job), location))
}
