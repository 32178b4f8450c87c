//! What a node does by itself, on the clock: merged progress, summaries, lost leases, retention, abandoned uploads,
//! crawling.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::settings as parts;
use super::start_error::StartError;
use crate::config::Settings;
use crate::crawler::reader::ReaderProgram;
use crate::crawler::runner::{Runner, Running};
use crate::domain::idempotency;
use crate::domain::identity::sweep::forget_expired;
use crate::domain::jobs::{merge, sweep};
use crate::domain::key_clashes;
use crate::domain::limits::{alert, overrides};
use crate::domain::old_rows::{self, KeptFor};
use crate::domain::op::Kernel;
use crate::domain::platform_broadcast;
use crate::domain::presence;
use crate::domain::properties::summary;
use crate::domain::retention::{Retention, trim_logs};
use crate::domain::{tenant_removal, typing, uploads, viewing};
use crate::session::Sessions;
use crate::telemetry::watchdog::Watching;

/// How often merged progress is told: the latest always within a second.
const PROGRESS: Duration = Duration::from_millis(250);
/// How often summaries and leases are looked at.
const SWEEP: Duration = Duration::from_secs(1);
/// How often people are told who is there and who looks at what: a receiver has one message a second of each.
const PEOPLE: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody has stopped writing.
const TYPING: Duration = Duration::from_millis(250);
/// How often quotas are read from the store, and tenants told of theirs.
const QUOTAS: Duration = Duration::from_secs(2);
/// How often logs are trimmed, and kept answers swept.
const TRIM: Duration = Duration::from_secs(60);

/// How often abandoned files are looked for, and how often bytes of which no row tells.
const UPLOADS: Duration = Duration::from_secs(60);
const ORPHANS: Duration = Duration::from_secs(6 * 3_600);

/// How often sign-ins, refresh tokens and links that expired long ago are removed.
const FORGET: Duration = Duration::from_secs(600);

/// Starts the timers; each ends with `stop`.
pub fn spawn(work: &TaskTracker, kernel: &Kernel, settings: &Settings, stop: &CancellationToken) {
    work.spawn(progress(kernel.clone(), stop.clone()));
    work.spawn(sweeps(kernel.clone(), stop.clone()));
    work.spawn(forgetting(kernel.clone(), stop.clone()));
    work.spawn(people(kernel.clone(), stop.clone()));
    work.spawn(writers(kernel.clone(), stop.clone()));
    work.spawn(quotas(kernel.clone(), stop.clone()));
    work.spawn(ageing(kernel.clone(), parts::kept_for(settings), stop.clone()));
    work.spawn(removals(kernel.clone(), stop.clone()));
    work.spawn(trimming(kernel.clone(), parts::retention(settings), stop.clone()));
    work.spawn(abandoned(kernel.clone(), stop.clone()));
    work.spawn(orphans(kernel.clone(), stop.clone()));
}

async fn progress(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, PROGRESS, &stop).await {
        if let Err(problem) = merge::flush_pending(&kernel).await {
            tracing::warn!(%problem, "merged progress could not be told; it is tried again");
        }
    }
}

async fn sweeps(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, SWEEP, &stop).await {
        if let Err(problem) = sweep::sweep_leases(&kernel).await {
            tracing::warn!(%problem, "leases could not be swept; it is tried again");
        }
        if let Err(problem) = platform_broadcast::flush(&kernel).await {
            tracing::warn!(%problem, "a broadcast to all tenants could not be written; it is tried again");
        }
        if let Err(problem) = summary::flush_summaries(&kernel).await {
            tracing::warn!(%problem, "summaries could not be told; it is tried again");
        }
    }
}

async fn people(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, PEOPLE, &stop).await {
        viewing::tell(&kernel);
        if let Err(problem) = presence::tell(&kernel).await {
            tracing::warn!(%problem, "it could not be told who is there; it is tried again");
        }
    }
}

async fn writers(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, TYPING, &stop).await {
        typing::expire(&kernel);
    }
}

async fn quotas(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, QUOTAS, &stop).await {
        if let Err(problem) = overrides::refresh(&kernel).await {
            tracing::warn!(%problem, "the tenants' quotas could not be read; those known stand");
        }
        if let Err(problem) = alert::raise_due(&kernel).await {
            tracing::warn!(%problem, "a tenant could not be told of a quota; it is tried again");
        }
    }
}

async fn trimming(kernel: Kernel, retention: Retention, stop: CancellationToken) {
    // At the start too: a node that never lives for a whole turn would never trim.
    loop {
        if let Err(problem) = trim_logs(&kernel, retention).await {
            tracing::warn!(%problem, "logs could not be trimmed; it is tried again");
        }
        if let Err(problem) = idempotency::sweep(&kernel).await {
            tracing::warn!(%problem, "kept answers could not be swept; it is tried again");
        }
        if !tick(&kernel, TRIM, &stop).await {
            return;
        }
    }
}

async fn abandoned(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, UPLOADS, &stop).await {
        if let Err(problem) = uploads::sweep(&kernel).await {
            tracing::warn!(%problem, "abandoned uploads could not be removed; it is tried again");
        }
    }
}

async fn orphans(kernel: Kernel, stop: CancellationToken) {
    // At the start too, which also tells early of a store that does not answer.
    loop {
        if let Err(problem) = uploads::sweep_orphans(&kernel).await {
            tracing::warn!(%problem, "the store of uploads could not be looked through; it is tried again");
        }
        if !tick(&kernel, ORPHANS, &stop).await {
            return;
        }
    }
}

async fn forgetting(kernel: Kernel, stop: CancellationToken) {
    // At the start: what a migration found is told by the first node that runs after it.
    if let Err(problem) = key_clashes::tell(&kernel).await {
        tracing::warn!(%problem, "admins could not be told of names that clash; it is tried at the next start");
    }
    while tick(&kernel, FORGET, &stop).await {
        if let Err(problem) = forget_expired(&kernel).await {
            tracing::warn!(%problem, "expired credentials could not be removed; it is tried again");
        }
    }
}

async fn ageing(kernel: Kernel, kept: KeptFor, stop: CancellationToken) {
    // At the start too, as with logs.
    loop {
        if let Err(problem) = old_rows::sweep(&kernel, &kept).await {
            tracing::warn!(%problem, "rows that are old enough could not be removed; it is tried again");
        }
        if !tick(&kernel, FORGET, &stop).await {
            return;
        }
    }
}

/// Goes on with tenants that are to go: asked for here, elsewhere, or before this node was killed.
async fn removals(kernel: Kernel, stop: CancellationToken) {
    while tick(&kernel, SWEEP, &stop).await {
        while !stop.is_cancelled() {
            match tenant_removal::go_on(&kernel).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(problem) => {
                    tracing::warn!(%problem, "a tenant could not be removed; it is tried again");
                    break;
                }
            }
        }
    }
}

/// Waits for the next turn; `false` when there is none.
async fn tick(kernel: &Kernel, span: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = kernel.clock.sleep(span) => true,
    }
}

/// Starts the watchdog where the configuration wants it.
pub fn watchdog(
    work: &TaskTracker,
    sessions: &Sessions,
    limit: Option<Duration>,
    stop: &CancellationToken,
) -> Result<Option<Watching>, StartError> {
    let Some(limit) = limit else { return Ok(None) };
    let heart = &sessions.node.heart;
    work.spawn(Arc::clone(heart).beat(stop.clone()));
    let (metrics, writes) = (Arc::clone(&sessions.kernel.metrics), Arc::clone(sessions.kernel.db.writes()));
    let watching = Watching::start(Arc::clone(heart), limit, metrics, writes);
    watching.map(Some).map_err(|error| StartError::Watchdog(error.to_string()))
}

/// Starts the built-in crawler where the configuration wants it.
pub fn crawler(
    work: &TaskTracker,
    kernel: &Kernel,
    settings: &Settings,
    program: ReaderProgram,
    stop: &CancellationToken,
) -> Result<(), StartError> {
    if !settings.crawler.enabled {
        return Ok(());
    }
    let running = Running {
        jobs: settings.crawler.concurrency,
        open_per_job: settings.crawler.open_jobs_per_slot,
        lease: settings.limits.lease(),
    };
    let runner = Runner::new(kernel.clone(), parts::crawler(settings, program), running)
        .map_err(|error| StartError::Crawler(error.to_string()))?;
    work.spawn(runner.run(stop.clone()));
    Ok(())
}
