//! The state of one crawl, how far it may go, and its log. A single task holds all of it.

use std::collections::HashSet;
use std::fmt::Display;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::stream::FuturesUnordered;
use tokio::sync::OwnedSemaphorePermit;

use super::job_client::JobClient;
use super::known_memory::KnownMemory;
use super::log_buffer::LogBuffer;
use super::pacing::{BatchSizer, Pause, ReportSchedule};
use super::page_warnings::{PageWarning, PageWarnings};
use super::removal_plan::RemovalPlan;
use super::request::CompletedRequest;
use super::stats::StatsCollector;
use super::url_queue::{PendingPage, UrlQueue};
use super::write_buffer::WriteBuffer;
use crate::crawler::crawl_deps::CrawlDeps;
use crate::crawler::hosts::FetchPermit;
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::ReadingLimits;
use crate::crawler::robots::Robots;
use crate::crawler::settings::CrawlerSettings;
use crate::crawler::slots::JobSlot;
use crate::domain::frontier::Fingerprint;
use crate::protocol::job::{Job, LogLevel};

/// Pages in a job's frontier: several for each that may be fetched, since many links lead nowhere.
const ROWS_PER_PAGE: usize = 4;
const MIN_FRONTIER_ROWS: usize = 1_000;
const MAX_FRONTIER_ROWS: usize = 200_000;

/// How far a crawl may go.
pub(super) struct Limits {
    pub(super) pages: i64,
    pub(super) items: Option<i64>,
    pub(super) rows: usize,
}

impl Limits {
    pub(super) fn of(job: &Job, settings: &CrawlerSettings) -> Self {
        let pages = job.settings.max_pages.map_or(settings.max_pages, |pages| pages.min(settings.max_pages));
        let rows = usize::try_from(pages).unwrap_or(MAX_FRONTIER_ROWS).saturating_mul(ROWS_PER_PAGE);
        Self { pages, items: job.settings.max_items, rows: rows.clamp(MIN_FRONTIER_ROWS, MAX_FRONTIER_ROWS) }
    }

    /// Known pages are at most half of what may be fetched, so that something is left for new ones.
    pub(super) fn max_known_pages(&self) -> usize {
        usize::try_from(self.pages / 2 + self.pages % 2).unwrap_or(MAX_FRONTIER_ROWS).min(self.rows / 2)
    }
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
    /// When the job was created, in microseconds since the epoch.
    pub(super) job_created_at: i64,
    pub(super) totals: CrawlTotals,
    /// Pages of the frontier, and targets of redirects.
    pub(super) seen: HashSet<Fingerprint>,
    pub(super) queue: UrlQueue,
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
    pub(super) known: KnownMemory,
    /// Set when all pages have been visited: what is removed is decided, and some pages are requested once more.
    pub(super) review: Option<Review>,
    pub(super) warnings: PageWarnings,
    pub(super) stats: StatsCollector,
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
