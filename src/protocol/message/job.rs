//! Messages about crawl jobs.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::logged::Logged;

/// What happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum JobEvent {
    JobQueued,
    JobStarted,
    JobProgress,
    JobCompleted,
    JobFailed,
    JobCancelled,
}

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
}

/// A job changed.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct JobUpdate {
    pub event: JobEvent,
    pub job_id: i64,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    pub status: JobStatus,
    pub spider_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<i64>,
    /// Counts from 1; a lost worker's job is queued again with the next number.
    pub attempt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub items_scraped: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<JobProgress>,
    /// Of a completed job: distinct listings that the server accepted for the execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_items: Option<i64>,
    /// Scrapy's value: `finished`, `closespider_itemcount`, `cancelled`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Of a failed job.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}

/// The progress of an execution.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct JobProgress {
    pub items_scraped: i64,
    pub pages_crawled: i64,
}

/// Lines of a job's log. Ephemeral: the log route keeps them.
#[derive(Clone, Debug, Object, Serialize)]
pub struct JobLog {
    pub job_id: i64,
    pub lines: Vec<LogLine>,
}

/// One line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct LogLine {
    pub id: i64,
    pub level: LogLevel,
    pub message: String,
    /// RFC 3339.
    pub at: String,
}

/// Python's level names, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}
