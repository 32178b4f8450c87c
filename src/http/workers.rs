//! The API of workers: claim a job, report on it with the lease that came with it. Log lines are in `jobs.rs`, because
//! a path's operations must be in one API.

use std::sync::Arc;
use std::time::Duration;

use poem::Request;
use poem_openapi::param::Path;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};

use super::body::{Body, OptionalBody};
use super::caller::{Caller, RunJobs};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::tags::Tag;
use crate::base::ids::JobId;
use crate::domain::jobs;
use crate::domain::jobs::lease::Lease;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{
    Claim, ClaimRequest, CompleteReport, FailReport, LeaseReport, ProgressReport, ReportResponse,
};
use crate::session::ConnectionRegistry;

pub struct WorkersApi;

/// How long a lease lasts after each report; part of the application's data.
#[derive(Clone, Copy, Debug)]
pub struct LeaseLength(pub Duration);

#[OpenApi(tag = "Tag::Workers")]
impl WorkersApi {
    /// Claim a job
    ///
    /// Takes the oldest waiting job of the tenant's external spiders. If there is none, the request waits up to
    /// `wait_seconds` and is then answered 204. While the maximum of claims of the key or tenant waits, a further one
    /// is answered 429 at once. After its lease ran out a job is offered again, later and to other keys first.
    #[oai(path = "/workers/claim", method = "post", operation_id = "claim_job")]
    async fn claim(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        body: OptionalBody<ClaimRequest>,
    ) -> Result<Claimed, Problem> {
        let claim_request = body.0.unwrap_or_default();
        let length = lease_length(request)?;
        // A node that shuts down lets its waiting workers go to another one.
        let stop = request
            .data::<Arc<ConnectionRegistry>>()
            .map(|sessions| sessions.stopping().clone())
            .unwrap_or_default();
        let claim = jobs::claims::claim(&caller.op, &claim_request, length, &stop).await?;
        Ok(claim.map_or(Claimed::None, |claim| Claimed::Job(Json(Box::new(claim)))))
    }

    /// Start a claimed job
    #[oai(path = "/jobs/:job_id/start", method = "post", operation_id = "start_job")]
    async fn start(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        job_id: Path<i64>,
        body: Body<LeaseReport>,
    ) -> Result<Json<ReportResponse>, Problem> {
        let lease = lease(request, job_id.0, &body.0.lease_token)?;
        Ok(Json(jobs::worker_reports::start(&caller.op, &lease).await?))
    }

    /// Report progress
    ///
    /// Sent to readers at most twice a second, the latest always within a second. A report is accepted and ignored if
    /// its `sequence` does not grow. One that is answered without `position` was merged.
    #[oai(path = "/jobs/:job_id/progress", method = "post", operation_id = "report_job_progress")]
    async fn progress(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        job_id: Path<i64>,
        body: Body<ProgressReport>,
    ) -> Result<Json<ReportResponse>, Problem> {
        let token = body.0.lease_token.clone();
        let lease = lease(request, job_id.0, &token)?;
        Ok(Json(jobs::worker_reports::progress(&caller.op, &lease, body.0.into()).await?))
    }

    /// Extend the lease
    #[oai(path = "/jobs/:job_id/heartbeat", method = "post", operation_id = "keep_job_lease")]
    async fn heartbeat(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        job_id: Path<i64>,
        body: Body<LeaseReport>,
    ) -> Result<Json<ReportResponse>, Problem> {
        let lease = lease(request, job_id.0, &body.0.lease_token)?;
        Ok(Json(jobs::worker_reports::heartbeat(&caller.op, &lease).await?))
    }

    /// Complete a job
    ///
    /// With `finish_reason: "cancelled"` the job ends as cancelled. The same lease may repeat the request: the answer
    /// is the same and nothing changes.
    #[oai(path = "/jobs/:job_id/complete", method = "post", operation_id = "complete_job")]
    async fn complete(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        job_id: Path<i64>,
        body: Body<CompleteReport>,
    ) -> Result<Replayable<Json<ReportResponse>>, Problem> {
        let token = body.0.lease_token.clone();
        let op = caller.op.with_idempotency_key(once.0);
        let lease = lease(request, job_id.0, &token)?;
        let response = jobs::worker_reports::complete(&op, &lease, body.0.into()).await?;
        Ok(Replayable::new(op.idempotency(), Json(response)))
    }

    /// Fail a job
    ///
    /// The same lease may repeat the request: the answer is the same and nothing changes.
    #[oai(path = "/jobs/:job_id/fail", method = "post", operation_id = "fail_job")]
    async fn fail(
        &self,
        request: &Request,
        caller: Caller<RunJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        job_id: Path<i64>,
        body: Body<FailReport>,
    ) -> Result<Replayable<Json<ReportResponse>>, Problem> {
        let token = body.0.lease_token.clone();
        let op = caller.op.with_idempotency_key(once.0);
        let lease = lease(request, job_id.0, &token)?;
        let response = jobs::worker_reports::fail(&op, &lease, body.0.into()).await?;
        Ok(Replayable::new(op.idempotency(), Json(response)))
    }
}

/// A job, or none.
#[derive(Debug, ApiResponse)]
pub enum Claimed {
    /// The worker holds the job until its lease ends.
    #[oai(status = 200)]
    Job(Json<Box<Claim>>),
    /// No job became available in that time.
    #[oai(status = 204)]
    None,
}

fn lease<'a>(request: &Request, job_id: i64, token: &'a str) -> Result<Lease<'a>, Problem> {
    Ok(Lease { job_id: JobId(job_id), token, length: lease_length(request)? })
}

fn lease_length(request: &Request) -> Result<Duration, Problem> {
    request.data::<LeaseLength>().map(|length| length.0).ok_or_else(|| {
        tracing::error!("application data missing from request");
        Problem::internal()
    })
}
