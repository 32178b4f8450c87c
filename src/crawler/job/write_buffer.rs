//! Results of a crawl that are not stored yet. Pages are stored many at a time, because each transaction waits for
//! the disk.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::page_outcome::PageOutcome;
use super::report::FoundHome;
use crate::domain::frontier::{NewUrl, UrlOutcome};

/// Listings of one batch, and after how long they are reported at the latest.
pub(super) const BATCH: usize = 100;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Pages and links after which the rest is stored as well.
const MAX_PAGES: usize = 100;
const MAX_LINKS: usize = 4_000;

#[derive(Default)]
pub(super) struct WriteBuffer {
    pub(super) homes: Vec<FoundHome>,
    pub(super) outcomes: Vec<UrlOutcome>,
    pub(super) links: Vec<NewUrl>,
    oldest_at: Option<DateTime<Utc>>,
}

impl WriteBuffer {
    /// Records when the first pending result came in. Must be called with everything that is added.
    pub(super) fn touch(&mut self, now: DateTime<Utc>) {
        self.oldest_at.get_or_insert(now);
    }

    /// Replaces the outcome of a page that is recorded with this buffer.
    pub(super) fn set_outcome(&mut self, page_id: i64, outcome: PageOutcome) {
        if let Some(page) = self.outcomes.iter_mut().rev().find(|page| page.id == page_id) {
            page.outcome = Some(outcome.name().to_owned());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.oldest_at.is_none()
    }

    /// When this is to be stored at the latest.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.oldest_at.map(|since| since + LONGEST_WAIT)
    }

    /// Whether it is to be stored now.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let full =
            self.homes.len() >= BATCH || self.outcomes.len() >= MAX_PAGES || self.links.len() >= MAX_LINKS;
        full || self.due().is_some_and(|due| due <= now)
    }
}
