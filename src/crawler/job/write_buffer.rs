//! Results of a crawl that are not stored yet. Pages are stored many at a time, because each transaction waits for
//! the disk.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::page_outcome::PageOutcome;
use super::page_visit::{ReadPage, UnchangedPage};
use super::report::FoundHome;
use crate::base::ids::PropertyId;
use crate::domain::frontier::{NewUrl, UrlOutcome, Worth};
use crate::domain::visits::NewVisit;

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
    links: Vec<NewUrl>,
    /// The most worth of a link.
    best_link: Option<Worth>,
    /// Pages of homes that were read and can be requested conditionally.
    pub(super) read_pages: Vec<ReadPage>,
    /// Pages that are unchanged, of which the kept links are not followed yet.
    pub(super) unchanged: Vec<UnchangedPage>,
    /// Properties of unchanged pages.
    pub(super) seen: Vec<PropertyId>,
    /// URLs of pages of which no visit is kept any more.
    pub(super) forgotten: Vec<String>,
    oldest_at: Option<DateTime<Utc>>,
}

impl WriteBuffer {
    /// Records when the first pending result came in. Must be called with everything that is added.
    pub(super) fn touch(&mut self, now: DateTime<Utc>) {
        self.oldest_at.get_or_insert(now);
    }

    /// Adds a page to be added to the frontier.
    pub(super) fn add_link(&mut self, link: NewUrl) {
        let best = [self.best_link, Some(link.worth)].into_iter().flatten().min();
        self.best_link = best;
        self.links.push(link);
    }

    pub(super) fn links(&self) -> &[NewUrl] {
        &self.links
    }

    pub(super) fn best_link(&self) -> Option<Worth> {
        self.best_link
    }

    /// Replaces the outcome of a page that is recorded with this buffer.
    pub(super) fn set_outcome(&mut self, page_id: i64, outcome: PageOutcome) {
        if let Some(page) = self.outcomes.iter_mut().rev().find(|page| page.id == page_id) {
            page.outcome = Some(outcome.name().to_owned());
        }
    }

    /// The visits of the pages that are the own pages of these properties, each given with the page's id. The others
    /// are forgotten.
    pub(super) fn take_visits(&mut self, properties: &HashMap<i64, PropertyId>) -> Vec<NewVisit> {
        let mut visits = Vec::new();
        for page in std::mem::take(&mut self.read_pages) {
            match properties.get(&page.page_id) {
                Some(property_id) => visits.push(page.into_visit(*property_id)),
                None => self.forgotten.push(page.url.into()),
            }
        }
        visits
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
