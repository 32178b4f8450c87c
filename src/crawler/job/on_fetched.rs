//! Turns the result of a request into listings, links, a retry or a line in the log.

use url::Url;

use super::crawl::Crawl;
use super::page_outcome::{self, PageAccess, PageOutcome, PageWay};
use super::page_warnings::PageWarning;
use super::probes;
use super::report::{FoundHome, HomeOrigin};
use super::request::{CompletedRequest, ReadResult};
use super::source_coverage::CoveredPage;
use super::url_queue::PendingPage;
use crate::crawler::extract::{Extraction, PageKind};
use crate::crawler::fetch::{FetchError, backoff};
use crate::crawler::page_url;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::Reading;
use crate::domain::frontier::{Fingerprint, UrlOutcome, UrlState, Worth};
use crate::domain::properties::addresses::AddressHash;
use crate::protocol::job::LogLevel;

/// Additional attempts for a page when its host only asks for fewer requests.
const EXTRA_ATTEMPTS_WHEN_THROTTLED: u32 = 2;
/// The outcome of a page that was only asked for because a sitemap may be there.
const NO_SITEMAP: &str = "no sitemap";

impl Crawl {
    pub(super) fn on_fetched(&mut self, completed: CompletedRequest) {
        // The host that answered may be asked again.
        self.pause = None;
        match completed {
            CompletedRequest::Robots { url, status, is_final: settled } => {
                self.on_robots(&url, status, settled);
            }
            CompletedRequest::Kept { page, result } => self.on_kept(*page, result),
            CompletedRequest::Page { page: stop, result } => {
                self.pages_in_flight -= 1;
                self.discovery.end_page(stop.entry.id);
                self.stats.record_depth(stop.entry.depth);
                if probes::is_probe(&stop.url) {
                    return self.on_probe(*stop, result);
                }
                match result {
                    Ok(found) => self.on_read_result(*stop, found),
                    Err(error) => self.on_failure(*stop, &error),
                }
            }
        }
    }

    fn on_robots(&mut self, url: &Url, status: Option<u16>, settled: bool) {
        if let Some(status) = status {
            self.stats.add("robotstxt/response_count", 1);
            self.stats.add(&format!("robotstxt/response_status_count/{}xx", status / 100), 1);
        }
        if !settled {
            let host = &url[..url::Position::BeforePath];
            self.log(
                LogLevel::Warning,
                format!("{host}/robots.txt could not be read and is asked for again"),
            );
        }
    }

    fn on_read_result(&mut self, page: PendingPage, found: ReadResult) {
        match found {
            ReadResult::Page { url, body_bytes, validators, reading, kept } => {
                if let Some(kept) = kept {
                    self.keeper.add(*kept, self.deps.services.clock.now());
                }
                self.stats.record_response(200);
                self.stats.record_bytes(body_bytes);
                self.note_visit(&page, &url, &reading, validators);
                self.on_page(page, &url, *reading);
            }
            ReadResult::NotModified => self.on_not_modified(page),
            ReadResult::Redirected(target) => {
                self.stats.record_response(302);
                self.keeper.forget(&page.url, self.deps.services.clock.now());
                self.forget_visit(&page);
                self.on_redirect(page, target);
            }
            ReadResult::Unreadable { body_bytes, failure } => {
                self.stats.record_response(200);
                self.stats.record_bytes(body_bytes);
                self.forget_visit(&page);
                self.on_unreadable(page, failure);
            }
        }
    }

    /// The answer for an address that cannot exist. It is no page of the job, and whatever it is, no failure.
    fn on_probe(&mut self, page: PendingPage, result: Result<ReadResult, FetchError>) {
        let shape = match result {
            Ok(ReadResult::Page { reading, .. }) if reading.truncated.is_none() => {
                Some(reading.extraction.signs.shape)
            }
            Ok(_) | Err(_) => None,
        };
        self.known.probes.set_answer(&page.url, shape);
        self.record_outcome(page, UrlState::Skipped, 0, Some("probe"));
    }

    pub(super) fn on_page(&mut self, page: PendingPage, url: &Url, reading: Reading) {
        if Self::is_no_sitemap(&page, &reading) {
            return self.record_outcome(page, UrlState::Skipped, 0, Some(NO_SITEMAP));
        }
        self.stats.record_received();
        self.stats.record_extraction(&reading.extraction);
        if let Some(reason) = reading.truncated {
            self.log(LogLevel::Warning, format!("{url}: the page was not read to its end: {reason}"));
        }
        // The same page would be found once more at the end of its redirect.
        self.seen.insert(Fingerprint::of(url.as_str()));
        self.seen.extend(page_url::to_ask_for(url.clone()).map(|asked| Fingerprint::of(asked.as_str())));
        self.totals.pages_read += 1;
        if reading.has_token {
            self.warn(PageWarning::NextToken, url);
        }
        self.add_page_links(&page, url, reading.links, &reading.extraction);
        if let Some(canonical) = reading.canonical {
            self.add_link(canonical, page.entry.worth, page.entry.depth, Vec::new());
        }
        self.warn_of(url, &reading.extraction);
        let truncated = reading.truncated.is_some();
        let outcome = self.outcome_of(&page, url, &reading.extraction, truncated);
        // A page that is requested once more was counted before, a kept page says nothing of the site as it is now, and
        // of a part of a page nothing follows.
        if self.review.is_none() && self.reread.is_none() && !truncated {
            self.source_counts.add(url, CoveredPage::of(&reading.extraction, outcome));
        }
        let origin = match (reading.extraction.kind, truncated) {
            (PageKind::Detail, false) => HomeOrigin::OwnPage,
            (PageKind::Detail, true) => HomeOrigin::CutPage,
            (PageKind::List | PageKind::Neither, _) => HomeOrigin::List,
        };
        let items = self.take_homes(&page, url, reading.extraction, origin);
        self.record_outcome(page, UrlState::Done, items, outcome.map(PageOutcome::name));
    }

    fn warn_of(&mut self, url: &Url, extraction: &Extraction) {
        if !extraction.listings.is_empty() {
            return;
        }
        if extraction.signs.wall {
            self.warn(PageWarning::Wall, url);
        } else if extraction.signs.looks_like_listing && extraction.kind != PageKind::List {
            self.warn(PageWarning::LooksLikeListing, url);
        }
    }

    /// What the page of known listings is now, as far as the page alone says it.
    fn outcome_of(
        &mut self,
        page: &PendingPage,
        url: &Url,
        extraction: &Extraction,
        truncated: bool,
    ) -> Option<PageOutcome> {
        if page.entry.known.is_empty() || self.reread.is_some() {
            return None;
        }
        let access = PageAccess { way: PageWay::of(&page.url, url), truncated };
        let outcome = page_outcome::of_page(extraction, access)?;
        match outcome {
            PageOutcome::NoHome => self.compare_with_probe(page, url, extraction.signs.shape),
            PageOutcome::SoftGone | PageOutcome::Moved | PageOutcome::NotAListing => {
                self.known.disprove(AddressHash::of(&page.url));
                let word = outcome.name();
                self.log(LogLevel::Info, format!("{}: the listing seems to be gone ({word})", page.url));
            }
            PageOutcome::Home | PageOutcome::Gone | PageOutcome::Wall => {}
        }
        Some(outcome)
    }

    /// A page without a home may be what the host gives for any address that does not exist.
    fn compare_with_probe(&mut self, page: &PendingPage, url: &Url, shape: u64) {
        if let Some(review) = &mut self.review {
            if self.known.probes.is_missing(url, shape) {
                review.plan.confirm_shape(page.entry.id);
            }
            return;
        }
        if let Some(probe) = self.known.probes.add_unread(&page.entry, url, shape) {
            self.add_address(probe, Worth::Detail, page.entry.depth, Vec::new());
        }
    }

    /// Takes the home of the page, or the entries of a list where they are wanted, and gives their number.
    fn take_homes(
        &mut self,
        page: &PendingPage,
        url: &Url,
        extraction: Extraction,
        origin: HomeOrigin,
    ) -> i64 {
        if origin != HomeOrigin::List && !page_outcome::has_home(&extraction) {
            return 0;
        }
        let room = usize::try_from(self.items_left()).unwrap_or(usize::MAX);
        let before = self.buffer.homes.len();
        let homes = extraction.listings.into_iter().take(room);
        self.buffer.homes.extend(homes.map(|listing| FoundHome::of(page, url, listing, origin)));
        let items = (self.buffer.homes.len() - before) as i64;
        self.totals.items += items;
        items
    }

    /// The page was fetched and could not be read: an error of this page, after which the crawl continues.
    pub(super) fn on_unreadable(&mut self, page: PendingPage, failure: ReadFailure) {
        self.stats.record_received();
        self.stats.add("lotline/unreadable", 1);
        let (cause, words) = (failure.to_string(), format!("{}: {failure}", page.url));
        self.first_failure.get_or_insert_with(|| words.clone());
        self.log(LogLevel::Error, words);
        self.totals.pages_failed += 1;
        self.record_outcome(page, UrlState::Failed, 0, Some(&cause));
    }

    fn on_failure(&mut self, mut page: PendingPage, error: &FetchError) {
        self.stats.record_failure(error);
        page.entry.attempts += 1;
        let patience = if error.is_throttled() { EXTRA_ATTEMPTS_WHEN_THROTTLED } else { 0 };
        let tries = self.deps.settings.retries.saturating_add(1).saturating_add(patience);
        if error.is_transient() && page.entry.attempts < tries {
            return self.retry_later(page, error);
        }
        if Self::is_guessed_sitemap(&page) {
            return self.record_outcome(page, UrlState::Skipped, 0, Some(NO_SITEMAP));
        }
        if matches!(error, FetchError::Status { .. }) {
            self.stats.record_received();
        }
        if error.is_transient() {
            self.stats.add("retry/max_reached", 1);
        }
        if error.is_gone() {
            self.forget_visit(&page);
        }
        if error.is_gone() {
            self.keeper.forget(&page.url, self.deps.services.clock.now());
        }
        if error.is_gone() && !page.entry.known.is_empty() {
            return self.on_gone(page);
        }
        self.fail_page(page, &error.to_string());
    }

    /// The page of known listings is gone. Whether they are removed with it is decided at the end of the job.
    fn on_gone(&mut self, page: PendingPage) {
        self.log(LogLevel::Info, format!("{}: the listing is no longer there", page.url));
        self.known.disprove(AddressHash::of(&page.url));
        self.totals.pages_read += 1;
        self.record_outcome(page, UrlState::Done, 0, Some(PageOutcome::Gone.name()));
    }

    fn retry_later(&mut self, page: PendingPage, error: &FetchError) {
        self.stats.add("retry/count", 1);
        let wait = backoff(page.entry.attempts, error.retry_after(), self.deps.jitter());
        let words = format!("{}: {error}; another try follows in {:.0} s", page.url, wait.as_secs_f64());
        self.log(LogLevel::Debug, words);
        let now = self.deps.services.clock.now();
        self.buffer.touch(now);
        let fate = if page.entry.suspect { UrlState::Suspect } else { UrlState::Queued };
        self.buffer.outcomes.push(UrlOutcome {
            id: page.entry.id,
            state: fate,
            attempts: page.entry.attempts,
            items: 0,
            outcome: Some(error.to_string()),
        });
        self.queue.push_delayed(now + wait, page);
    }

    pub(super) fn fail_page(&mut self, page: PendingPage, cause: &str) {
        self.log_failure(format!("{}: {cause}", page.url));
        self.totals.pages_failed += 1;
        self.record_outcome(page, UrlState::Failed, 0, Some(cause));
    }

    pub(super) fn record_outcome(
        &mut self,
        page: PendingPage,
        fate: UrlState,
        items: i64,
        outcome: Option<&str>,
    ) {
        self.buffer.touch(self.deps.services.clock.now());
        let (id, attempts) = (page.entry.id, page.entry.attempts.max(1));
        let outcome = outcome.map(str::to_owned);
        self.buffer.outcomes.push(UrlOutcome { id, state: fate, attempts, items, outcome });
    }
}
