//! The pace of a crawl: how many pages it takes at a time, until when it takes none, and when it reports.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::stats::StatsCollector;
use crate::domain::jobs::worker_reports::Progress;

/// Pages marked as taken in one write. If the worker is lost, each of them is tried alone: so few where pages come
/// slowly, and as many as are stored together where they come fast.
const MIN_BATCH: usize = 8;
const MAX_BATCH: usize = 100;
/// A batch that lasted less is followed by one of twice the size.
const SHORT_BATCH: TimeDelta = TimeDelta::seconds(1);
/// Minimum time between two progress reports.
const MIN_REPORT_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum time between two checks of the job: a cancel of one that waits for its host is seen after this long.
const MAX_REPORT_INTERVAL: Duration = Duration::from_secs(2);
/// Renewals in the length of a lease. Many open jobs wait for their hosts, and each renewal is a write.
const RENEWALS_PER_LEASE: u32 = 6;

/// How many pages the next batch has.
pub(super) struct BatchSizer {
    size: usize,
    last: Option<DateTime<Utc>>,
}

impl Default for BatchSizer {
    fn default() -> Self {
        Self { size: MIN_BATCH, last: None }
    }
}

impl BatchSizer {
    pub(super) fn next_size(&mut self, now: DateTime<Utc>) -> usize {
        let soon = self.last.is_some_and(|last| now - last < SHORT_BATCH);
        self.size = if soon { (self.size * 2).min(MAX_BATCH) } else { MIN_BATCH };
        self.last = Some(now);
        self.size
    }
}

/// Why nothing more can be fetched at this moment.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pause {
    /// When a host may be asked again.
    pub(super) until: Option<DateTime<Utc>>,
    /// A host has other requests in flight, and may be asked when one of them ends.
    pub(super) busy: bool,
}

/// When a crawl has last reported, and what.
pub(super) struct ReportSchedule {
    pub(super) reported_at: DateTime<Utc>,
    /// When the lease was renewed.
    pub(super) lease_renewed_at: DateTime<Utc>,
    items: i64,
    pages: i64,
    sequence: i64,
}

impl ReportSchedule {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { reported_at: now, lease_renewed_at: now, items: 0, pages: 0, sequence: 0 }
    }

    /// When the next report is to be made.
    pub(super) fn due(&self, stats: &StatsCollector, lease: Duration) -> DateTime<Utc> {
        let silence = MAX_REPORT_INTERVAL.min(lease / RENEWALS_PER_LEASE);
        self.reported_at + if self.has_changes(stats) { MIN_REPORT_INTERVAL.min(silence) } else { silence }
    }

    pub(super) fn must_renew_lease(&self, lease: Duration, now: DateTime<Utc>) -> bool {
        now >= self.lease_renewed_at + lease / RENEWALS_PER_LEASE
    }

    pub(super) fn has_changes(&self, stats: &StatsCollector) -> bool {
        (stats.items(), stats.pages()) != (self.items, self.pages)
    }

    pub(super) fn next_progress(&mut self, stats: &StatsCollector) -> Progress {
        (self.items, self.pages) = (stats.items(), stats.pages());
        self.sequence += 1;
        Progress {
            items_scraped: self.items,
            pages_crawled: Some(self.pages),
            stats: Some(stats.to_stats()),
            sequence: self.sequence,
        }
    }
}
