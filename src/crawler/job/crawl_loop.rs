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
use super::discovery::Discovery;
use super::job_client::{CrawlError, JobClient, Result};
use super::keep::Keeper;
use super::kept_reading::Reread;
use super::known_cursor::KnownCursor;
use super::known_memory::KnownMemory;
use super::log_buffer::LogBuffer;
use super::outcome::{self, CrawlOutcome, CrawlSummary};
use super::pacing::{BatchSizer, ReportSchedule};
use super::page_warnings::PageWarnings;
use super::seed_urls;
use super::source_coverage::SourceCounts;
use super::stats::StatsCollector;
use super::url_queue::UrlQueue;
use super::visit_memory::VisitMemory;
use super::write_buffer::WriteBuffer;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::{JobId, TenantId};
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::links::AllowedHosts;
use crate::crawler::request_shape;
use crate::crawler::settings::CrawlerSettings;
use crate::crawler::slots::JobSlot;
use crate::domain::frontier::{CrawlCheckpoint, CrawlStep, Fingerprint, UrlClaim};
use crate::domain::jobs::worker_reports::{Completion, Failure};
use crate::domain::op::Op;
use crate::domain::visits::VisitStep;
use crate::protocol::job::{Job, LogLevel};
use crate::protocol::spider_rules::{CompiledRules, SpiderRules};
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
    let ended = match fail_refused(&job_client, &job).await {
        Ok(true) => Ok(()),
        Ok(false) => match Crawl::start(job_client, deps, slot, &job).await {
            Ok(mut crawl) => crawl.run().await,
            Err(halt) => Err(halt),
        },
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

/// Fails a job whose spider cannot be crawled: one whose headers cannot be decrypted, or whose rules do not compile.
/// Without them a site would answer with other pages, or pages would be read otherwise, and homes would seem to be gone.
/// True: the job has ended.
async fn fail_refused(job_client: &JobClient, job: &Job) -> Result<bool> {
    let shape = job_client.spider_shape(&job.spider_name).await?;
    // Without a request no header is sent.
    let refusal = shape.refusal.filter(|_| job.settings.reread.is_none());
    let Some(error) = refusal.or_else(|| invalid_rules(&shape.rules)) else { return Ok(false) };
    job_client.start().await?;
    job_client.fail(&Failure { error, stats: None }).await?;
    Ok(true)
}

/// What is wrong with rules that were valid when they were stored, as after an upgrade.
fn invalid_rules(rules: &SpiderRules) -> Option<String> {
    let faults = CompiledRules::compile(rules).err()?;
    let first = faults.first()?;
    let (place, more) = (first.pointer.join("."), faults.len() - 1);
    let others = if more > 0 { format!("; {more} more are wrong") } else { String::new() };
    Some(format!("The rules of the spider are not valid: `{place}` {}{others}", first.message))
}

impl Crawl {
    /// Starts the job and loads its frontier, or creates it.
    async fn start(job_client: JobClient, deps: CrawlDeps, slot: JobSlot, job: &Job) -> Result<Self> {
        let cancelled = job_client.start().await?.cancel_requested;
        let targets: Vec<Url> = job.target_urls.iter().filter_map(|url| Url::parse(url).ok()).collect();
        let now = deps.services.clock.now();
        let checkpoint = job_client.checkpoint().await?;
        let (stats, started) = resume_stats(&job_client, job, checkpoint.as_ref(), now).await?;
        let shape = Arc::new(job_client.spider_shape(&job.spider_name).await?);
        let profile = request_shape::request_profile(&shape);
        let created_at: Option<DateTime<Utc>> = job.created_at.parse().ok();
        let reread = Reread::of(job);
        let limits = match reread {
            Some(_) => Limits::of_reread(job),
            None => Limits::of(job, &deps.settings, shape.rules.limits.unwrap_or_default()),
        };
        // A shape whose rules do not compile has failed the job before.
        let rules = Arc::new(CompiledRules::compile(&shape.rules).unwrap_or_default());
        let discovery = Discovery::new(limits.pages);
        let keeps = reread.is_none() && deps.services.kept_pages.is_enabled();
        let kept_for = keeps.then(|| Arc::from(job.spider_name.as_str()));
        let mut crawl = Self {
            allowed: Arc::new(AllowedHosts::of(&targets, &job.settings.allowed_hosts)),
            limits,
            reading_limits: deps.settings.reading_limits(),
            spider_rules: Arc::new(shape.rules.clone()),
            rules,
            pace: request_shape::pace(&shape),
            shape,
            profile,
            job_created_at: created_at.unwrap_or(now).timestamp_micros(),
            totals: CrawlTotals::default(),
            seen: HashSet::new(),
            discovery,
            queue: UrlQueue::default(),
            is_resumed: false,
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
            reread: reread.clone(),
            kept_for,
            keeper: Keeper::default(),
            known: KnownMemory::default(),
            visits: VisitMemory::default(),
            review: None,
            warnings: PageWarnings::default(),
            deadline: deadline(started, &deps.settings),
            timed_out: false,
            stats,
            source_counts: SourceCounts::default(),
            log_buffer: LogBuffer::default(),
            first_failure: None,
            cancelled,
            report_schedule: ReportSchedule::new(now),
            job_client,
            deps,
        };
        match (checkpoint, reread) {
            (Some(checkpoint), _) => crawl.resume(checkpoint).await?,
            (None, Some(reread)) => crawl.seed_kept_pages(&reread).await?,
            (None, None) => crawl.seed_frontier(job).await?,
        }
        Ok(crawl)
    }

    async fn resume(&mut self, checkpoint: CrawlCheckpoint) -> Result<()> {
        let words = format!("The crawl goes on after {} pages", checkpoint.done + checkpoint.failed);
        self.log(LogLevel::Info, words);
        self.totals = CrawlTotals {
            pages_read: checkpoint.done,
            pages_failed: checkpoint.failed,
            redirects: 0,
            items: checkpoint.items,
        };
        self.is_resumed = true;
        self.has_suspects = checkpoint.suspects;
        self.discovery.resume(checkpoint.permutations);
        let adopted = checkpoint.adopted.iter().filter_map(|origin| Url::parse(origin).ok());
        let allowed = Arc::make_mut(&mut self.allowed);
        adopted.for_each(|host| drop(allowed.add(&host)));
        self.load_fingerprints().await?;
        let known = usize::try_from(checkpoint.known).unwrap_or(usize::MAX);
        self.begin_known_pages(known);
        Ok(())
    }

    /// The pages of the frontier, in portions: their URLs are not held in memory.
    async fn load_fingerprints(&mut self) -> Result<()> {
        let mut after = Some(0);
        while let Some(from) = after {
            let portion = self.job_client.fingerprints(from).await?;
            self.seen.extend(portion.pages);
            after = portion.next;
            self.renew_lease_if_due().await?;
        }
        Ok(())
    }

    /// Known pages of the job's hosts are added from now on, but for those that the frontier has.
    fn begin_known_pages(&mut self, in_frontier: usize) {
        if self.reread.is_none() {
            let left = self.limits.max_known_pages().saturating_sub(in_frontier);
            self.discovery.known_pages = KnownCursor::new(self.allowed.names(), left);
        }
    }

    async fn seed_frontier(&mut self, job: &Job) -> Result<()> {
        let guard = self.deps.fetcher.guard();
        let sitemaps = self.shape.rules.sitemaps.as_deref().filter(|_| !self.limits.targets_only);
        let seeds = seed_urls::gather(
            &self.job_client,
            guard,
            &job.target_urls,
            sitemaps.unwrap_or_default(),
            &self.allowed,
        )
        .await?;
        let sitemaps = seeds.urls.len() - seeds.targets;
        let words = format!("The crawl begins with {} targets and {sitemaps} sitemaps", seeds.targets);
        self.log(LogLevel::Info, words);
        for refused in seeds.refused {
            self.log_failure(format!("{refused}; it is left out"));
        }
        self.seen = seeds.urls.iter().map(|place| Fingerprint::of(&place.url)).collect();
        // All start pages in one transaction: a crawl that is killed here has none, and starts over.
        let visits = VisitStep::default();
        let step =
            CrawlStep { outcomes: &[], new: &seeds.urls, addresses: &[], visits, claim: UrlClaim::Nothing };
        let settled = self.job_client.record(step).await?;
        self.cancelled |= settled.cancel_requested;
        self.begin_known_pages(0);
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
            self.keeper.write_if_due(&self.job_client.op, clock.now());
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
        self.discovery.end_all_pages();
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
        self.keeper.finish(&self.job_client.op).await;
        let outcome = outcome::decide_outcome(&CrawlSummary {
            cancelled: self.cancelled,
            item_limit_reached: self.items_left() == 0,
            timed_out: self.timed_out,
            page_limit_reached: end.page_limit_reached,
            has_pending_pages: end.has_pending_pages,
            // That nothing is kept is no failure of a job that reads kept pages.
            pages_read: self.totals.pages_read.max(i64::from(self.reread.is_some())),
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
                let done = Completion {
                    items_scraped: items,
                    pages_crawled: pages,
                    stats,
                    finish_reason,
                    coverage: self.source_counts.to_coverage(),
                };
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
        self.keeper.finish(&self.job_client.op).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_that_do_not_compile_are_named() {
        let rules = |json: &str| serde_json::from_str::<SpiderRules>(json).unwrap();

        let words = invalid_rules(&rules(r#"{"detail": "(", "follow": ["["]}"#)).unwrap();

        assert!(words.starts_with("The rules of the spider are not valid: `"), "{words}");
        assert!(words.ends_with("; 1 more are wrong"), "{words}");
        assert_eq!(invalid_rules(&rules(r#"{"detail": "/h/[0-9]+"}"#)), None);
    }
}
