//! The `new_properties` summary: merged counts, at most one message per job in five seconds. Pending counts
//! are in the job's row, so that they survive a node that stops.

use chrono::TimeDelta;

use super::location_counts::LocationCounts;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::epoch_seconds;
use crate::base::ids::{JobId, TenantId};
use crate::domain::error::Result;
use crate::domain::notifications::notify;
use crate::domain::op::{Op, Services};
use crate::eventlog::EventTx;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, PropertyNotification, PropertyNotificationEvent};
use crate::storage::jobs::JobRow;
use crate::storage::{job_summaries, jobs, micros};

/// Shortest interval between two summaries of one job.
const PERIOD: TimeDelta = TimeDelta::seconds(5);
/// Jobs that one call of the timer handles; the next call takes the rest.
const MAX_JOBS: u64 = 500;

/// Counts new properties of a job, with its row locked, and emits them if the last summary is old enough.
pub(super) async fn add_to_summary(
    op: &Op,
    change: &mut EventTx,
    job: &JobRow,
    count: i64,
    found: LocationCounts,
) -> Result<()> {
    let mut locations = LocationCounts::from_json(job.summary_places.as_deref());
    locations.merge(found);
    let pending = job.summary_pending.saturating_add(count);
    if is_due(op, job) {
        return emit(op, change, job, pending, &locations).await;
    }
    Ok(job_summaries::save_pending(&change.tx, JobId(job.id), pending, locations.to_json()).await?)
}

/// Emits what is pending, however recent the last summary: for a job's final report. The change must hold the
/// job's row, as it is in the store at this moment, and must not write the row's `summary_…` columns itself.
pub async fn emit_summary(op: &Op, change: &mut EventTx, job: &JobRow) -> Result<()> {
    if job.summary_pending == 0 {
        return Ok(());
    }
    let locations = LocationCounts::from_json(job.summary_places.as_deref());
    emit(op, change, job, job.summary_pending, &locations).await
}

/// Emits the summaries that are due, over all tenants: for a timer of about a second. Returns their number.
pub async fn flush_summaries(services: &Services) -> Result<usize> {
    let since = micros(services.clock.now() - PERIOD);
    let system = services.db.system(SystemReason::MergedWrite).read().await?;
    let due = job_summaries::due(&system, since, MAX_JOBS).await?;
    drop(system);
    let mut emitted = 0;
    let mut failure = None;
    for (tenant_id, job_id) in due {
        match flush(services, tenant_id, job_id).await {
            Ok(done) => emitted += usize::from(done),
            // One that fails does not delay the others.
            Err(problem) => failure = Some(problem),
        }
    }
    failure.map_or(Ok(emitted), Err)
}

/// False if another node, or the final report, was first.
async fn flush(services: &Services, tenant_id: TenantId, job_id: JobId) -> Result<bool> {
    let op = Op::of_system(services, SystemReason::MergedWrite, tenant_id);
    let mut change = op.begin().await?;
    let job = jobs::lock(&change.tx, job_id).await?;
    let Some(job) = job.filter(|job| job.summary_pending > 0 && is_due(&op, job)) else { return Ok(false) };
    emit_summary(&op, &mut change, &job).await?;
    op.commit(change).await?;
    Ok(true)
}

fn is_due(op: &Op, job: &JobRow) -> bool {
    job.summary_told_at.is_none_or(|told_at| told_at <= micros(op.now() - PERIOD))
}

async fn emit(
    op: &Op,
    change: &mut EventTx,
    job: &JobRow,
    count: i64,
    places: &LocationCounts,
) -> Result<()> {
    job_summaries::set_emitted(&change.tx, JobId(job.id), micros(op.now())).await?;
    notify(op, change, event(op, Some(JobId(job.id)), count, places)).await
}

/// Emits the new properties of a batch that belongs to no job.
pub(super) async fn emit_batch_summary(
    op: &Op,
    change: &mut EventTx,
    count: i64,
    places: &LocationCounts,
) -> Result<()> {
    notify(op, change, event(op, None, count, places)).await
}

fn event(op: &Op, job_id: Option<JobId>, count: i64, places: &LocationCounts) -> Event {
    let message = PropertyNotification {
        event: PropertyNotificationEvent::NewProperties,
        count,
        location: places.location(),
        timestamp: epoch_seconds(op.now()),
        job_id: job_id.map(|job_id| job_id.0),
        logged: Logged::default(),
    };
    Event::NewProperties { message }
}
