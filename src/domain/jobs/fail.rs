//! A worker fails a job.

use super::end::end;
use super::lease::{self, Lease, LeaseCheck};
use super::start::begin_execution;
use super::state::{JobInput, Outcome};
use super::validation::{FieldErrors, ensure_valid, stats_json};
use crate::domain::error::Result;
use crate::domain::idempotency::Begin;
use crate::domain::op::Op;
use crate::protocol::job::{CrawlStats, ExecutionStatus};
use crate::protocol::problem::FieldError;
use crate::protocol::worker::{FailReport, ReportResponse};

/// Maximum bytes of an error.
const MAX_ERROR_BYTES: usize = 4 * 1024;

#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub error: String,
    pub stats: Option<CrawlStats>,
}

/// Ends the job as failed. The same report repeated with the same lease gets the same answer and changes nothing.
pub async fn fail(op: &Op, lease: &Lease<'_>, failure: Failure) -> Result<ReportResponse> {
    ensure_valid(validate(&failure))?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let (mut job, step) = match lease::check(op, &change, lease, JobInput::Fail).await? {
        LeaseCheck::Valid(job, step) => (job, step),
        LeaseCheck::Ended(job, execution) => {
            let answer = lease::answer_repeated(&job, &execution, &[ExecutionStatus::Failed])?;
            return op.commit_idempotent(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin_execution(op, &mut change, &mut job).await?;
    }
    job.error = Some(failure.error);
    if let Some(stats) = &failure.stats {
        job.stats = Some(stats_json(stats));
    }
    end(op, &mut change, &mut job, Outcome::Failed).await?;
    op.commit_idempotent(change, |position| lease::report_answer(&job, position)).await
}

impl From<FailReport> for Failure {
    fn from(report: FailReport) -> Self {
        let FailReport { error, stats, .. } = report;
        Self { error, stats }
    }
}

/// Every bad field of the report.
pub fn validate(failure: &Failure) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let fits = (1..=MAX_ERROR_BYTES).contains(&failure.error.len()) && !failure.error.contains('\0');
    faults.require(fits, "error", "length", "must have 1 byte to 4 KiB of text without NUL");
    faults.stats("stats", failure.stats.as_ref());
    faults.into_errors()
}
