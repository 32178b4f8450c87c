//! A job, from its request to its items.

use poem_openapi::types::Example;

use super::{EXECUTION, JOB, PAGE, PROPERTY, SITE, SPIDER, USER, UUID, after, now, workers};
use crate::base::clock::epoch_seconds;
use crate::protocol::job::{Execution, ExecutionStatus, Job, JobItem, JobSettings, JobStatus, NewJob};
use crate::protocol::message::{JobEvent, JobProgress, JobUpdate, LogLevel, LogLine, Logged};
use crate::protocol::spider::AUTO;

impl Example for NewJob {
    /// Of the spider that every tenant has.
    fn example() -> Self {
        Self {
            spider_name: AUTO.to_owned(),
            target_urls: Some(vec![SITE.to_owned()]),
            max_pages: Some(100),
            max_items: None,
            allowed_hosts: Some(vec!["img.homes.example".to_owned()]),
            tags: Some(vec!["nightly".to_owned()]),
            upload_ids: None,
            targets_only: None,
            reread: None,
        }
    }
}

impl Example for Job {
    fn example() -> Self {
        Self {
            job_id: JOB,
            spider_name: SPIDER.to_owned(),
            target_urls: vec![SITE.to_owned()],
            settings: JobSettings { max_pages: Some(100), ..JobSettings::default() },
            tags: vec!["nightly".to_owned()],
            status: JobStatus::Running,
            created_by: Some(USER),
            scheduled: None,
            created_at: after(0),
            started_at: Some(after(1)),
            finished_at: None,
            items_scraped: 18,
            pages_crawled: 20,
            finish_reason: None,
            error: None,
            execution_id: Some(EXECUTION),
            attempt: 1,
            stats: Some(workers::stats()),
            cancel_requested: false,
            attachments: Vec::new(),
            logs_trimmed: None,
        }
    }
}

impl Example for Execution {
    fn example() -> Self {
        Self {
            execution_id: EXECUTION,
            job_id: JOB,
            attempt: 1,
            status: ExecutionStatus::Completed,
            worker: Some(UUID.to_owned()),
            queued_at: after(0),
            started_at: Some(after(1)),
            finished_at: Some(after(9)),
            items_scraped: 18,
            pages_crawled: 20,
            finish_reason: Some("finished".to_owned()),
            error: None,
            stats: Some(workers::stats()),
        }
    }
}

impl Example for JobItem {
    fn example() -> Self {
        Self { property_id: PROPERTY, execution_id: EXECUTION, status: "created".to_owned(), at: after(2) }
    }
}

impl Example for JobUpdate {
    fn example() -> Self {
        let progress = JobProgress { items_scraped: 18, pages_crawled: 20 };
        Self {
            event: JobEvent::JobProgress,
            job_id: JOB,
            timestamp: epoch_seconds(now()),
            status: JobStatus::Running,
            spider_name: SPIDER.to_owned(),
            execution_id: Some(EXECUTION),
            attempt: 1,
            items_scraped: Some(progress.items_scraped),
            progress: Some(progress),
            total_items: None,
            finish_reason: None,
            error: None,
            logged: Logged::example(),
        }
    }
}

impl Example for LogLine {
    fn example() -> Self {
        Self { id: 9, level: LogLevel::Info, message: format!("read {PAGE}"), at: after(2) }
    }
}
