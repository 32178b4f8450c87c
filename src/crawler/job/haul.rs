//! What a crawl has brought in and not stored yet. Pages are stored many at a time, because each transaction waits for
//! the disk.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::domain::frontier::{NewPlace, Visited};
use crate::protocol::property::PropertyInput;

/// Listings of one batch, and after how long they are reported at the latest.
pub(super) const BATCH: usize = 100;
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// Pages and links after which the rest is stored as well.
const MAX_PAGES: usize = 100;
const MAX_LINKS: usize = 4_000;

#[derive(Default)]
pub(super) struct Haul {
    pub(super) listings: Vec<PropertyInput>,
    pub(super) visited: Vec<Visited>,
    pub(super) links: Vec<NewPlace>,
    since: Option<DateTime<Utc>>,
}

impl Haul {
    /// Notes when the first of what waits came in. To be called with everything that is added.
    pub(super) fn touch(&mut self, now: DateTime<Utc>) {
        self.since.get_or_insert(now);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.since.is_none()
    }

    /// When this is to be stored at the latest.
    pub(super) fn due(&self) -> Option<DateTime<Utc>> {
        self.since.map(|since| since + LONGEST_WAIT)
    }

    /// Whether it is to be stored now.
    pub(super) fn is_due(&self, now: DateTime<Utc>) -> bool {
        let full =
            self.listings.len() >= BATCH || self.visited.len() >= MAX_PAGES || self.links.len() >= MAX_LINKS;
        full || self.due().is_some_and(|due| due <= now)
    }
}
