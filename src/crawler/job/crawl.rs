//! The state of one crawl, how far it may go, and its log. A single task holds all of it.

use std::collections::HashSet;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::stream::FuturesUnordered;
use tokio::sync::OwnedSemaphorePermit;

use super::discovery::Discovery;
use super::job_client::JobClient;
use super::keep::Keeper;
use super::kept_reading::{self, Reread};
use super::known_memory::KnownMemory;
use super::log_buffer::LogBuffer;
use super::pacing::{BatchSizer, Pause, ReportSchedule};
use super::page_warnings::{PageWarning, PageWarnings};
use super::removal_plan::RemovalPlan;
use super::request::CompletedRequest;
use super::source_coverage::SourceCounts;
use super::stats::StatsCollector;
use super::url_queue::{PendingPage, UrlQueue};
use super::visit_memory::VisitMemory;
use super::write_buffer::WriteBuffer;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::fetch::RequestProfile;
use crate::crawler::hosts::FetchPermit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::politeness::Pace;
use crate::crawler::reading::ReadingLimits;
use crate::crawler::robots::Robots;
use crate::crawler::settings::CrawlerSettings;
use crate::crawler::slots::JobSlot;
use crate::domain::frontier::{Fingerprint, Worth};
use crate::domain::spiders::SpiderShape;
use crate::protocol::job::{Job, JobSettings, LogLevel};
use crate::protocol::spider_rules::{CompiledRules, SpiderLimits, SpiderRules};

/// Pages in a job's frontier: several for each that may be fetched, since many links lead nowhere.
const ROWS_PER_PAGE: usize = 4;
const MIN_FRONTIER_ROWS: usize = 1_000;
const MAX_FRONTIER_ROWS: usize = 2_000_000;

/// How far a crawl may go.
pub(super) struct Limits {
    pub(super) pages: i64,
    pub(super) items: Option<i64>,
    /// Links from a target to a page.
    pub(super) depth: i64,
    pub(super) rows: usize,
    /// Neither known pages nor sitemaps are visited beside the targets.
    pub(super) targets_only: bool,
}

impl Limits {
    /// The smallest of what the operator, the spider and the job allow.
    pub(super) fn of(job: &Job, settings: &CrawlerSettings, spider: SpiderLimits) -> Self {
        let JobSettings { max_pages, max_items, targets_only, .. } = &job.settings;
        let targets_only = *targets_only == Some(true);
        let asked = least(*max_pages, spider.max_pages);
        let pages = asked.map_or(settings.max_pages, |most| most.min(settings.max_pages));
        let depth = spider.max_depth.map_or(settings.max_depth, |most| most.min(settings.max_depth));
        let depth = if targets_only { 0 } else { depth };
        let rows = usize::try_from(pages).unwrap_or(MAX_FRONTIER_ROWS).saturating_mul(ROWS_PER_PAGE);
        let rows = rows.clamp(MIN_FRONTIER_ROWS, MAX_FRONTIER_ROWS);
        Self { pages, items: least(*max_items, spider.max_items), depth, rows, targets_only }
    }

    /// Of a job that reads kept pages: the operator's and the spider's limits are for requests.
    pub(super) fn of_reread(job: &Job) -> Self {
        let JobSettings { max_pages, max_items, .. } = &job.settings;
        let asked = max_pages.and_then(|pages| usize::try_from(pages).ok());
        let rows = asked.map_or(kept_reading::MAX_PAGES, |asked| asked.min(kept_reading::MAX_PAGES));
        Self { pages: rows as i64, items: *max_items, depth: 0, rows, targets_only: false }
    }

    /// The number of pages from which on none of this worth is added: the rest is left to pages that are worth more.
    pub(super) fn rows_for(&self, worth: Worth) -> usize {
        match worth {
            Worth::Detail => self.rows,
            Worth::List => self.rows / 4 * 3,
            Worth::Page | Worth::Permutation => self.rows / 2,
        }
    }

    /// Known pages are at most half of what may be fetched, so that something is left for new ones.
    pub(super) fn max_known_pages(&self) -> usize {
        if self.targets_only {
            return 0;
        }
        usize::try_from(self.pages / 2 + self.pages % 2).unwrap_or(MAX_FRONTIER_ROWS).min(self.rows / 2)
    }
}

/// The smaller of two limits, either of which may be absent.
fn least(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}

/// Totals of the job, including executions before this one: the limits apply to these.
#[derive(Default)]
pub(super) struct CrawlTotals {
    /// Pages that were read, and known pages that were found to be gone.
    pub(super) pages_read: i64,
    pub(super) pages_failed: i64,
    /// Redirects to pages that were queued; each took a request.
    pub(super) redirects: i64,
    pub(super) items: i64,
}

/// What is decided when all pages have been visited.
pub(super) struct Review {
    pub(super) plan: RemovalPlan,
    pub(super) end: CrawlEnd,
}

/// Why the crawl visited no further page.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CrawlEnd {
    pub(super) page_limit_reached: bool,
    pub(super) has_pending_pages: bool,
}

pub(super) struct Crawl {
    pub(super) job_client: JobClient,
    pub(super) deps: CrawlDeps,
    pub(super) allowed: Arc<AllowedHosts>,
    pub(super) limits: Limits,
    pub(super) reading_limits: ReadingLimits,
    /// What shapes the crawls of the job's spider.
    pub(super) shape: Arc<SpiderShape>,
    /// Its rules as they are sent to page readers, and compiled.
    pub(super) spider_rules: Arc<SpiderRules>,
    pub(super) rules: Arc<CompiledRules>,
    /// How its requests look, and how fast they come.
    pub(super) profile: RequestProfile,
    pub(super) pace: Pace,
    /// When the job was created, in microseconds since the epoch.
    pub(super) job_created_at: i64,
    pub(super) totals: CrawlTotals,
    /// Pages of the frontier, and targets of redirects. Nine bytes each in a table that is at least four tenths full:
    /// 38 MB for two million.
    pub(super) seen: HashSet<Fingerprint>,
    pub(super) discovery: Discovery,
    pub(super) queue: UrlQueue,
    /// An execution before this one has read pages of this job.
    pub(super) is_resumed: bool,
    /// The frontier may have pages that are not loaded.
    pub(super) frontier_has_more: bool,
    /// The frontier has pages that are to be tried alone, after all others.
    pub(super) has_suspects: bool,
    /// One of them, with a host that may be asked now; it waits until no other is being tried on this node.
    pub(super) ready_suspect: Option<(FetchPermit, Robots, PendingPage)>,
    /// Held while one is in flight or being read.
    pub(super) suspect_permit: Option<OwnedSemaphorePermit>,
    pub(super) slot: JobSlot,
    /// Nothing may be fetched before this is over; `None`: perhaps something may.
    pub(super) pause: Option<Pause>,
    /// The next page must be marked as taken in the frontier before it is fetched.
    pub(super) must_mark_taken: bool,
    pub(super) batch_sizer: BatchSizer,
    pub(super) in_flight: FuturesUnordered<Pin<Box<dyn Future<Output = CompletedRequest> + Send>>>,
    pub(super) pages_in_flight: i64,
    pub(super) buffer: WriteBuffer,
    /// What the job reads again, instead of requesting pages.
    pub(super) reread: Option<Reread>,
    /// The spider that the pages are kept for; `None`: they are not kept.
    pub(super) kept_for: Option<Arc<str>>,
    pub(super) keeper: Keeper,
    pub(super) known: KnownMemory,
    /// Of the pages that are loaded.
    pub(super) visits: VisitMemory,
    /// Set when all pages have been visited: what is removed is decided, and some pages are requested once more.
    pub(super) review: Option<Review>,
    pub(super) warnings: PageWarnings,
    pub(super) stats: StatsCollector,
    /// On how many pages each field was read, by source.
    pub(super) source_counts: SourceCounts,
    pub(super) log_buffer: LogBuffer,
    pub(super) first_failure: Option<String>,
    pub(super) cancelled: bool,
    /// When it must end, whatever is left.
    pub(super) deadline: Option<DateTime<Utc>>,
    pub(super) timed_out: bool,
    pub(super) report_schedule: ReportSchedule,
}

impl Crawl {
    /// Whether requests in flight are no longer wanted.
    pub(super) fn is_stopped(&self) -> bool {
        self.cancelled || self.timed_out || self.items_left() == 0
    }

    /// Listings that may still be taken.
    pub(super) fn items_left(&self) -> i64 {
        self.limits.items.map_or(i64::MAX, |most| (most - self.totals.items).max(0))
    }

    /// Pages that may still be fetched. A redirect is no page, but a job has no more of them than pages.
    pub(super) fn pages_left(&self) -> i64 {
        let CrawlTotals { pages_read, pages_failed, redirects, .. } = self.totals;
        let fetched = pages_read + pages_failed + self.pages_in_flight;
        let requests_left = self.limits.pages.saturating_mul(2) - fetched - redirects;
        (self.limits.pages - fetched).min(requests_left).max(0)
    }

    pub(super) fn log(&mut self, level: LogLevel, message: String) {
        self.stats.record_log_line(level);
        self.log_buffer.push(level, message, self.deps.services.clock.now());
    }

    /// Logs a failure of a page.
    pub(super) fn log_failure(&mut self, message: String) {
        self.first_failure.get_or_insert_with(|| message.clone());
        self.log(LogLevel::Warning, message);
    }

    /// Logs what is wrong with a page, or a key, unless there were many of the kind.
    pub(super) fn warn(&mut self, warning: PageWarning, subject: impl Display) {
        if let Some(line) = self.warnings.line(warning, subject) {
            self.log(LogLevel::Warning, line);
        }
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::types::Example;

    use super::*;

    #[test]
    fn the_smallest_of_all_limits_holds() {
        let limits = |of_job: Option<i64>, of_spider: SpiderLimits| {
            let mut job = Job::example();
            (job.settings.max_pages, job.settings.max_items) = (of_job, of_job);
            let limits = Limits::of(&job, &CrawlerSettings::default(), of_spider);
            (limits.pages, limits.items, limits.depth)
        };
        let spider = |most: i64| {
            let most = Some(most);
            SpiderLimits { max_pages: most, max_items: most, max_depth: most }
        };

        assert_eq!(limits(None, SpiderLimits::default()), (10_000, None, 50));
        assert_eq!(limits(Some(30), spider(20)), (20, Some(20), 20));
        assert_eq!(limits(Some(10), spider(20)), (10, Some(10), 20));
        assert_eq!(limits(Some(1_000_000), spider(2_000_000)), (10_000, Some(1_000_000), 50));
    }

    #[test]
    fn a_job_of_its_targets_alone_follows_no_link_and_visits_no_known_page() {
        let mut job = Job::example();
        job.settings.targets_only = Some(true);

        let limits = Limits::of(&job, &CrawlerSettings::default(), SpiderLimits::default());

        assert_eq!((limits.depth, limits.max_known_pages()), (0, 0));
    }
}
