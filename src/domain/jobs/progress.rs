//! A worker's progress reports. Each updates the job's row; the event is emitted at most twice a second, and
//! what is merged meanwhile is emitted by the timer (`progress_flush.rs`) or by the final report.

use super::events;
use super::lease::{self, Lease};
use super::start::begin_execution;
use super::state::{Action, Emit, JobInput};
use super::validation::{FieldErrors, ensure_valid, stats_json};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::job::CrawlStats;
use crate::protocol::problem::FieldError;
use crate::protocol::worker::{ProgressReport, ReportResponse};
use crate::storage::jobs::{self, JobRow};

#[derive(Clone, Debug, Default)]
pub struct Progress {
    pub items_scraped: i64,
    pub pages_crawled: Option<i64>,
    pub stats: Option<CrawlStats>,
    pub sequence: i64,
}

/// Stores the figures, unless a report of the same or a later sequence came before. The answer has a position
/// if an event was emitted.
pub async fn progress(op: &Op, lease: &Lease<'_>, progress: Progress) -> Result<ReportResponse> {
    ensure_valid(validate(&progress))?;
    let mut change = op.begin().await?;
    let report = JobInput::Progress { sequence: progress.sequence };
    let (mut job, step) = lease::require(op, &change, lease, report).await?;
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    let mut emitted = false;
    if let Action::RecordProgress(emit) = step.action {
        apply_report(&mut job, &progress);
        match emit {
            Emit::Now => {
                events::emit_progress(op, &mut change, &mut job)?;
                emitted = true;
            }
            Emit::Merged => job.progress_pending = true,
        }
    }
    lease::extend(op, &mut job, lease.length);
    jobs::save(&change.tx, &job).await?;
    let position = op.commit(change).await?;
    lease::report_answer(&job, position.filter(|_| emitted))
}

impl From<ProgressReport> for Progress {
    fn from(report: ProgressReport) -> Self {
        let ProgressReport { items_scraped, pages_crawled, stats, sequence, .. } = report;
        Self { items_scraped, pages_crawled, stats, sequence }
    }
}

/// Every bad field of the report.
pub fn validate(progress: &Progress) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.count("items_scraped", 0, Some(progress.items_scraped));
    faults.count("pages_crawled", 0, progress.pages_crawled);
    faults.count("sequence", 0, Some(progress.sequence));
    faults.stats("stats", progress.stats.as_ref());
    faults.into_errors()
}

fn apply_report(job: &mut JobRow, progress: &Progress) {
    job.progress_sequence = progress.sequence;
    job.items_scraped = progress.items_scraped;
    let counted = stat_count(progress.stats.as_ref(), PAGES);
    job.pages_crawled = progress.pages_crawled.or(counted).unwrap_or(job.pages_crawled);
    if let Some(stats) = &progress.stats {
        job.stats = Some(stats_json(stats));
    }
}

/// Scrapy's name for the number of pages received.
pub(super) const PAGES: &str = "response_received_count";
/// Scrapy's name for the number of items scraped.
pub(super) const ITEMS: &str = "item_scraped_count";

/// A count among Scrapy's stats.
pub(super) fn stat_count(stats: Option<&CrawlStats>, name: &str) -> Option<i64> {
    stats?.get(name)?.as_i64().filter(|count| *count >= 0)
}
