//! What a crawl brought in goes into the store, and its figures to whoever watches the job.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::Crawl;
use super::desk::Result;
use super::haul::{self, Haul};
use super::tally::Tally;
use crate::domain::frontier::{Fate, Taking};
use crate::domain::jobs::progress::Progress;
use crate::protocol::job::LogLevel;
use crate::protocol::property_batch::{BatchItemStatus, BatchResult};

/// The least time between two reports of progress.
const SPACING: Duration = Duration::from_millis(500);
/// The longest time without a look at the job: a cancel of one that waits for its host is seen after this long.
const LONGEST_SILENCE: Duration = Duration::from_secs(2);
/// Parts of a lease after which it is made to last anew. Many open jobs wait for their hosts, and each time is a write.
const LEASE_PARTS: u32 = 6;

/// When a crawl has last reported, and what.
pub(super) struct Reports {
    at: DateTime<Utc>,
    /// When the lease was made to last anew.
    held_at: DateTime<Utc>,
    items: i64,
    pages: i64,
    sequence: i64,
}

impl Reports {
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        Self { at: now, held_at: now, items: 0, pages: 0, sequence: 0 }
    }

    /// When the next report is to be made.
    pub(super) fn due(&self, tally: &Tally, lease: Duration) -> DateTime<Utc> {
        let silence = LONGEST_SILENCE.min(lease / LEASE_PARTS);
        self.at + if self.is_news(tally) { SPACING.min(silence) } else { silence }
    }

    fn must_hold(&self, lease: Duration, now: DateTime<Utc>) -> bool {
        now >= self.held_at + lease / LEASE_PARTS
    }

    fn is_news(&self, tally: &Tally) -> bool {
        (tally.items(), tally.pages()) != (self.items, self.pages)
    }

    fn next(&mut self, tally: &Tally) -> Progress {
        (self.items, self.pages) = (tally.items(), tally.pages());
        self.sequence += 1;
        Progress {
            items_scraped: self.items,
            pages_crawled: Some(self.pages),
            stats: Some(tally.stats()),
            sequence: self.sequence,
        }
    }
}

impl Crawl {
    /// Whether what is in hand is to be stored before anything else.
    pub(super) fn must_store(&self, now: DateTime<Utc>) -> bool {
        if self.haul.is_empty() {
            return false;
        }
        let dry = self.shelf.ready() == 0 && (self.flying.is_empty() || !self.haul.links.is_empty());
        self.haul.is_due(now) || dry || self.is_stopped() || self.pages_left() == 0
    }

    /// Stores what is in hand. Listings go first: when this is cut short, their pages are asked for again, and no
    /// listing is lost with a page that counts as done.
    pub(super) async fn store(&mut self, taking: Taking<'_>) -> Result<()> {
        let haul = std::mem::take(&mut self.haul);
        for listings in haul.listings.chunks(haul::BATCH) {
            let result = self.desk.report(listings).await?;
            self.count(&result);
        }
        self.settle_all(haul, taking).await
    }

    async fn settle_all(&mut self, haul: Haul, taking: Taking<'_>) -> Result<()> {
        let settled = self.desk.settle(&haul.visited, &haul.links, taking).await?;
        self.reports.held_at = self.tools.kernel.clock.now();
        self.more |= settled.added > 0;
        self.cancelled |= settled.cancel_requested;
        for page in &haul.visited {
            if !matches!(page.fate, Fate::Queued | Fate::Suspect) {
                self.shelf.forget(page.id);
            }
        }
        if self.flying.is_empty() {
            self.alone = None;
        }
        Ok(())
    }

    fn count(&mut self, result: &BatchResult) {
        let removals = result.results.iter().filter(|row| row.status == BatchItemStatus::Removed).count();
        self.tally.scraped(result.accepted - removals as i64);
        if result.rejected > 0 {
            self.tally.add("lotline/rejected", result.rejected);
        }
        for row in &result.results {
            if let Some(error) = &row.error {
                self.note(LogLevel::Warning, format!("A listing was not accepted: {error}"));
            }
        }
    }

    /// Reports when it is time to.
    pub(super) async fn tell(&mut self) -> Result<()> {
        let now = self.tools.kernel.clock.now();
        if self.reports.due(&self.tally, self.desk.length) > now {
            return Ok(());
        }
        if self.reports.is_news(&self.tally) {
            self.report().await?;
        } else if self.reports.must_hold(self.desk.length, now) {
            self.cancelled |= self.desk.heartbeat().await?.cancel_requested;
            self.reports.held_at = now;
        } else {
            self.cancelled |= self.desk.shall_stop().await?;
        }
        self.reports.at = now;
        self.write_journal().await
    }

    /// Reports the figures as they stand.
    pub(super) async fn report(&mut self) -> Result<()> {
        let progress = self.reports.next(&self.tally);
        self.reports.held_at = self.tools.kernel.clock.now();
        self.cancelled |= self.desk.progress(&progress).await?.cancel_requested;
        Ok(())
    }

    pub(super) async fn write_journal(&mut self) -> Result<()> {
        let lines = self.journal.take();
        self.desk.log(&lines).await
    }
}
