//! `POST /properties/{property_id}/refresh`: one page is read now.

use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use crate::base::ids::PropertyId;
use crate::domain::properties::refresh;
use crate::http::base::BASE;
use crate::http::caller::{Caller, StartJobs};
use crate::http::idempotency::{IdempotencyKeyHeader, Replayable};
use crate::http::tags::Tag;
use crate::protocol::job::Job;
use crate::protocol::problem::Problem;

pub struct PropertyRefreshApi;

#[OpenApi(tag = "Tag::Properties")]
impl PropertyRefreshApi {
    /// Read the page of a property now
    ///
    /// Starts a job of the built-in crawler that visits `source_url` and nothing else, with the rules of the spider whose
    /// job saw the property last, if the built-in crawler runs that one, else with `auto`. What it reads has the same
    /// events as in any job. A property that a worker has reported is not changed by it, and removed only when its page
    /// is gone. A property without `source_url` is refused with 409.
    #[oai(path = "/properties/:property_id/refresh", method = "post", operation_id = "refresh_property")]
    async fn refresh(
        &self,
        caller: Caller<StartJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        property_id: Path<i64>,
    ) -> Result<Replayable<Queued>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let job = refresh::refresh(&op, PropertyId(property_id.0)).await?;
        let location = format!("{BASE}/jobs/{}", job.job_id);
        Ok(Replayable::new(op.idempotency(), Queued::Job(Json(job), location)))
    }
}

/// A job that reads the page.
#[derive(Debug, ApiResponse)]
pub enum Queued {
    /// The job is queued.
    #[oai(status = 202)]
    Job(
        Json<Job>,
        /// The job's address.
        #[oai(header = "Location")]
        String,
    ),
}
