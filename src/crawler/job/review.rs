//! The end of a crawl: which listings are gone is decided over all known pages that were visited, and pages with a
//! soft sign are requested once more. What a killed worker has not decided is decided by the next one.

use std::collections::{BTreeMap, BTreeSet};

use url::Url;

use super::crawl::{Crawl, CrawlEnd, Review};
use super::job_client::Result;
use super::page_outcome::PageOutcome;
use super::removal_plan::{Candidate, RemovalPlan, VisitedPages};
use super::report::Report;
use super::url_queue::{PendingPage, UrlQueue};
use crate::base::ids::PropertyId;
use crate::domain::frontier::{KnownPage, ListingKey, QueuedUrl};
use crate::domain::properties::Removal;
use crate::domain::properties::addresses::AddressHash;
use crate::domain::properties::known::{KnownHome, KnownHomes};
use crate::protocol::job::LogLevel;
use crate::protocol::property::RemovalReason;

/// Candidates of one job. What is beyond is decided in the next one.
const MAX_CANDIDATES: u64 = 10_000;
/// Pages whose properties are looked up at a time.
const LOOK_UP: usize = 200;

impl Crawl {
    /// Decides what is removed. True: some pages are to be requested once more.
    pub(super) async fn begin_review(&mut self) -> Result<bool> {
        if self.review.is_some() {
            return Ok(false);
        }
        let end = CrawlEnd {
            page_limit_reached: self.pages_left() == 0,
            has_pending_pages: self.frontier_has_more || !self.queue.is_empty() || self.has_suspects,
        };
        if self.reread.is_some() {
            // What is on no kept page may be on the site: nothing is removed.
            self.review = Some(Review { plan: RemovalPlan::default(), end });
            return Ok(false);
        }
        let plan = self.removal_plan().await?;
        for (source, pages) in &plan.unbelieved {
            let words = format!(
                "{pages} known pages of {source} seem to be gone, and no known page of it shows its listing; no \
                 listing of them was removed"
            );
            self.log(LogLevel::Warning, words);
        }
        let again = if self.is_stopped() { Vec::new() } else { plan.pages_to_recheck() };
        self.review = Some(Review { plan, end });
        if again.is_empty() {
            return Ok(false);
        }
        self.request_again(again);
        Ok(true)
    }

    /// Loads these pages instead of what is left in the frontier.
    fn request_again(&mut self, pages: Vec<QueuedUrl>) {
        self.log(LogLevel::Info, format!("{} pages are requested once more", pages.len()));
        let (fetched, more) = (self.totals.pages_read + self.totals.pages_failed, pages.len() as i64);
        self.limits.pages = fetched.saturating_add(self.totals.redirects).saturating_add(more);
        self.queue = UrlQueue::default();
        self.frontier_has_more = false;
        self.has_suspects = false;
        self.pause = None;
        for page in pages {
            let page = QueuedUrl { attempts: 0, suspect: false, ..page };
            if let Some(page) = PendingPage::new(page) {
                self.queue.push(page);
            }
        }
    }

    /// Writes the removals, raises the alerts, and tells why the crawl ended.
    pub(super) async fn end_review(&mut self) -> Result<CrawlEnd> {
        let Some(review) = self.review.take() else { return Ok(CrawlEnd::default()) };
        if self.reread.is_some() {
            return Ok(review.end);
        }
        let alerts = review.plan.alerts.clone();
        let mut reports = review.plan.into_reports(|id| self.known.was_read_elsewhere(id));
        let removal = Removal { reason: RemovalReason::NotAListing, same_as: None };
        let none = self.known.take_no_listings().into_iter();
        reports.extend(none.map(|key| Report::removed(key, removal)));
        self.report_listings(&reports).await?;
        for alert in &alerts {
            self.log(LogLevel::Warning, alert.words());
            self.job_client.alert_mass_removal(alert).await?;
        }
        Ok(review.end)
    }

    async fn removal_plan(&mut self) -> Result<RemovalPlan> {
        let words = PageOutcome::REMOVING.map(PageOutcome::name);
        let mut pages: Vec<(QueuedUrl, PageOutcome)> = Vec::new();
        for KnownPage { page, outcome } in self.job_client.known_pages(&words, MAX_CANDIDATES).await? {
            pages.extend(PageOutcome::parse(&outcome).map(|sign| (page, sign)));
        }
        let missing = self.known.probes.take_missing().into_iter();
        pages.extend(missing.map(|page| (page, PageOutcome::SoftGone)));
        let mut by_origin: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
        for pages in pages.chunks(LOOK_UP) {
            for candidate in self.candidates(pages).await? {
                let Ok(url) = Url::parse(&candidate.page.url) else { continue };
                let origin = url[..url::Position::BeforePath].to_owned();
                by_origin.entry(origin).or_default().push(candidate);
            }
            self.renew_lease_if_due().await?;
        }
        let mut plan = RemovalPlan::default();
        for (origin, candidates) in by_origin {
            let counts = self.job_client.known_page_counts(&format!("{origin}/")).await?;
            let source = origin.split_once("://").map_or(origin.as_str(), |(_, host)| host);
            plan.add_host(source, candidates, VisitedPages::of(&counts));
        }
        Ok(plan)
    }

    /// Those of the pages that have a stored property which may be removed.
    async fn candidates(&mut self, pages: &[(QueuedUrl, PageOutcome)]) -> Result<Vec<Candidate>> {
        let keys: BTreeSet<ListingKey> = pages.iter().flat_map(|(page, _)| page.known.clone()).collect();
        let stored = self.job_client.known_homes(&keys, &BTreeSet::new()).await?;
        // What an execution before this one has seen is not known here but by the time.
        let seen_since = self.is_resumed.then_some(self.job_created_at);
        let found = pages.iter().filter_map(|(page, sign)| {
            // What a list of this job shows is gone only where its own page is.
            let is_there = |id: PropertyId| {
                self.known.was_read_elsewhere(id) || *sign != PageOutcome::Gone && self.known.is_listed(id)
            };
            candidate(page, *sign, &stored, seen_since, is_there)
        });
        Ok(found.collect())
    }
}

/// A listing of a worker is removed only when its page is gone. A page that once showed its listing was not always
/// an index or another home's: that is a soft sign.
fn candidate(
    page: &QueuedUrl,
    sign: PageOutcome,
    stored: &KnownHomes,
    seen_since: Option<i64>,
    is_there: impl Fn(PropertyId) -> bool,
) -> Option<Candidate> {
    let of_page = page.known.iter().filter_map(|key| stored.of_key(key));
    let removable = |known: &&KnownHome| {
        let was_seen = seen_since.is_some_and(|since| known.last_seen_at > since);
        !known.removed && !was_seen && !is_there(known.id) && (known.is_crawled || sign == PageOutcome::Gone)
    };
    let homes: Vec<&KnownHome> = of_page.filter(removable).collect();
    let address = AddressHash::of_text(&page.url);
    let was_its_page = |known: &&KnownHome| known.is_read || known.address != address;
    let sign = match sign {
        PageOutcome::NotAListing if homes.iter().any(was_its_page) => PageOutcome::Moved,
        other => other,
    };
    let listings: Vec<_> = homes.iter().map(|known| (known.id, known.key())).collect();
    (!listings.is_empty()).then(|| Candidate { page: page.clone(), sign, listings })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::frontier::Worth;
    use crate::protocol::property::PropertyInput;

    const URL: &str = "https://homes.example/h/1";

    fn page() -> QueuedUrl {
        let known = vec![("homes.example".to_owned(), "A-1".to_owned())];
        let url = URL.to_owned();
        QueuedUrl { id: 1, url, depth: 0, worth: Worth::Detail, attempts: 1, known, suspect: false }
    }

    fn sign_of(sign: PageOutcome, change: impl Fn(&mut KnownHome)) -> Option<PageOutcome> {
        let mut home = KnownHomes::sample(1, "A-1", URL, &PropertyInput::default());
        change(&mut home);
        let mut stored = KnownHomes::default();
        stored.add(home, Vec::new());
        candidate(&page(), sign, &stored, None, |_| false).map(|candidate| candidate.sign)
    }

    #[test]
    fn a_workers_listing_is_removed_only_when_its_page_is_gone() {
        let of_worker = |home: &mut KnownHome| home.is_crawled = false;

        assert_eq!(sign_of(PageOutcome::Gone, of_worker), Some(PageOutcome::Gone));
        for sign in [PageOutcome::SoftGone, PageOutcome::Moved, PageOutcome::NotAListing] {
            assert_eq!(sign_of(sign, of_worker), None, "{sign:?}");
        }
    }

    #[test]
    fn what_an_earlier_execution_of_the_job_has_seen_is_no_candidate() {
        let mut home = KnownHomes::sample(1, "A-1", URL, &PropertyInput::default());
        home.last_seen_at = 200;
        let mut stored = KnownHomes::default();
        stored.add(home, Vec::new());
        let found = |since| candidate(&page(), PageOutcome::Gone, &stored, since, |_| false).is_some();

        assert!(found(None) && found(Some(200)) && !found(Some(199)));
    }

    #[test]
    fn a_page_that_showed_its_listing_before_needs_a_second_request() {
        let never_read = |home: &mut KnownHome| home.is_read = false;
        let elsewhere = |home: &mut KnownHome| {
            home.is_read = false;
            home.address = AddressHash::of_text("https://homes.example/old");
        };

        assert_eq!(sign_of(PageOutcome::NotAListing, |_| {}), Some(PageOutcome::Moved));
        assert_eq!(sign_of(PageOutcome::NotAListing, never_read), Some(PageOutcome::NotAListing));
        assert_eq!(sign_of(PageOutcome::NotAListing, elsewhere), Some(PageOutcome::Moved), "by a redirect");
    }

    #[test]
    fn what_is_removed_or_was_read_elsewhere_is_no_candidate() {
        assert_eq!(sign_of(PageOutcome::Gone, |home| home.removed = true), None);
        let mut stored = KnownHomes::default();
        stored.add(KnownHomes::sample(1, "A-1", URL, &PropertyInput::default()), Vec::new());
        assert_eq!(candidate(&page(), PageOutcome::Gone, &stored, None, |_| true), None);
    }
}
