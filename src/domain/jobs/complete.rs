//! A worker completes a job.

use super::end::{CANCELLED, end};
use super::lease::{self, Lease, LeaseCheck};
use super::progress::{ITEMS, PAGES, stat_count};
use super::start::begin_execution;
use super::state::{Action, JobInput, Outcome};
use super::validation::{FieldErrors, ensure_valid, stats_json};
use crate::base::text;
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::protocol::job::{CrawlStats, ExecutionStatus};
use crate::protocol::problem::FieldError;
use crate::protocol::worker::{CompleteReport, ReportResponse};
use crate::storage::jobs::JobRow;

/// A worker's final report. Absent fields are taken from its stats under Scrapy's names.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub items_scraped: Option<i64>,
    pub pages_crawled: Option<i64>,
    pub stats: Option<CrawlStats>,
    pub finish_reason: Option<String>,
}

/// The finish reason of a worker that gives none.
const FINISHED: &str = "finished";

/// Ends the job as completed or, when that is the reason, as cancelled. The same report repeated with the
/// same lease gets the same answer and changes nothing.
pub async fn complete(op: &Op, lease: &Lease<'_>, done: Completion) -> Result<ReportResponse> {
    ensure_valid(validate(&done))?;
    let reason = reason(&done);
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let report = JobInput::Complete { cancelled: reason == CANCELLED };
    let (mut job, step) = match lease::check(op, &change, lease, report).await? {
        LeaseCheck::Valid(job, step) => (job, step),
        LeaseCheck::Ended(job, execution) => {
            let ends = [ExecutionStatus::Completed, ExecutionStatus::Cancelled];
            let answer = lease::answer_repeated(&job, &execution, &ends)?;
            return op.commit_idempotent(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    apply_report(&mut job, &done);
    job.finish_reason = Some(reason);
    let ending = if let Action::End(ending) = step.action { ending } else { Outcome::Completed };
    end(op, &mut change, &mut job, ending).await?;
    op.commit_idempotent(change, |position| lease::report_answer(&job, position)).await
}

impl From<CompleteReport> for Completion {
    fn from(report: CompleteReport) -> Self {
        let CompleteReport { items_scraped, pages_crawled, stats, finish_reason, .. } = report;
        Self { items_scraped, pages_crawled, stats, finish_reason }
    }
}

/// Every bad field of the report.
pub fn validate(done: &Completion) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    faults.count("items_scraped", 0, done.items_scraped);
    faults.count("pages_crawled", 0, done.pages_crawled);
    faults.stats("stats", done.stats.as_ref());
    let fits = done.finish_reason.as_deref().is_none_or(is_reason);
    faults.require(fits, "finish_reason", "length", "must have 1 to 100 characters");
    faults.into_errors()
}

fn is_reason(reason: &str) -> bool {
    text::has_length(reason, 1, 100)
}

fn reason(done: &Completion) -> String {
    let counted = || {
        let word = done.stats.as_ref()?.get("finish_reason")?.as_str()?;
        is_reason(word).then(|| word.to_owned())
    };
    done.finish_reason.clone().or_else(counted).unwrap_or_else(|| FINISHED.to_owned())
}

fn apply_report(job: &mut JobRow, done: &Completion) {
    let stats = done.stats.as_ref();
    job.items_scraped = done.items_scraped.or(stat_count(stats, ITEMS)).unwrap_or(job.items_scraped);
    job.pages_crawled = done.pages_crawled.or(stat_count(stats, PAGES)).unwrap_or(job.pages_crawled);
    if let Some(stats) = stats {
        job.stats = Some(stats_json(stats));
    }
}
