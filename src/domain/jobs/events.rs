//! The events of a job.

use super::view;
use crate::base::clock::epoch_seconds;
use crate::base::ids::UserId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::message::{JobEvent, JobProgress, JobUpdate};
use crate::storage::jobs::JobRow;
use crate::storage::micros;

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
        position: None,
        occurred_at: None,
    })
}

fn emit(change: &mut EventTx, job: &JobRow, message: JobUpdate) -> Result<()> {
    change.emit(Event::Job { owner: UserId(job.created_by), message });
    Ok(())
}
