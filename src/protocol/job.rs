//! Crawl jobs, their executions and their items, as the REST routes show them.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::message::Attachment;
pub use super::message::{JobStatus, LogLevel, LogLine};
use crate::base::timestamp::Timestamp;

/// Scrapy's stats as the spider kept them: at most 16 KiB of JSON.
pub type CrawlStats = BTreeMap<String, Value>;

impl JobStatus {
    /// Every status, in the order of a job's life.
    pub const ALL: [Self; 5] = [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The status on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether the job is over, unless a person asks for a retry.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

impl LogLevel {
    /// Every level, least first.
    pub const ALL: [Self; 5] = [Self::Debug, Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The level on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.name() == name)
    }
}

/// A crawl job. The counts are those of its current execution.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Job {
    pub job_id: i64,
    pub spider_name: String,
    pub target_urls: Vec<String>,
    pub settings: JobSettings,
    pub tags: Vec<String>,
    pub status: JobStatus,
    /// A user id. A job that an API key created belongs to the creator of the key, a scheduled one to the user that set
    /// the schedule. Absent if that user was removed or inactive when the schedule started the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<i64>,
    /// True if the schedule of its spider started it; otherwise absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<bool>,
    /// RFC 3339 in UTC with milliseconds, like every time here.
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    pub items_scraped: i64,
    pub pages_crawled: i64,
    /// Scrapy's value: `finished`, `closespider_itemcount`, `cancelled`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    /// Of a failed job; `worker_lost` when the leases of three executions in a row ran out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<i64>,
    /// Counts from 1; a retry and a lost worker each start the next attempt.
    pub attempt: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<CrawlStats>,
    /// True after a running job was asked to stop.
    pub cancel_requested: bool,
    /// The id of the last log line that was removed for its age. Readers that were behind it have missed lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs_trimmed: Option<i64>,
    /// Files that are attached to it.
    #[serde(default)]
    pub attachments: Vec<Attachment>,
}

/// The limits of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none)]
#[serde(default)]
pub struct JobSettings {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_items: Option<i64>,
    /// Hosts that may be visited besides those of the target URLs: `host` or `host:port`.
    pub allowed_hosts: Vec<String>,
    /// True: the built-in crawler visits the target URLs and nothing else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets_only: Option<bool>,
    /// The kept pages that the job reads again, instead of requesting any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reread: Option<Reread>,
}

/// Kept pages that a job reads again.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Reread {
    /// `auto`, or a spider of the tenant that the built-in crawler runs: its kept pages are read with its rules.
    #[oai(validator(pattern = "^[A-Za-z0-9_.-]{1,100}$"))]
    pub spider: String,
    /// Only pages that were fetched at this time or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A job to be created.
#[derive(Clone, Debug, Default, PartialEq, Eq, Object, Serialize, Deserialize)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
pub struct NewJob {
    /// `auto`, which always exists, or a spider of the tenant. May be left out with `reread`, which names the spider.
    #[oai(default, validator(max_length = 100, pattern = "^[A-Za-z0-9_.-]{0,100}$"))]
    #[serde(default)]
    pub spider_name: String,
    /// Absolute http or https URLs; the spider's own `start_urls` when absent or empty. None with `reread`.
    #[oai(validator(
        max_items = 1000,
        max_length = 2000,
        pattern = r"^[hH][tT][tT][pP][sS]?://[^\s/?#]\S*$"
    ))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_urls: Option<Vec<String>>,
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_pages: Option<i64>,
    #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<i64>,
    /// `host` or `host:port`; the spider's own when absent. None with `reread`.
    #[oai(validator(max_items = 100, max_length = 260, pattern = r"^[^\s/?#@\\]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_hosts: Option<Vec<String>>,
    /// Whether the built-in crawler visits the target URLs only: no link, no sitemap and no known page of their hosts;
    /// false when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets_only: Option<bool>,
    /// Tags to find the job by; none contains a comma.
    #[oai(validator(max_items = 20, min_length = 1, max_length = 50, pattern = r"^[^,\x00-\x1f\x7f]+$"))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Finished uploads of the job's owner to attach. All users that may read the job may read them.
    #[oai(validator(max_items = 20))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_ids: Option<Vec<Uuid>>,
    /// Reads kept pages of a spider again with today's rules, without a request. It removes no listing, and changes none
    /// that a later visit or a worker has written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reread: Option<Reread>,
}

/// The state of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum ExecutionStatus {
    Pending,
    Running,
    Completed,
    Failed,
    Cancelled,
    /// The worker's lease ended before it reported an end.
    Lost,
}

impl ExecutionStatus {
    /// Every status, in the order of an execution's life.
    pub const ALL: [Self; 6] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled, Self::Lost];

    /// The status on the wire and in the store.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }

    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// One attempt at running a job.
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Execution {
    pub execution_id: i64,
    pub job_id: i64,
    pub attempt: i64,
    pub status: ExecutionStatus,
    /// The API key's id, or `builtin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    pub queued_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    pub items_scraped: i64,
    pub pages_crawled: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stats: Option<CrawlStats>,
}

/// A listing that the server accepted for an execution of a job.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
#[oai(example)]
pub struct JobItem {
    pub property_id: i64,
    pub execution_id: i64,
    /// The outcome: `created`, `changed`, `unchanged` or `removed`.
    pub status: String,
    pub at: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_in_the_store_and_in_json() {
        for status in JobStatus::ALL {
            assert_eq!(JobStatus::named(status.name()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        for status in ExecutionStatus::ALL {
            assert_eq!(ExecutionStatus::named(status.name()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.name());
        }
        for level in LogLevel::ALL {
            assert_eq!(LogLevel::named(level.name()), Some(level));
            assert_eq!(serde_json::to_value(level).unwrap(), level.name());
        }
    }
}
