//! A crawl from its claim to its end: it starts or resumes, turns requests into results, and finishes or is released.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::crawl::{Crawl, CrawlTotals, Limits};
use super::job_client::{CrawlError, JobClient, Result};
use super::known_memory::KnownMemory;
use super::log_buffer::LogBuffer;
use super::outcome::{self, CrawlOutcome, CrawlSummary};
use super::pacing::{BatchSizer, ReportSchedule};
use super::page_warnings::PageWarnings;
use super::seed_urls;
use super::stats::StatsCollector;
use super::url_queue::UrlQueue;
use super::write_buffer::WriteBuffer;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{JobId, TenantId};
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::ReadingLimits;
use crate::crawler::settings::CrawlerSettings;
use crate::crawler::slots::JobSlot;
use crate::domain::frontier::{CrawlCheckpoint, CrawlStep, Fingerprint, UrlClaim};
use crate::domain::jobs::worker_reports::{Completion, Failure};
use crate::domain::op::Op;
use crate::protocol::job::{Job, LogLevel};
use crate::protocol::worker::Claim;

/// Runs the claimed job until it is over, lost, or released because the node stops.
pub(in crate::crawler) async fn run(
    deps: CrawlDeps,
    tenant: TenantId,
    claim: Claim,
    slot: JobSlot,
    lease_length: Duration,
    stop: CancellationToken,
) {
    let Claim { job, lease_token: token, .. } = claim;
    let op = Op::of_system(&deps.services, SystemReason::Crawl, tenant);
    let job_id = JobId(job.job_id);
    let job_client = JobClient { op, job_id, token, lease_length, stop };
    let ended = match Crawl::start(job_client, deps, slot, &job).await {
        Ok(mut crawl) => crawl.run().await,
        Err(halt) => Err(halt),
    };
    match ended {
        Ok(()) => {}
        Err(CrawlError::LeaseLost) => {
            tracing::info!(tenant.id = %tenant, job.id = %job_id, "a crawl has lost its lease");
        }
        Err(CrawlError::StoreFailed(problem)) => {
            tracing::warn!(%problem, tenant.id = %tenant, job.id = %job_id, "a crawl could not report and was dropped");
        }
    }
}

impl Crawl {
    /// Starts the job and loads its frontier, or creates it.
    async fn start(job_client: JobClient, deps: CrawlDeps, slot: JobSlot, job: &Job) -> Result<Self> {
        let cancelled = job_client.start().await?.cancel_requested;
        let targets: Vec<Url> = job.target_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
        let now = deps.services.clock.now();
        let checkpoint = job_client.checkpoint().await?;
        let (stats, started) = resume_stats(&job_client, job, checkpoint.as_ref(), now).await?;
        let list_items = job_client.takes_list_items(&job.spider_name).await?;
        let created_at: Option<DateTime<Utc>> = job.created_at.parse().ok();
        let mut crawl = Self {
            allowed: Arc::new(AllowedHosts::of(&targets, &job.settings.allowed_hosts)),
            limits: Limits::of(job, &deps.settings),
            reading_limits: ReadingLimits { list_items, ..deps.settings.reading_limits() },
            job_created_at: created_at.unwrap_or(now).timestamp_micros(),
            totals: CrawlTotals::default(),
            seen: HashSet::new(),
            queue: UrlQueue::default(),
            frontier_has_more: true,
            has_suspects: false,
            ready_suspect: None,
            suspect_permit: None,
            slot,
            pause: None,
            must_mark_taken: false,
            batch_sizer: BatchSizer::default(),
            in_flight: FuturesUnordered::new(),
            pages_in_flight: 0,
            buffer: WriteBuffer::default(),
            known: KnownMemory::default(),
            review: None,
            warnings: PageWarnings::default(),
            deadline: deadline(started, &deps.settings),
            timed_out: false,
            stats,
            log_buffer: LogBuffer::default(),
            first_failure: None,
            cancelled,
            report_schedule: ReportSchedule::new(now),
            job_client,
            deps,
        };
        match checkpoint {
            Some(checkpoint) => crawl.resume(checkpoint),
            None => crawl.seed_frontier(job).await?,
        }
        Ok(crawl)
    }

    fn resume(&mut self, checkpoint: CrawlCheckpoint) {
        let words = format!("The crawl goes on after {} pages", checkpoint.done + checkpoint.failed);
        self.log(LogLevel::Info, words);
        self.totals = CrawlTotals {
            pages_read: checkpoint.done,
            pages_failed: checkpoint.failed,
            redirects: 0,
            items: checkpoint.items,
        };
        self.seen = checkpoint.pages.into_iter().collect();
        self.has_suspects = checkpoint.suspects;
    }

    async fn seed_frontier(&mut self, job: &Job) -> Result<()> {
        let guard = self.deps.fetcher.guard();
        let seeds = seed_urls::gather(
            &self.job_client,
            guard,
            &job.target_urls,
            &self.allowed,
            self.limits.max_known_pages(),
        )
        .await?;
        let targets = seeds.urls.len() - seeds.known_count;
        let words = format!("The crawl begins with {targets} targets and {} known pages", seeds.known_count);
        self.log(LogLevel::Info, words);
        for refused in seeds.refused {
            self.log_failure(format!("{refused}; it is left out"));
        }
        self.seen = seeds.urls.iter().map(|place| Fingerprint::of(&place.url)).collect();
        // All start pages in one transaction: a crawl that is killed here has none, and starts over.
        let step = CrawlStep { outcomes: &[], new: &seeds.urls, addresses: &[], claim: UrlClaim::Nothing };
        let settled = self.job_client.record(step).await?;
        self.cancelled |= settled.cancel_requested;
        Ok(())
    }

    async fn run(&mut self) -> Result<()> {
        let hosts = self.deps.hosts.clone();
        let clock = self.deps.services.clock.clone();
        loop {
            // Listening begins before hosts are checked, so that a host that is freed in between is noticed.
            let changed = hosts.request_ended();
            self.refill().await?;
            if self.should_try_suspect() {
                self.load_next_suspect().await?;
            }
            self.schedule();
            if self.must_mark_taken {
                self.mark_pages_taken().await?;
                continue;
            }
            self.report_if_due().await?;
            self.timed_out |= self.deadline.is_some_and(|deadline| deadline <= clock.now());
            if self.is_stopped() {
                self.cancel_in_flight();
            }
            if self.should_flush(clock.now()) {
                self.flush(UrlClaim::Nothing).await?;
                continue;
            }
            if self.is_finished() {
                if self.begin_review().await? {
                    continue;
                }
                return self.finish().await;
            }
            let wake = self.next_wake_at();
            tokio::select! {
                biased;
                () = self.job_client.stop.cancelled() => return self.release().await,
                Some(visit) = self.in_flight.next() => self.on_fetched(visit),
                Some(alone) = self.deps.slots.acquire_suspect_permit(), if self.ready_suspect.is_some() => {
                    self.fetch_suspect(alone).await?;
                }
                () = self.slot.granted(), if self.slot.is_waiting() => {}
                () = changed => self.pause = self.pause.filter(|pause| !pause.busy),
                () = clock.sleep_until(wake) => {}
            }
        }
    }

    /// Drops the requests in flight. Their pages are fetched again if the crawl resumes.
    fn cancel_in_flight(&mut self) {
        self.in_flight.clear();
        self.pages_in_flight = 0;
        self.ready_suspect = None;
        self.suspect_permit = None;
    }

    fn is_finished(&self) -> bool {
        let nothing_left = self.queue.is_empty() && !self.frontier_has_more && !self.has_suspects;
        let none_in_flight = self.in_flight.is_empty() && self.ready_suspect.is_none();
        none_in_flight && (self.is_stopped() || nothing_left || self.pages_left() == 0)
    }

    /// When to check again if nothing happens.
    fn next_wake_at(&self) -> DateTime<Utc> {
        let heartbeat = self.report_schedule.due(&self.stats, self.job_client.lease_length);
        let pause_until = self.pause.and_then(|pause| pause.until);
        let others = [pause_until, self.queue.next_due(), self.buffer.due(), self.deadline];
        others.into_iter().flatten().fold(heartbeat, DateTime::min)
    }

    async fn finish(&mut self) -> Result<()> {
        let end = self.end_review().await?;
        let outcome = outcome::decide_outcome(&CrawlSummary {
            cancelled: self.cancelled,
            item_limit_reached: self.items_left() == 0,
            timed_out: self.timed_out,
            page_limit_reached: end.page_limit_reached,
            has_pending_pages: end.has_pending_pages,
            pages_read: self.totals.pages_read,
            first_failure: self.first_failure.as_deref(),
        });
        let (reason, words) = match &outcome {
            CrawlOutcome::Complete(reason) => (*reason, format!("The crawl ends: {reason}")),
            CrawlOutcome::Fail(error) => ("failed", error.clone()),
        };
        self.log_rest();
        let now = self.deps.services.clock.now();
        let stats = Some(self.stats.final_stats(reason, now));
        let totals = format!("{} pages, {} listings", self.stats.pages(), self.stats.items());
        self.log_buffer.close(format!("{words} ({totals})"), now);
        self.flush_log().await?;
        match outcome {
            CrawlOutcome::Complete(reason) => {
                let (items, pages) = (Some(self.stats.items()), Some(self.stats.pages()));
                let finish_reason = Some(reason.to_owned());
                let done = Completion { items_scraped: items, pages_crawled: pages, stats, finish_reason };
                self.job_client.complete(&done).await?;
            }
            CrawlOutcome::Fail(error) => drop(self.job_client.fail(&Failure { error, stats }).await?),
        }
        Ok(())
    }

    /// The last lines: what was warned of more often than was written, and whether nothing was read.
    fn log_rest(&mut self) {
        for line in self.warnings.rest() {
            self.log(LogLevel::Warning, line);
        }
        if self.totals.pages_read > 0 && self.stats.has_no_listing() {
            self.stats.add("lotline/nothing_read", 1);
            self.log(LogLevel::Warning, "No listing was read from any page".to_owned());
        }
    }

    /// The node stops: results are stored and the job is released. Pages in flight are fetched again later.
    async fn release(&mut self) -> Result<()> {
        self.cancel_in_flight();
        self.flush(UrlClaim::Nothing).await?;
        self.log(LogLevel::Info, "The crawl is given back because its node stops".to_owned());
        self.flush_log().await?;
        self.report_progress().await?;
        self.job_client.release().await
    }
}

/// The stats of the job so far, and when its current execution began. After a lost worker the frontier has the exact
/// numbers: what was reported last may be older, and pages without an outcome there are visited again.
async fn resume_stats(
    job_client: &JobClient,
    job: &Job,
    checkpoint: Option<&CrawlCheckpoint>,
    now: DateTime<Utc>,
) -> Result<(StatsCollector, DateTime<Utc>)> {
    if job.stats.is_some() {
        let stats = StatsCollector::resume(job.stats.as_ref(), now);
        let started = stats.started();
        return Ok((stats, started));
    }
    let Some(checkpoint) = checkpoint else { return Ok((StatsCollector::resume(None, now), now)) };
    let mut stats = StatsCollector::resume(job_client.stats_before_loss().await?.as_ref(), now);
    stats.set_totals(checkpoint.items, checkpoint.done + checkpoint.failed);
    Ok((stats, now))
}

/// The deadline of a crawl, counted from its start under this worker or an earlier one of the same execution.
fn deadline(started: DateTime<Utc>, settings: &CrawlerSettings) -> Option<DateTime<Utc>> {
    let time = chrono::TimeDelta::from_std(settings.job_time?).ok()?;
    started.checked_add_signed(time)
}
