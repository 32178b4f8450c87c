//! A worker gives up.

use super::check::{Faults, refuse, stats_json};
use super::end::end;
use super::job::{Ending, Report};
use super::lease::{self, Hold, Lease};
use super::start::begin;
use crate::domain::error::Result;
use crate::domain::idempotency::Begun;
use crate::domain::op::Op;
use crate::protocol::job::{ExecutionStatus, Stats};
use crate::protocol::problem::FieldError;
use crate::protocol::worker::{FailReport, ReportAnswer};

/// Bytes of an error.
const MAX_ERROR_BYTES: usize = 4 * 1024;

#[derive(Clone, Debug, Default)]
pub struct Failure {
    pub error: String,
    pub stats: Option<Stats>,
}

/// Ends the job as failed. The same reported again with the same lease is answered the same and changes nothing.
pub async fn fail(op: &Op, lease: &Lease<'_>, failure: Failure) -> Result<ReportAnswer> {
    refuse(judge(&failure))?;
    let mut change = match op.begin_once().await? {
        Begun::First(change) => change,
        Begun::Again(answer) => return Ok(answer),
    };
    let (mut job, step) = match lease::judge(op, &change, lease, Report::Fail).await? {
        Hold::Held(job, step) => (job, step),
        Hold::Over(job, execution) => {
            let answer = lease::repeated(&job, &execution, &[ExecutionStatus::Failed])?;
            return op.commit_once(change, |_| Ok(answer)).await;
        }
    };
    if step.starts {
        begin(op, &mut change, &mut job).await?;
    }
    job.error = Some(failure.error);
    if let Some(stats) = &failure.stats {
        job.stats = Some(stats_json(stats));
    }
    end(op, &mut change, &mut job, Ending::Failed).await?;
    op.commit_once(change, |position| lease::answer(&job, position)).await
}

impl From<FailReport> for Failure {
    fn from(report: FailReport) -> Self {
        let FailReport { error, stats, .. } = report;
        Self { error, stats }
    }
}

/// Every bad field of the report.
pub fn judge(failure: &Failure) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let fits = (1..=MAX_ERROR_BYTES).contains(&failure.error.len()) && !failure.error.contains('\0');
    faults.unless(fits, "error", "length", "must have 1 byte to 4 KiB of text without NUL");
    faults.stats("stats", failure.stats.as_ref());
    faults.into_errors()
}
