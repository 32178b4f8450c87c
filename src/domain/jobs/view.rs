//! Stored jobs, executions and lines in their wire form, and what the use cases read from a job's row.

use serde::de::DeserializeOwned;

use super::state;
use crate::base::clock::rfc3339;
use crate::base::ids::ExecutionId;
use crate::domain::error::Result;
use crate::domain::uploads::attach;
use crate::protocol::job::{Execution, ExecutionStatus, Job, JobItem, JobStatus, LogLevel, LogLine};
use crate::storage::executions::ExecutionRow;
use crate::storage::job_items::JobItemRow;
use crate::storage::job_logs::LogLineRow;
use crate::storage::jobs::JobRow;
use crate::storage::{Error, time};

pub(super) fn job(row: &JobRow) -> Result<Job> {
    Ok(Job {
        job_id: row.id,
        spider_name: row.spider_name.clone(),
        target_urls: json(&row.target_urls)?,
        settings: json(&row.settings)?,
        tags: json(&row.tags)?,
        status: status(row)?,
        created_by: row.owner().map(|owner| owner.0),
        scheduled: row.scheduled.then_some(true),
        created_at: rfc3339(time(row.created_at)),
        started_at: row.started_at.map(|at| rfc3339(time(at))),
        finished_at: row.finished_at.map(|at| rfc3339(time(at))),
        items_scraped: row.items_scraped,
        pages_crawled: row.pages_crawled,
        finish_reason: row.finish_reason.clone(),
        error: row.error.clone(),
        execution_id: row.execution_id,
        attempt: row.attempt,
        stats: row.stats.as_deref().map(json).transpose()?,
        cancel_requested: row.cancel_requested,
        logs_trimmed: row.logs_trimmed,
        attachments: attach::from_json(row.attachments.as_deref()),
    })
}

/// A job's state for the state machine.
pub(super) fn job_state(row: &JobRow) -> Result<state::JobState> {
    Ok(state::JobState {
        status: status(row)?,
        leased: row.lease_hash.is_some(),
        cancel_requested: row.cancel_requested,
        attempt: row.attempt,
        first_attempt: row.first_attempt,
        progress_sequence: row.progress_sequence,
        progress_told_at: row.progress_told_at.map(time),
    })
}

pub(super) fn status(row: &JobRow) -> Result<JobStatus> {
    Ok(JobStatus::named(&row.status).ok_or_else(|| unreadable(&row.status))?)
}

/// The job's current execution.
pub(super) fn execution_id(job: &JobRow) -> Result<ExecutionId, Error> {
    job.execution_id.map(ExecutionId).ok_or_else(|| Error::Corrupt("a job without an execution".to_owned()))
}

/// An execution; the current one shows the job's own figures, which are updated before the execution ends.
pub(super) fn execution(row: &ExecutionRow, job: &JobRow) -> Result<Execution> {
    let status = ExecutionStatus::named(&row.status).ok_or_else(|| unreadable(&row.status))?;
    let current = job.execution_id == Some(row.id);
    let stats = if current { &job.stats } else { &row.stats };
    Ok(Execution {
        execution_id: row.id,
        job_id: row.job_id,
        attempt: row.attempt,
        status,
        worker: row.worker.clone(),
        queued_at: rfc3339(time(row.queued_at)),
        started_at: row.started_at.map(|at| rfc3339(time(at))),
        finished_at: row.finished_at.map(|at| rfc3339(time(at))),
        items_scraped: if current { job.items_scraped } else { row.items_scraped },
        pages_crawled: if current { job.pages_crawled } else { row.pages_crawled },
        finish_reason: row.finish_reason.clone(),
        error: row.error.clone(),
        stats: stats.as_deref().map(json).transpose()?,
    })
}

pub(super) fn item(row: JobItemRow) -> JobItem {
    JobItem {
        property_id: row.property_id,
        execution_id: row.execution_id,
        status: row.status,
        at: rfc3339(time(row.at)),
    }
}

pub(super) fn line(row: LogLineRow) -> Result<LogLine> {
    let level = LogLevel::named(&row.level).ok_or_else(|| unreadable(&row.level))?;
    Ok(LogLine { id: row.id, level, message: row.message, at: rfc3339(time(row.at)) })
}

/// A stored list or object.
pub(in crate::domain) fn json<T: DeserializeOwned>(text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| Error::Corrupt(error.to_string()))
}

pub(in crate::domain) fn unreadable(value: &str) -> Error {
    Error::Corrupt(format!("{value:?} is no value of this column"))
}
