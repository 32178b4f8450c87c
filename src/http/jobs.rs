//! Crawl jobs, as users see them, with their logs.

use poem::Request;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, OpenApi};
use serde::{Deserialize, Serialize};

use super::base::BASE;
use super::body::{Body, LogLines, Many};
use super::caller::{Caller, CancelOwnJobs, ReadJobs, StartJobs, WriteLogs};
use super::etag::{Tagged, tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, bad_cursor, listed, page_request};
use super::tags::Tag;
use crate::base::ids::{ExecutionId, JobId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::domain::jobs;
use crate::domain::jobs::logs::LogQuery;
use crate::domain::jobs::read::{JobOrder, JobQuery};
use crate::domain::op::Op;
use crate::protocol::job::{Execution, Job, JobItem, JobStatus, LogLevel, LogLine, NewJob};
use crate::protocol::problem::Problem;
use crate::protocol::worker::AppendLogsResult;

pub struct JobsApi;

#[OpenApi(tag = "Tag::Jobs")]
impl JobsApi {
    /// Start a job
    ///
    /// The job waits until a worker claims it. One that an API key creates belongs to the creator of the key. With `reread`
    /// it makes no request: the built-in crawler reads the kept pages of a spider again with today's rules.
    #[oai(path = "/jobs", method = "post", operation_id = "create_job")]
    async fn create(
        &self,
        caller: Caller<StartJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewJob>,
    ) -> Result<Replayable<Created>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let job = jobs::queue::create(&op, body.0).await?;
        let location = format!("{BASE}/jobs/{}", job.job_id);
        Ok(Replayable::new(op.idempotency(), Created::Job(Json(job), location)))
    }

    /// List jobs
    #[oai(path = "/jobs", method = "get", operation_id = "list_jobs")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation with its own documentation"
    )]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadJobs>,
        status: Query<Option<JobStatus>>,
        #[oai(validator(max_length = 100))] spider_name: Query<Option<String>>,
        /// Exactly this tag.
        #[oai(validator(max_length = 50))]
        tag: Query<Option<String>>,
        /// A user id.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        created_by: Query<Option<i64>>,
        /// Newest first when absent.
        sort: Query<Option<JobSort>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Job>, Problem> {
        let query = JobQuery {
            status: status.0,
            spider_name: spider_name.0,
            tag: tag.0,
            created_by: created_by.0.map(UserId),
        };
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = sorted_page(&caller.op, &query, sort.0.unwrap_or_default(), page).await?;
        Ok(listed(request, page))
    }

    /// Read a job
    #[oai(path = "/jobs/:job_id", method = "get", operation_id = "get_job")]
    async fn get(
        &self,
        caller: Caller<ReadJobs>,
        job_id: Path<i64>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Job>, Problem> {
        let job = jobs::read::get(&caller.op, JobId(job_id.0)).await?;
        Ok(tagged(job, if_none_match.0.as_deref()))
    }

    /// Cancel a job
    ///
    /// A pending job is cancelled at once. A running one is asked to stop: it is cancelled when its worker reports
    /// that or its lease ends. Members cancel their own jobs, admins any.
    #[oai(path = "/jobs/:job_id/cancel", method = "post", operation_id = "cancel_job")]
    async fn cancel(
        &self,
        caller: Caller<CancelOwnJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        job_id: Path<i64>,
    ) -> Result<Replayable<Json<Job>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let job = jobs::queue::cancel(&op, JobId(job_id.0)).await?;
        Ok(Replayable::new(op.idempotency(), Json(job)))
    }

    /// Run a job again
    ///
    /// Takes a job that is over and queues it with a new execution. Members retry their own jobs, admins any.
    #[oai(path = "/jobs/:job_id/retry", method = "post", operation_id = "retry_job")]
    async fn retry(
        &self,
        caller: Caller<CancelOwnJobs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        job_id: Path<i64>,
    ) -> Result<Replayable<Json<Job>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let job = jobs::queue::retry(&op, JobId(job_id.0)).await?;
        Ok(Replayable::new(op.idempotency(), Json(job)))
    }

    /// Read a job's log
    ///
    /// Oldest line first. The cursor of the last page can be used later to check for new lines.
    #[oai(path = "/jobs/:job_id/logs", method = "get", operation_id = "list_job_logs")]
    #[expect(
        clippy::too_many_arguments,
        reason = "each is a parameter of the operation with its own documentation"
    )]
    async fn logs(
        &self,
        request: &Request,
        caller: Caller<ReadJobs>,
        job_id: Path<i64>,
        /// Exactly this level.
        level: Query<Option<LogLevel>>,
        /// This level and more severe ones.
        min_level: Query<Option<LogLevel>>,
        /// Of this execution only.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        execution_id: Query<Option<i64>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<LogLine>, Problem> {
        let query = LogQuery {
            level: level.0,
            min_level: min_level.0,
            execution_id: execution_id.0.map(ExecutionId),
        };
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = jobs::logs::list(&caller.op, JobId(job_id.0), query, page).await?;
        Ok(listed(request, page))
    }

    /// Add lines to a job's log
    ///
    /// At most 1,000 per call. No lease is needed: lines may arrive late.
    #[oai(
        path = "/jobs/:job_id/logs",
        method = "post",
        operation_id = "append_job_logs",
        tag = "Tag::Workers"
    )]
    async fn append_logs(
        &self,
        caller: Caller<WriteLogs>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader<Many>,
        job_id: Path<i64>,
        body: LogLines,
    ) -> Result<Replayable<Json<AppendLogsResult>>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let result = jobs::logs::append_rows(&op, JobId(job_id.0), body.0).await?;
        Ok(Replayable::new(op.idempotency(), Json(result)))
    }

    /// List the listings that were accepted for a job
    ///
    /// In the order of arrival; a listing appears once per execution.
    #[oai(path = "/jobs/:job_id/items", method = "get", operation_id = "list_job_items")]
    async fn items(
        &self,
        request: &Request,
        caller: Caller<ReadJobs>,
        job_id: Path<i64>,
        /// Of this execution only.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        execution_id: Query<Option<i64>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<JobItem>, Problem> {
        let execution = execution_id.0.map(ExecutionId);
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = jobs::read::items(&caller.op, JobId(job_id.0), execution, page).await?;
        Ok(listed(request, page))
    }

    /// List the attempts at a job
    ///
    /// Latest first.
    #[oai(path = "/jobs/:job_id/executions", method = "get", operation_id = "list_job_executions")]
    async fn executions(
        &self,
        request: &Request,
        caller: Caller<ReadJobs>,
        job_id: Path<i64>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Execution>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = jobs::read::executions(&caller.op, JobId(job_id.0), page).await?;
        Ok(listed(request, page))
    }
}

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

/// The order of the list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Enum, Serialize, Deserialize)]
pub enum JobSort {
    /// Newest first.
    #[default]
    #[oai(rename = "-created_at")]
    NewestFirst,
    /// Oldest first.
    #[oai(rename = "created_at")]
    OldestFirst,
}

/// The end of a page. It contains its order: it is invalid in another one.
#[derive(Serialize, Deserialize)]
struct JobCursor {
    sort: JobSort,
    job_id: i64,
}

/// A page of the list in the order of `sort`.
async fn sorted_page(
    op: &Op,
    query: &JobQuery,
    sort: JobSort,
    page: PageRequest<JobCursor>,
) -> Result<Page<Job, JobCursor>, Problem> {
    let order = match sort {
        JobSort::NewestFirst => JobOrder::NewestFirst,
        JobSort::OldestFirst => JobOrder::OldestFirst,
    };
    let PageRequest { limit, after } = page;
    if after.as_ref().is_some_and(|place| place.sort != sort) {
        return Err(bad_cursor());
    }
    let after = after.map(|place| place.job_id);
    let Page { rows, next } = jobs::read::list(op, query, order, PageRequest { limit, after }).await?;
    Ok(Page { rows, next: next.map(|job_id| JobCursor { sort, job_id }) })
}
