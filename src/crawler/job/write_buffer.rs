//! Results of a crawl that are not stored yet. Pages are stored many at a time, because each transaction waits for
//! the disk.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::frontier::{NewUrl, UrlOutcome};
use crate::protocol::property::PropertyInput;

/// Listings of one batch, and after how long they are reported at the latest.
pub(super) const BATCH: usize = 100;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Pages and links after which the rest is stored as well.
const MAX_PAGES: usize = 100;
const MAX_LINKS: usize = 4_000;

#[derive(Default)]
pub(super) struct WriteBuffer {
    pub(super) listings: Vec<PropertyInput>,
    pub(super) outcomes: Vec<UrlOutcome>,
    pub(super) links: Vec<NewUrl>,
    oldest_at: Option<DateTime<Utc>>,
}

impl WriteBuffer {
    /// Records when the first pending result came in. Must be called with everything that is added.
    pub(super) fn touch(&mut self, now: DateTime<Utc>) {
        self.oldest_at.get_or_insert(now);
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
            self.listings.len() >= BATCH || self.outcomes.len() >= MAX_PAGES || self.links.len() >= MAX_LINKS;
        full || self.due().is_some_and(|due| due <= now)
    }
}
