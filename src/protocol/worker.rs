//! A worker's reports and the server's answers.

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::job::{CrawlStats, Job, JobStatus, LogLevel};
use super::problem::FieldError;
use crate::base::timestamp::Timestamp;

/// A worker's request for a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ClaimRequest {
    /// Only jobs of these spiders; of all external spiders when absent.
    #[oai(validator(max_items = 100, pattern = "^[A-Za-z0-9_.-]{1,100}$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spiders: Option<Vec<String>>,
    /// How long to wait for a job when there is none, in seconds.
    #[oai(validator(minimum(value = "0"), maximum(value = "30")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait_seconds: Option<i64>,
}

/// A job and the proof that this worker holds its lease.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(example)]
pub struct Claim {
    pub job: Job,
    /// Must be sent with every report on the job.
    pub lease_token: String,
    /// The lease ends this long after the last report.
    pub lease_seconds: i64,
}

/// The worker starts the job, or is still working on it.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, example)]
pub struct LeaseReport {
    #[oai(validator(max_length = 100))]
    pub lease_token: String,
}

/// The worker's progress.
#[derive(Clone, Debug, Default, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct ProgressReport {
    #[oai(validator(max_length = 100))]
    pub lease_token: String,
    /// Items so far in this execution.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    pub items_scraped: i64,
    /// Pages so far; `response_received_count` of the stats when absent.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_crawled: Option<i64>,
    /// At most 16 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<CrawlStats>,
    /// Grows from report to report; one that does not is accepted and ignored.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    pub sequence: i64,
}

/// The worker has finished the job.
#[derive(Clone, Debug, Default, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct CompleteReport {
    #[oai(validator(max_length = 100))]
    pub lease_token: String,
    /// `item_scraped_count` of the stats, else the last progress, when absent.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items_scraped: Option<i64>,
    /// `response_received_count` of the stats, else the last progress, when absent.
    #[oai(validator(minimum(value = "0"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages_crawled: Option<i64>,
    /// At most 16 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<CrawlStats>,
    /// Scrapy's value; that of the stats, else `finished`, when absent. `cancelled` ends the job as cancelled.
    #[oai(validator(min_length = 1, max_length = 100))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
}

/// The worker could not finish the job.
#[derive(Clone, Debug, Default, PartialEq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct FailReport {
    #[oai(validator(max_length = 100))]
    pub lease_token: String,
    /// The reason, in at most 4 KiB.
    #[oai(validator(min_length = 1, max_length = 4096))]
    pub error: String,
    /// At most 16 KiB of JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stats: Option<CrawlStats>,
}

/// The answer to every report.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct ReportResponse {
    pub job_id: i64,
    pub status: JobStatus,
    /// True: stop soon, and complete with `finish_reason: "cancelled"`.
    pub cancel_requested: bool,
    /// When the lease ends unless another report comes; absent once the job is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lease_expires_at: Option<String>,
    /// Absent when the report caused no event: progress that is merged with the next, a heartbeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position: Option<String>,
}

/// Lines for a job's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, example)]
pub struct NewLogLines {
    #[oai(validator(min_items = 1, max_items = 1000))]
    pub lines: Vec<NewLogLine>,
}

/// One line for a job's log.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewLogLine {
    pub level: LogLevel,
    /// At most 8 KiB.
    #[oai(validator(max_length = 8192))]
    pub message: String,
    /// RFC 3339; the time of arrival when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
}

/// A parsed line, or all its faults.
pub type ParsedLogLine = Result<NewLogLine, Vec<FieldError>>;

/// The result of one line.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct LogLineResult {
    /// The index of the line in the request, from 0.
    pub index: i64,
    pub status: LogLineStatus,
    /// Every bad field of the line, and what would be accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether a line was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum LogLineStatus {
    Stored,
    Error,
}

/// The results of a worker's lines.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(example)]
pub struct AppendLogsResult {
    /// How many lines were stored.
    pub stored: i64,
    /// How many lines were bad.
    #[serde(default)]
    pub rejected: i64,
    /// One for each line, in the order of the request.
    #[serde(default)]
    pub results: Vec<LogLineResult>,
}
