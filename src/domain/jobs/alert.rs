//! Alerts about a job, for its owner and the admins.

use super::end::execution_id;
use crate::base::clock::epoch_seconds;
use crate::base::ids::{JobId, UserId};
use crate::domain::error::Result;
use crate::domain::notifications::notify;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::message::{Severity, SystemAlert};
use crate::protocol::spider::AUTO;
use crate::storage::jobs::JobRow;
use crate::storage::{job_items, jobs};

/// The job failed.
pub(super) async fn job_failed(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let cause = job.error.as_deref().unwrap_or("no error was reported");
    let words = format!("Job {} ({}) failed: {cause}", job.id, job.spider_name);
    raise(op, change, job, Severity::Error, "job_failed", words).await
}

/// The worker was lost; the job was queued again.
pub(super) async fn worker_lost(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let words = format!(
        "Job {} ({}) was queued again: the worker of attempt {} went silent.",
        job.id,
        job.spider_name,
        job.attempt - 1
    );
    raise(op, change, job, Severity::Warning, "worker_lost", words).await
}

/// The job completed without a listing although the spider's previous run had some: the site has probably
/// changed. Runs of `auto` are compared only if they had the same targets.
pub(super) async fn no_items(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let targets = (job.spider_name == AUTO).then_some(job.target_urls.as_str());
    let before = jobs::last_completed(&change.tx, &job.spider_name, targets, JobId(job.id)).await?;
    let Some(before) = before else { return Ok(()) };
    let had = job_items::count(&change.tx, execution_id(&before)?).await?;
    if had == 0 {
        return Ok(());
    }
    let words = format!(
        "Job {} ({}) completed without a listing; the run before it, job {}, had {had}.",
        job.id, job.spider_name, before.id
    );
    raise(op, change, job, Severity::Warning, "no_items", words).await
}

async fn raise(
    op: &Op,
    change: &mut EventTx,
    job: &JobRow,
    severity: Severity,
    category: &str,
    message: String,
) -> Result<()> {
    let message = SystemAlert {
        severity,
        category: category.to_owned(),
        message,
        job_id: Some(job.id),
        timestamp: epoch_seconds(op.now()),
        position: None,
        occurred_at: None,
    };
    notify(op, change, Event::Alert { concerns: Some(UserId(job.created_by)), message }).await
}
