//! Polls for jobs of external spiders on behalf of all waiting claims of this node: for jobs that other nodes
//! queued, and for jobs at the end of their pause after a lost worker.

use std::convert::Infallible;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::wakeups::QueuedJob;
use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Services;
use crate::storage::jobs;
use crate::storage::{micros, time};

/// Interval between two polls, randomised so that nodes do not poll together.
const SHORTEST_MS: u64 = 750;
const LONGEST_MS: u64 = 1_250;
/// Spiders, and paused jobs, of one poll; the next poll finds the rest, when these have been taken.
const BATCH: u64 = 10_000;

/// Polls until it is dropped. Of all that call this on a node one polls, and the others wait to take over.
pub(super) async fn poll_for_all(services: &Services) -> Infallible {
    let _leader = services.wakeups.lead_polling().await;
    let mut next = None;
    loop {
        let usual = services.clock.now() + interval(services);
        services.clock.sleep_until(next.map_or(usual, |next| usual.min(next))).await;
        next = poll_once(services).await.unwrap_or_else(|problem| {
            tracing::debug!(%problem, "the poll for waiting jobs failed; it is repeated");
            None
        });
    }
}

fn interval(services: &Services) -> Duration {
    Duration::from_millis(SHORTEST_MS + services.entropy.below(LONGEST_MS - SHORTEST_MS + 1))
}

/// Wakes claims for the jobs that can be claimed now; returns the time at which the next pause ends.
async fn poll_once(services: &Services) -> Result<Option<DateTime<Utc>>> {
    let tenants = services.wakeups.tenants();
    let (now, precedence) = (services.clock.now(), services.job_settings.precedence());
    let over_for_all = micros(now - precedence);
    let tx = services.db.system(SystemReason::JobPoll).read().await?;
    let waiting = jobs::waiting_for_external(&tx, &tenants, over_for_all, BATCH).await?;
    let paused = jobs::paused(&tx, over_for_all, BATCH).await?;
    drop(tx);
    for spider in waiting {
        for _ in 0..spider.jobs {
            let job = QueuedJob::External { spider_name: spider.spider_name.clone(), not_for: None };
            if !services.wakeups.notify(spider.tenant, job) {
                break;
            }
        }
    }
    let mut next: Option<DateTime<Utc>> = None;
    for job in paused {
        let not_before = time(job.not_before);
        let (over, not_for) = (not_before <= now, job.claimed_by);
        let change = not_before + if over { precedence } else { TimeDelta::zero() };
        next = Some(next.map_or(change, |next| next.min(change)));
        if over {
            services
                .wakeups
                .notify(job.tenant, QueuedJob::External { spider_name: job.spider_name, not_for });
        }
    }
    Ok(next)
}
