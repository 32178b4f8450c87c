//! The events of a job, and the alerts about it for its owner and the admins.

use super::view;
use crate::base::clock::epoch_seconds;
use crate::base::ids::JobId;
use crate::domain::error::Result;
use crate::domain::notifications::notify;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::message::{JobEvent, JobProgress, JobUpdate, Logged, Severity, SystemAlert};
use crate::protocol::spider::AUTO;
use crate::storage::jobs::JobRow;
use crate::storage::{job_items, jobs, micros};

pub(super) fn emit_queued(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    emit(change, job, update(op, job, JobEvent::JobQueued)?)
}

pub(super) fn emit_started(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    emit(change, job, update(op, job, JobEvent::JobStarted)?)
}

/// Emits the current figures; nothing is pending after that.
pub(super) fn emit_progress(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    job.progress_pending = false;
    job.progress_told_at = Some(micros(op.now()));
    emit(change, job, update(op, job, JobEvent::JobProgress)?)
}

/// Emits merged progress that is pending.
pub(super) fn emit_pending_progress(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    if job.progress_pending { emit_progress(op, change, job) } else { Ok(()) }
}

/// The same at the end of an execution. One too short for any report emits its progress once before the end.
pub(super) fn emit_last_progress(op: &Op, change: &mut EventTx, job: &mut JobRow) -> Result<()> {
    let has_emitted =
        job.progress_told_at.is_some_and(|told| job.started_at.is_some_and(|begun| told >= begun));
    let has_done = job.items_scraped > 0 || job.pages_crawled > 0;
    job.progress_pending |= has_done && !has_emitted;
    emit_pending_progress(op, change, job)
}

pub(super) fn emit_completed(op: &Op, change: &mut EventTx, job: &JobRow, total_items: u64) -> Result<()> {
    let total_items = i64::try_from(total_items).ok();
    emit(change, job, JobUpdate { total_items, ..update(op, job, JobEvent::JobCompleted)? })
}

pub(super) fn emit_failed(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    emit(change, job, update(op, job, JobEvent::JobFailed)?)
}

pub(super) fn emit_cancelled(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    emit(change, job, update(op, job, JobEvent::JobCancelled)?)
}

fn update(op: &Op, job: &JobRow, event: JobEvent) -> Result<JobUpdate> {
    let in_progress = event == JobEvent::JobProgress;
    let counts = !matches!(event, JobEvent::JobQueued | JobEvent::JobStarted);
    let figures = JobProgress { items_scraped: job.items_scraped, pages_crawled: job.pages_crawled };
    Ok(JobUpdate {
        event,
        job_id: job.id,
        timestamp: epoch_seconds(op.now()),
        status: view::status(job)?,
        spider_name: job.spider_name.clone(),
        execution_id: job.execution_id,
        attempt: job.attempt,
        items_scraped: counts.then_some(job.items_scraped),
        progress: in_progress.then_some(figures),
        total_items: None,
        // The final report sets them before the last progress is emitted.
        finish_reason: job.finish_reason.clone().filter(|_| !in_progress),
        error: job.error.clone().filter(|_| !in_progress),
        logged: Logged::default(),
    })
}

fn emit(change: &mut EventTx, job: &JobRow, message: JobUpdate) -> Result<()> {
    change.emit(Event::Job { owner: job.owner(), message });
    Ok(())
}

/// The job failed.
pub(super) async fn alert_job_failed(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let cause = job.error.as_deref().unwrap_or("no error was reported");
    let words = format!("Job {} ({}) failed: {cause}", job.id, job.spider_name);
    raise_alert(op, change, job, Severity::Error, "job_failed", words).await
}

/// The worker was lost; the job was queued again.
pub(super) async fn alert_worker_lost(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let words = format!(
        "Job {} ({}) was queued again: the worker of attempt {} went silent.",
        job.id,
        job.spider_name,
        job.attempt - 1
    );
    raise_alert(op, change, job, Severity::Warning, "worker_lost", words).await
}

/// The job completed without a listing although the spider's previous run had some: the site has probably
/// changed. Runs of `auto` are compared only if they had the same targets.
pub(super) async fn alert_no_items(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    let targets = (job.spider_name == AUTO).then_some(job.target_urls.as_str());
    let before = jobs::last_completed(&change.tx, &job.spider_name, targets, JobId(job.id)).await?;
    let Some(before) = before else { return Ok(()) };
    let had = job_items::count(&change.tx, view::execution_id(&before)?).await?;
    if had == 0 {
        return Ok(());
    }
    let words = format!(
        "Job {} ({}) completed without a listing; the run before it, job {}, had {had}.",
        job.id, job.spider_name, before.id
    );
    raise_alert(op, change, job, Severity::Warning, "no_items", words).await
}

async fn raise_alert(
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
        logged: Logged::default(),
    };
    notify(op, change, Event::Alert { concerns: job.owner(), message }).await
}
