//! What a request brought becomes listings, links, another try or a line in the log.

use url::Url;

use super::Crawl;
use super::shelf::Stop;
use super::visit::{Found, Visit};
use crate::crawler::fetch::{FetchError, backoff};
use crate::crawler::links;
use crate::crawler::reader::ReadFailure;
use crate::crawler::reading::Reading;
use crate::domain::frontier::{Fate, Fingerprint, NewPlace, Visited};
use crate::protocol::job::LogLevel;
use crate::protocol::property::PropertyInput;

/// More tries for a page whose host only asks for fewer requests.
const PATIENCE: u32 = 2;

impl Crawl {
    pub(super) fn take(&mut self, visit: Visit) {
        // The host that answered may be asked again.
        self.pause = None;
        match visit {
            Visit::Robots { url, status, settled } => self.take_robots(&url, status, settled),
            Visit::Page { stop, result } => {
                self.flying_pages -= 1;
                self.tally.depth(stop.place.depth);
                match result {
                    Ok(found) => self.take_found(*stop, found),
                    Err(error) => self.take_failure(*stop, &error),
                }
            }
        }
    }

    fn take_robots(&mut self, url: &Url, status: Option<u16>, settled: bool) {
        if let Some(status) = status {
            self.tally.add("robotstxt/response_count", 1);
            self.tally.add(&format!("robotstxt/response_status_count/{}xx", status / 100), 1);
        }
        if !settled {
            let host = &url[..url::Position::BeforePath];
            self.note(
                LogLevel::Warning,
                format!("{host}/robots.txt could not be read and is asked for again"),
            );
        }
    }

    fn take_found(&mut self, stop: Stop, found: Found) {
        match found {
            Found::Page { url, body_bytes, reading } => {
                self.tally.response(200);
                self.tally.bytes(body_bytes);
                self.take_page(stop, &url, *reading);
            }
            Found::Elsewhere(target) => {
                self.tally.response(302);
                self.take_redirect(stop, target);
            }
            Found::Unreadable { body_bytes, failure } => {
                self.tally.response(200);
                self.tally.bytes(body_bytes);
                self.take_unreadable(stop, failure);
            }
        }
    }

    fn take_page(&mut self, stop: Stop, url: &Url, reading: Reading) {
        self.tally.received();
        self.tally.read(&reading.extraction);
        if let Some(reason) = reading.truncated {
            self.note(LogLevel::Warning, format!("{url}: the page was not read to its end: {reason}"));
        }
        // The same page would be found once more at the end of its redirect.
        self.seen.insert(Fingerprint::of(url.as_str()));
        let room = usize::try_from(self.items_left()).unwrap_or(usize::MAX);
        let listings = reading.extraction.listings.into_iter().take(room).map(|listing| listing.property);
        let before = self.haul.listings.len();
        self.haul.listings.extend(listings);
        let items = (self.haul.listings.len() - before) as i64;
        self.reached.items += items;
        self.reached.read += 1;
        for link in reading.links {
            self.add_link(link, stop.place.depth + 1);
        }
        if let Some(canonical) = reading.canonical {
            self.add_link(canonical, stop.place.depth);
        }
        self.settle(stop, Fate::Done, items, None);
    }

    /// The page was got and could not be read: an error of this page, after which the crawl goes on.
    fn take_unreadable(&mut self, stop: Stop, failure: ReadFailure) {
        self.tally.received();
        self.tally.add("lotline/unreadable", 1);
        let (cause, words) = (failure.to_string(), format!("{}: {failure}", stop.url));
        self.first_failure.get_or_insert_with(|| words.clone());
        self.note(LogLevel::Error, words);
        self.reached.failed += 1;
        self.settle(stop, Fate::Failed, 0, Some(&cause));
    }

    fn take_redirect(&mut self, stop: Stop, target: Url) {
        let words = format!("it redirects to {target}");
        if self.allowed.allows(&target) {
            self.add_link(target, stop.place.depth);
            // Not a page of its own: what counts is the page that it leads to.
            self.settle(stop, Fate::Skipped, 0, Some("redirected"));
        } else {
            self.tally.received();
            self.give_up(stop, &format!("{words}, which is on none of the job's hosts"));
        }
    }

    fn take_failure(&mut self, mut stop: Stop, error: &FetchError) {
        self.tally.failure(error);
        stop.place.attempts += 1;
        let patience = if error.asks_to_slow_down() { PATIENCE } else { 0 };
        let tries = self.tools.settings.retries.saturating_add(1).saturating_add(patience);
        if error.is_transient() && stop.place.attempts < tries {
            return self.try_again(stop, error);
        }
        if matches!(error, FetchError::Status { .. }) {
            self.tally.received();
        }
        if error.is_transient() {
            self.tally.add("retry/max_reached", 1);
        }
        if error.is_gone() && !stop.place.known.is_empty() {
            return self.take_removal(stop);
        }
        self.give_up(stop, &error.to_string());
    }

    /// The page of known listings is gone, and they with it.
    fn take_removal(&mut self, stop: Stop) {
        self.note(LogLevel::Info, format!("{}: the listing is no longer there", stop.url));
        let gone = |(source, listing_key): &(String, String)| PropertyInput {
            source: Some(source.clone()),
            listing_key: Some(listing_key.clone()),
            removed: Some(true),
            ..PropertyInput::default()
        };
        self.haul.listings.extend(stop.place.known.iter().map(gone));
        self.tally.add("lotline/removed", stop.place.known.len() as i64);
        self.reached.read += 1;
        self.settle(stop, Fate::Done, 0, Some("gone"));
    }

    fn try_again(&mut self, stop: Stop, error: &FetchError) {
        self.tally.add("retry/count", 1);
        let wait = backoff(stop.place.attempts, error.retry_after(), self.tools.jitter());
        let words = format!("{}: {error}; another try follows in {:.0} s", stop.url, wait.as_secs_f64());
        self.note(LogLevel::Debug, words);
        let now = self.tools.kernel.clock.now();
        self.haul.touch(now);
        let fate = if stop.place.suspect { Fate::Suspect } else { Fate::Queued };
        self.haul.visited.push(Visited {
            id: stop.place.id,
            fate,
            attempts: stop.place.attempts,
            items: 0,
            outcome: Some(error.to_string()),
        });
        self.shelf.put_later(now + wait, stop);
    }

    fn give_up(&mut self, stop: Stop, cause: &str) {
        self.failed(format!("{}: {cause}", stop.url));
        self.reached.failed += 1;
        self.settle(stop, Fate::Failed, 0, Some(cause));
    }

    fn settle(&mut self, stop: Stop, fate: Fate, items: i64, outcome: Option<&str>) {
        self.haul.touch(self.tools.kernel.clock.now());
        let (id, attempts) = (stop.place.id, stop.place.attempts.max(1));
        let outcome = outcome.map(str::to_owned);
        self.haul.visited.push(Visited { id, fate, attempts, items, outcome });
    }

    /// Adds a page to the frontier, unless it is there, too deep, or never fetched.
    fn add_link(&mut self, url: Url, depth: i64) {
        if depth > self.tools.settings.max_depth
            || self.seen.len() >= self.limits.rows
            || !self.allowed.allows(&url)
        {
            return;
        }
        let Some(url) = links::normalise(url) else { return };
        if self.tools.fetcher.guard().check(&url).is_err() || !self.seen.insert(Fingerprint::of(url.as_str()))
        {
            return;
        }
        self.haul.links.push(NewPlace { url: url.into(), depth, known: Vec::new() });
    }
}
