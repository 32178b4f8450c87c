//! Background tasks of a node: merged progress, summaries, lost leases, schedules, retention, abandoned uploads,
//! crawling.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::start_error::StartError;
use super::wiring as parts;
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;
use crate::crawler::runner::{Runner, RunnerLimits};
use crate::domain::idempotency;
use crate::domain::identity::sweep::purge_expired;
use crate::domain::jobs::{lease, worker_reports};
use crate::domain::kept_pages;
use crate::domain::key_clashes;
use crate::domain::limits::{alert, overrides};
use crate::domain::log_retention::{LogRetention, trim_logs};
use crate::domain::op::Services;
use crate::domain::platform_broadcast;
use crate::domain::presence;
use crate::domain::properties::summary;
use crate::domain::row_retention::{self, RowRetention};
use crate::domain::schedules;
use crate::domain::{tenant_removal, typing, uploads, viewing};
use crate::session::ConnectionRegistry;
use crate::telemetry::watchdog::WatchdogThread;

/// How often merged progress is published: the latest always within a second.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(250);
/// How often summaries, leases and schedules are checked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// How often presence and viewers are published: a receiver gets one message per second of each.
const PRESENCE_INTERVAL: Duration = Duration::from_secs(1);
/// How often expired typing indicators are removed.
const TYPING_INTERVAL: Duration = Duration::from_millis(250);
/// How often quotas are read from the store, and tenants notified of theirs.
const QUOTA_INTERVAL: Duration = Duration::from_secs(2);
/// How often logs are trimmed, and expired idempotency keys removed.
const TRIM_INTERVAL: Duration = Duration::from_secs(60);

/// How often abandoned uploads and pages beyond their limit are swept, and how often blobs without a row are.
const UPLOAD_SWEEP_INTERVAL: Duration = Duration::from_secs(60);
const ORPHAN_SWEEP_INTERVAL: Duration = Duration::from_secs(6 * 3_600);

/// How often sign-ins, refresh tokens and links that expired long ago are removed.
const PURGE_INTERVAL: Duration = Duration::from_secs(600);

/// Starts the tasks; each ends with `stop`.
pub fn spawn(work: &TaskTracker, services: &Services, settings: &Settings, stop: &CancellationToken) {
    work.spawn(flush_progress(services.clone(), stop.clone()));
    work.spawn(sweep_leases_and_summaries(services.clone(), stop.clone()));
    work.spawn(start_scheduled_jobs(services.clone(), stop.clone()));
    work.spawn(purge_credentials(services.clone(), stop.clone()));
    work.spawn(flush_presence(services.clone(), stop.clone()));
    work.spawn(expire_typing(services.clone(), stop.clone()));
    work.spawn(refresh_quotas(services.clone(), stop.clone()));
    work.spawn(purge_old_rows(services.clone(), parts::row_retention(settings), stop.clone()));
    work.spawn(resume_tenant_removals(services.clone(), stop.clone()));
    work.spawn(trim_event_logs(services.clone(), parts::log_retention(settings), stop.clone()));
    work.spawn(sweep_abandoned_uploads(services.clone(), stop.clone()));
    work.spawn(sweep_orphan_blobs(services.clone(), stop.clone()));
}

async fn flush_progress(services: Services, stop: CancellationToken) {
    while tick(&services, PROGRESS_INTERVAL, &stop).await {
        if let Err(problem) = worker_reports::flush_progress(&services).await {
            tracing::warn!(%problem, "merged progress could not be published; will retry");
        }
    }
}

async fn sweep_leases_and_summaries(services: Services, stop: CancellationToken) {
    while tick(&services, SWEEP_INTERVAL, &stop).await {
        if let Err(problem) = lease::sweep_leases(&services).await {
            tracing::warn!(%problem, "leases could not be swept; will retry");
        }
        if let Err(problem) = platform_broadcast::flush(&services).await {
            tracing::warn!(%problem, "a broadcast to all tenants could not be written; will retry");
        }
        if let Err(problem) = summary::flush_summaries(&services).await {
            tracing::warn!(%problem, "summaries could not be published; will retry");
        }
    }
}

async fn start_scheduled_jobs(services: Services, stop: CancellationToken) {
    while tick(&services, SWEEP_INTERVAL, &stop).await {
        if let Err(problem) = schedules::runs::start_due(&services).await {
            tracing::warn!(%problem, "scheduled runs could not be read; will retry");
        }
    }
}

async fn flush_presence(services: Services, stop: CancellationToken) {
    while tick(&services, PRESENCE_INTERVAL, &stop).await {
        viewing::flush(&services);
        if let Err(problem) = presence::flush(&services).await {
            tracing::warn!(%problem, "presence could not be published; will retry");
        }
    }
}

async fn expire_typing(services: Services, stop: CancellationToken) {
    while tick(&services, TYPING_INTERVAL, &stop).await {
        typing::expire(&services);
    }
}

async fn refresh_quotas(services: Services, stop: CancellationToken) {
    while tick(&services, QUOTA_INTERVAL, &stop).await {
        if let Err(problem) = overrides::refresh(&services).await {
            tracing::warn!(%problem, "the tenants' quotas could not be read; the last known ones stay in effect");
        }
        if let Err(problem) = alert::raise_due(&services).await {
            tracing::warn!(%problem, "a quota alert could not be written; will retry");
        }
    }
}

async fn trim_event_logs(services: Services, retention: LogRetention, stop: CancellationToken) {
    // At the start too: a node that never runs for a whole interval would never trim.
    loop {
        if let Err(problem) = trim_logs(&services, retention).await {
            tracing::warn!(%problem, "logs could not be trimmed; will retry");
        }
        if let Err(problem) = idempotency::sweep(&services).await {
            tracing::warn!(%problem, "idempotency keys could not be swept; will retry");
        }
        if !tick(&services, TRIM_INTERVAL, &stop).await {
            return;
        }
    }
}

async fn sweep_abandoned_uploads(services: Services, stop: CancellationToken) {
    while tick(&services, UPLOAD_SWEEP_INTERVAL, &stop).await {
        if let Err(problem) = uploads::sweep(&services).await {
            tracing::warn!(%problem, "abandoned uploads could not be removed; will retry");
        }
        if let Err(problem) = kept_pages::sweep(&services).await {
            tracing::warn!(%problem, "kept pages beyond their limit could not be removed; will retry");
        }
    }
}

async fn sweep_orphan_blobs(services: Services, stop: CancellationToken) {
    // At the start too, which also reports an unreachable store early.
    loop {
        if let Err(problem) = uploads::sweep_orphans(&services).await {
            tracing::warn!(%problem, "orphaned blobs could not be swept; will retry");
        }
        if let Err(problem) = kept_pages::sweep_orphans(&services).await {
            tracing::warn!(%problem, "bodies of pages without a row could not be swept; will retry");
        }
        if !tick(&services, ORPHAN_SWEEP_INTERVAL, &stop).await {
            return;
        }
    }
}

async fn purge_credentials(services: Services, stop: CancellationToken) {
    // At the start: clashes that a migration found are reported by the first node that runs after it.
    if let Err(problem) = key_clashes::notify_admins(&services).await {
        tracing::warn!(%problem, "admins could not be notified of clashing names; will retry at the next start");
    }
    while tick(&services, PURGE_INTERVAL, &stop).await {
        if let Err(problem) = purge_expired(&services).await {
            tracing::warn!(%problem, "expired credentials could not be removed; will retry");
        }
    }
}

async fn purge_old_rows(services: Services, kept: RowRetention, stop: CancellationToken) {
    // At the start too, as with logs.
    loop {
        if let Err(problem) = row_retention::sweep(&services, &kept).await {
            tracing::warn!(%problem, "rows past their retention could not be removed; will retry");
        }
        if !tick(&services, PURGE_INTERVAL, &stop).await {
            return;
        }
    }
}

/// Continues the removal of tenants: requested here, elsewhere, or before this node was killed.
async fn resume_tenant_removals(services: Services, stop: CancellationToken) {
    while tick(&services, SWEEP_INTERVAL, &stop).await {
        while !stop.is_cancelled() {
            match tenant_removal::resume(&services).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(problem) => {
                    tracing::warn!(%problem, "a tenant could not be removed; will retry");
                    break;
                }
            }
        }
    }
}

/// Waits for the next tick; `false` after `stop`.
async fn tick(services: &Services, span: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = services.clock.sleep(span) => true,
    }
}

/// Starts the watchdog if it is configured.
pub fn start_watchdog(
    work: &TaskTracker,
    sessions: &ConnectionRegistry,
    limit: Option<Duration>,
    stop: &CancellationToken,
) -> Result<Option<WatchdogThread>, StartError> {
    let Some(limit) = limit else { return Ok(None) };
    let heart = &sessions.health.runtime_probe;
    work.spawn(Arc::clone(heart).respond(stop.clone()));
    let (metrics, writes) =
        (Arc::clone(&sessions.services.metrics), Arc::clone(sessions.services.db.writes()));
    let watchdog = WatchdogThread::start(Arc::clone(heart), limit, metrics, writes);
    watchdog.map(Some).map_err(|error| StartError::Watchdog(error.to_string()))
}

/// Starts the built-in crawler if it is enabled.
pub fn start_crawler(
    work: &TaskTracker,
    services: &Services,
    settings: &Settings,
    program: ReaderProgram,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    if !settings.crawler.enabled {
        return Ok(());
    }
    let running = RunnerLimits {
        jobs: settings.crawler.concurrency,
        open_per_job: settings.crawler.open_jobs_per_slot,
        lease: settings.limits.lease(),
    };
    let runner = Runner::new(services.clone(), parts::crawler(settings, program), running)
        .map_err(|error| StartError::Crawler(error.to_string()))?;
    services.previews.set_reader(runner.page_reader());
    work.spawn(runner.run(stop.clone()));
    Ok(())
}
