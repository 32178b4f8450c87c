//! A worker is done.

use super::check::{Faults, refuse, stats_json};
use super::end::{CANCELLED, end};
use super::job::{Ending, Report, Turn};
use super::lease::{self, Hold, Lease};
use super::progress::{ITEMS, PAGES, count_of};
use super::start::begin;
use crate::base::text;
use crate::domain::error::Result;
use crate::domain::idempotency::Begun;
use crate::domain::op::Op;
use crate::protocol::job::{ExecutionStatus, Stats};
use crate::protocol::problem::FieldError;
use crate::protocol::worker::{CompleteReport, ReportAnswer};
use crate::storage::jobs::JobRow;

/// What a worker reports at its end. What it leaves out is taken from its stats in Scrapy's words.
#[derive(Clone, Debug, Default)]
pub struct Completion {
    pub items_scraped: Option<i64>,
    pub pages_crawled: Option<i64>,
    pub stats: Option<Stats>,
    pub finish_reason: Option<String>,
}

/// The finish reason of a worker that gives none.
const FINISHED: &str = "finished";

/// Ends the job as completed or, when that is the reason, as cancelled. The same end reported again with the same
/// lease is answered the same and changes nothing.
pub async fn complete(op: &Op, lease: &Lease<'_>, done: Completion) -> Result<ReportAnswer> {
    refuse(judge(&done))?;
    let reason = reason(&done);
    let mut change = match op.begin_once().await? {
        Begun::First(change) => change,
        Begun::Again(answer) => return Ok(answer),
    };
    let report = Report::Complete { cancelled: reason == CANCELLED };
    let (mut job, step) = match lease::judge(op, &change, lease, report).await? {
        Hold::Held(job, step) => (job, step),
        Hold::Over(job, execution) => {
            let ends = [ExecutionStatus::Completed, ExecutionStatus::Cancelled];
            let answer = lease::repeated(&job, &execution, &ends)?;
            return op.commit_once(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin(op, &mut change, &mut job).await?;
    }
    take(&mut job, &done);
    job.finish_reason = Some(reason);
    let ending = if let Turn::End(ending) = step.turn { ending } else { Ending::Completed };
    end(op, &mut change, &mut job, ending).await?;
    op.commit_once(change, |position| lease::answer(&job, position)).await
}

impl From<CompleteReport> for Completion {
    fn from(report: CompleteReport) -> Self {
        let CompleteReport { items_scraped, pages_crawled, stats, finish_reason, .. } = report;
        Self { items_scraped, pages_crawled, stats, finish_reason }
    }
}

/// Every bad field of the report.
pub fn judge(done: &Completion) -> Vec<FieldError> {
    let mut faults = Faults::default();
    faults.count("items_scraped", 0, done.items_scraped);
    faults.count("pages_crawled", 0, done.pages_crawled);
    faults.stats("stats", done.stats.as_ref());
    let fits = done.finish_reason.as_deref().is_none_or(is_reason);
    faults.unless(fits, "finish_reason", "length", "must have 1 to 100 characters");
    faults.into_errors()
}

fn is_reason(reason: &str) -> bool {
    text::fits(reason, 1, 100)
}

fn reason(done: &Completion) -> String {
    let counted = || {
        let word = done.stats.as_ref()?.get("finish_reason")?.as_str()?;
        is_reason(word).then(|| word.to_owned())
    };
    done.finish_reason.clone().or_else(counted).unwrap_or_else(|| FINISHED.to_owned())
}

fn take(job: &mut JobRow, done: &Completion) {
    let stats = done.stats.as_ref();
    job.items_scraped = done.items_scraped.or(count_of(stats, ITEMS)).unwrap_or(job.items_scraped);
    job.pages_crawled = done.pages_crawled.or(count_of(stats, PAGES)).unwrap_or(job.pages_crawled);
    if let Some(stats) = stats {
        job.stats = Some(stats_json(stats));
    }
}
