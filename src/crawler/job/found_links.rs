//! Adds what pages, robots files and redirects lead to to the frontier: on the job's hosts, by the rules of its spider,
//! each address once and with its worth, and nothing that goes on for ever.

use std::sync::Arc;

use url::Url;

use super::crawl::Crawl;
use super::url_queue::PendingPage;
use crate::crawler::extract::{Extraction, PageKind};
use crate::crawler::links::{self, FoundLink, Worth};
use crate::crawler::page_url;
use crate::crawler::paging::paging;
use crate::crawler::reading::Reading;
use crate::crawler::robots::{self, Robots};
use crate::crawler::traps::TrapKind;
use crate::crawler::worth::may_follow;
use crate::domain::frontier::{Fingerprint, ListingKey, NewUrl, UrlState, adopted_outcome};
use crate::protocol::job::LogLevel;

/// Where a sitemap is, if a site has one and its robots.txt names none.
const SITEMAP: &str = "/sitemap.xml";
/// Links from a target to a sitemap.
const SITEMAP_DEPTH: i64 = 1;

impl Crawl {
    /// Adds the links of a page that was read, and remembers what kind of page it is.
    pub(super) fn add_page_links(
        &mut self,
        page: &PendingPage,
        url: &Url,
        links: Vec<FoundLink>,
        extraction: &Extraction,
    ) {
        self.learn_from(url, &links, extraction);
        let series = paging(url).map(|own| own.series);
        for link in links {
            // A list has as many pages as it has: they are as near as its second one.
            let is_same_list = series.is_some() && paging(&link.url).map(|other| other.series) == series;
            let step = i64::from(!is_same_list || page.entry.depth == 0);
            self.add_link(link.url, link.worth, page.entry.depth + step, Vec::new());
        }
    }

    fn learn_from(&mut self, url: &Url, links: &[FoundLink], extraction: &Extraction) {
        // A page that is gone or asks for a log-in says nothing of other pages of its shape.
        if !extraction.signs.gone && !extraction.signs.wall && !is_document(extraction) {
            self.discovery.shapes.record(url, extraction.kind == PageKind::Detail);
        }
        let items = extraction.listings.len();
        let Some(own) = paging(url).filter(|_| extraction.kind != PageKind::Detail) else { return };
        // Entries that are no listings may be new all the same.
        if items == 0 && extraction.unkeyed > 0 {
            return;
        }
        let is_other = |link: &&FoundLink| paging(&link.url).is_none_or(|other| other.series != own.series);
        let others: Vec<&FoundLink> =
            links.iter().filter(|link| link.worth != Worth::Permutation).filter(is_other).collect();
        let homes = others.iter().filter(|link| link.worth == Worth::Detail).count();
        // What is on every page of a site, as its menu, counts only where there is nothing else.
        let shown = others.iter().filter(|link| homes == 0 || link.worth == Worth::Detail);
        let shown = shown.map(|link| link.url.as_str());
        let listed = extraction.listings.iter().filter_map(|listing| listing.property.listing_key.as_deref());
        self.discovery.traps.record(url, homes + items, shown.chain(listed));
    }

    /// Adds a link to the frontier, unless it is there, too deep, never fetched, or excluded by the rules of the spider.
    /// `known`: listings whose page leads there. Whether it was added.
    pub(super) fn add_link(&mut self, url: Url, worth: Worth, depth: i64, known: Vec<ListingKey>) -> bool {
        let Some(url) = self.new_address(url, depth) else { return false };
        if !may_follow(&self.rules, &url) {
            return false;
        }
        if !self.rules.is_detail(url.as_str())
            && let Some(kind) = self.discovery.traps.find(&url)
        {
            self.leave_out(&url, kind);
            return false;
        }
        let seen = &self.seen;
        let worth = self.discovery.worth(&self.rules, &url, worth, |page| seen.contains(&page));
        self.push_link(url, worth, depth, known)
    }

    /// Adds an address that is no link: where a target redirects to, or a probe. The rules for links are not for it.
    pub(super) fn add_address(&mut self, url: Url, worth: Worth, depth: i64, known: Vec<ListingKey>) -> bool {
        match self.new_address(url, depth) {
            Some(url) => self.push_link(url, worth, depth, known),
            None => false,
        }
    }

    /// The address that is asked for, if it is on the job's hosts, near enough, and not in the frontier.
    fn new_address(&self, url: Url, depth: i64) -> Option<Url> {
        // Pages that are found while some are requested once more are left to the next job.
        let is_closed = self.review.is_some() || self.reread.is_some();
        if is_closed || depth > self.limits.depth || !self.allowed.allows(&url) {
            return None;
        }
        let url = page_url::to_ask_for(url)?;
        let is_new = !self.seen.contains(&Fingerprint::of(url.as_str()));
        (is_new && self.deps.fetcher.guard().check(&url).is_ok()).then_some(url)
    }

    fn push_link(&mut self, url: Url, worth: Worth, depth: i64, known: Vec<ListingKey>) -> bool {
        if self.seen.len() >= self.limits.rows_for(worth) || !self.discovery.take_room(worth) {
            return false;
        }
        self.seen.insert(Fingerprint::of(url.as_str()));
        self.buffer.touch(self.deps.services.clock.now());
        self.buffer.add_link(NewUrl { url: url.into(), depth, worth, known });
        true
    }

    fn leave_out(&mut self, url: &Url, kind: TrapKind) {
        self.stats.add(&format!("lotline/traps/{}", kind.name()), 1);
        if self.discovery.traps.is_first(kind) {
            let words = format!("{url}: {}; it is left out, and others like it", kind.words());
            self.log(LogLevel::Info, words);
        }
    }

    /// Adds the sitemaps of a host whose page is about to be fetched, once: those that its robots.txt names, or else the
    /// one at the usual place of a target's host.
    pub(super) fn add_sitemaps(&mut self, page: &PendingPage, robots: &Robots) {
        if !self.discovery.is_new_origin(robots::origin(&page.url)) {
            return;
        }
        let named: Vec<Url> =
            robots.sitemaps().iter().filter_map(|address| page.url.join(address).ok()).collect();
        let is_target = page.entry.depth == 0 && page.entry.known.is_empty();
        let is_guessed = named.is_empty() && is_target && self.shape.rules.sitemaps.is_none();
        let guess = page.url.join(SITEMAP).ok().filter(|_| is_guessed);
        for sitemap in named.into_iter().chain(guess) {
            self.add_link(sitemap, Worth::List, SITEMAP_DEPTH, Vec::new());
        }
    }

    /// Whether the page was only asked for because a sitemap may be there. That none is there is no error.
    pub(super) fn is_guessed_sitemap(page: &PendingPage) -> bool {
        page.entry.depth == SITEMAP_DEPTH && page.url.path() == SITEMAP && page.url.query().is_none()
    }

    /// Whether the page was asked for as a sitemap and is none.
    pub(super) fn is_no_sitemap(page: &PendingPage, reading: &Reading) -> bool {
        let is_sitemap = is_document(&reading.extraction) && !reading.links.is_empty();
        Self::is_guessed_sitemap(page) && !is_sitemap
    }

    /// Makes the host to which a target redirects one of the job's, if it is the same site under another name. The
    /// outcome of the target has it, so that a crawl that resumes has the host, too.
    fn adopt_redirect(&mut self, page: &PendingPage, target: &Url) -> Option<String> {
        let is_target = page.entry.depth == 0 && page.entry.known.is_empty();
        let may_adopt = is_target && self.reread.is_none() && self.review.is_none();
        if !may_adopt || !links::is_same_site(&page.url, target) {
            return None;
        }
        self.deps.fetcher.guard().check(target).ok()?;
        let host = Arc::make_mut(&mut self.allowed).add(target)?;
        self.discovery.known_pages.add_host(host);
        self.frontier_has_more = true;
        let origin = target[..url::Position::BeforePath].to_owned();
        self.log(LogLevel::Info, format!("{}: its site is {origin}, which belongs to the job now", page.url));
        Some(adopted_outcome(&origin))
    }

    /// A redirect of a page: to a page of the job, or of a target to another name of its site.
    pub(super) fn on_redirect(&mut self, page: PendingPage, target: Url) {
        let adopted = if self.allowed.allows(&target) { None } else { self.adopt_redirect(&page, &target) };
        if !self.allowed.allows(&target) {
            self.stats.record_received();
            let cause = format!("it redirects to {target}, which is on none of the job's hosts");
            return self.fail_page(page, &cause);
        }
        let (worth, depth, known) = (page.entry.worth, page.entry.depth, page.entry.known.clone());
        if depth == 0 {
            self.add_address(target, worth, depth, known);
        } else {
            self.add_link(target, worth, depth, known);
        }
        // Not a page of its own: what counts is the page that it leads to.
        self.totals.redirects += 1;
        self.record_outcome(page, UrlState::Skipped, 0, Some(adopted.as_deref().unwrap_or("redirected")));
    }
}

/// Whether the page is a sitemap or a feed: it shows nothing to people.
fn is_document(extraction: &Extraction) -> bool {
    extraction.kind == PageKind::Neither && extraction.signs.shape == 0
}
