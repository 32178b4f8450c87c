//! The requests of a worker and the server's answers for one job.

use std::collections::BTreeMap;

use poem_openapi::types::Example;
use serde_json::json;

use super::{JOB, LEASE, PAGE, SPIDER, after, position, timestamp};
use crate::protocol::job::{CrawlStats, Job, JobStatus, LogLevel};
use crate::protocol::worker::{
    AppendLogsResult, Claim, ClaimRequest, CompleteReport, FailReport, LeaseReport, LogLineResult,
    LogLineStatus, NewLogLine, NewLogLines, ProgressReport, ReportResponse,
};

/// Counts with the names that Scrapy uses.
pub(super) fn stats() -> CrawlStats {
    BTreeMap::from([
        ("item_scraped_count".to_owned(), json!(18)),
        ("response_received_count".to_owned(), json!(20)),
    ])
}

impl Example for ClaimRequest {
    fn example() -> Self {
        Self { spiders: Some(vec![SPIDER.to_owned()]), wait_seconds: Some(1) }
    }
}

impl Example for Claim {
    fn example() -> Self {
        Self { job: Job::example(), lease_token: LEASE.to_owned(), lease_seconds: 60 }
    }
}

impl Example for LeaseReport {
    fn example() -> Self {
        Self { lease_token: LEASE.to_owned() }
    }
}

impl Example for ProgressReport {
    fn example() -> Self {
        Self {
            lease_token: LEASE.to_owned(),
            items_scraped: 18,
            pages_crawled: Some(20),
            stats: Some(stats()),
            sequence: 3,
        }
    }
}

impl Example for CompleteReport {
    fn example() -> Self {
        Self {
            lease_token: LEASE.to_owned(),
            items_scraped: Some(18),
            pages_crawled: Some(20),
            stats: Some(stats()),
            finish_reason: Some("finished".to_owned()),
        }
    }
}

impl Example for FailReport {
    fn example() -> Self {
        Self { lease_token: LEASE.to_owned(), error: "the site answers 503".to_owned(), stats: Some(stats()) }
    }
}

impl Example for ReportResponse {
    fn example() -> Self {
        Self {
            job_id: JOB,
            status: JobStatus::Running,
            cancel_requested: false,
            lease_expires_at: Some(after(1)),
            position: Some(position()),
        }
    }
}

impl Example for NewLogLine {
    fn example() -> Self {
        Self { level: LogLevel::Info, message: format!("read {PAGE}"), at: timestamp() }
    }
}

impl Example for NewLogLines {
    fn example() -> Self {
        Self { lines: vec![NewLogLine::example()] }
    }
}

impl Example for LogLineResult {
    fn example() -> Self {
        Self { index: 0, status: LogLineStatus::Stored, error: None }
    }
}

impl Example for AppendLogsResult {
    fn example() -> Self {
        Self { stored: 1, rejected: 0, results: vec![LogLineResult::example()] }
    }
}
