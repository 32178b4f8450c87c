//! A job that reads kept pages of its spider again, with today's rules and extractor. Its frontier has the kept pages; it
//! makes no request, follows no link and removes nothing: what is on no kept page may be on the site.

use std::collections::HashMap;
use std::sync::Arc;

use url::Url;

use super::crawl::Crawl;
use super::job_client::{JobClient, Result};
use super::kept_reading::{KeptResult, KeptScope, Reread};
use super::request;
use super::url_queue::PendingPage;
use crate::base::ids::PropertyId;
use crate::crawler::links::AllowedHosts;
use crate::crawler::page_url;
use crate::domain::frontier::{CrawlStep, Fingerprint, NewUrl, UrlClaim, UrlState, Worth};
use crate::domain::properties::{PageReading, PageVisit};
use crate::domain::visits::VisitStep;
use crate::protocol::job::LogLevel;

/// Kept pages, and known listings, that are read from the store at a time.
const READ_BATCH: u64 = 1_000;
/// Hosts whose known listings are looked up at a time.
const HOSTS: usize = 200;

impl Crawl {
    /// Fills the frontier with the kept pages, in the order in which they were fetched.
    pub(super) async fn seed_kept_pages(&mut self, reread: &Reread) -> Result<()> {
        // One page more than may be read: what is left says that the limit ended the job.
        let urls = kept_urls(&self.job_client, reread, self.limits.rows.saturating_add(1)).await?;
        let name = &reread.spider_name;
        if urls.is_empty() {
            let words = format!(
                "No page is kept of {name}: its pages are those that its own jobs read last; a job of another spider that reads the same page takes it over"
            );
            self.log(LogLevel::Warning, words);
        } else {
            let count = urls.len().min(self.limits.rows);
            self.log(LogLevel::Info, format!("{count} kept pages of {name} are read again"));
        }
        self.seen = urls.iter().map(|page| Fingerprint::of(&page.url)).collect();
        // All in one transaction: a job that is killed here has none, and starts over.
        let visits = VisitStep::default();
        let step = CrawlStep { outcomes: &[], new: &urls, addresses: &[], visits, claim: UrlClaim::Nothing };
        self.cancelled |= self.job_client.record(step).await?.cancel_requested;
        Ok(())
    }

    /// Starts to read the next kept pages, as many as may be read at a time.
    pub(super) fn schedule_kept(&mut self, reread: &Reread, most: usize) {
        while self.in_flight.len() < most && self.pages_left() > 0 && !self.is_stopped() {
            let Some(host) = self.queue.hosts().into_iter().next() else { return };
            let Some(next) = self.queue.front(&host) else { return };
            let others = self.queue.ready() > 1 || !self.in_flight.is_empty();
            if next.entry.suspect && others {
                return;
            }
            if !self.queue.is_taken(next.entry.id) {
                self.must_mark_taken = true;
                return;
            }
            let Some(page) = self.queue.pop(&host) else { return };
            self.pages_in_flight += 1;
            let rules = Arc::clone(&self.spider_rules);
            let scope = KeptScope { reread: reread.clone(), limits: self.reading_limits, rules };
            let read = request::read_kept(self.deps.clone(), self.job_client.op.clone(), page, scope);
            self.in_flight.push(Box::pin(read));
        }
    }

    /// The next page, if it is a suspect of a job that reads kept pages: it is marked as being read alone.
    pub(super) fn next_kept_suspect(&self) -> Option<i64> {
        self.reread.as_ref()?;
        let host = self.queue.hosts().into_iter().next()?;
        self.queue.front(&host).filter(|page| page.entry.suspect).map(|page| page.entry.id)
    }

    pub(super) fn on_kept(&mut self, page: PendingPage, result: KeptResult) {
        self.pages_in_flight -= 1;
        match result {
            KeptResult::Page { url, reading } => {
                self.stats.add("lotline/read_again", 1);
                self.on_page(page, &url, *reading);
            }
            KeptResult::NotKept => {
                self.log(LogLevel::Debug, format!("{}: the page is no longer kept", page.url));
                self.record_outcome(page, UrlState::Skipped, 0, Some("not kept"));
            }
            KeptResult::Unreadable(failure) => self.on_unreadable(page, failure),
            KeptResult::StoreFailed(problem) => {
                self.stats.record_received();
                self.fail_page(page, &format!("the kept page could not be read from the store: {problem}"));
            }
        }
    }

    /// The visit that the homes of a page were read from.
    pub(super) fn visit_of(&self, fetched_at: i64) -> PageVisit {
        let reading = if self.reread.is_some() { PageReading::Again } else { PageReading::First };
        PageVisit { fetched_at, reading }
    }
}

/// The kept pages of the spider, each with the listings that are known to have it.
async fn kept_urls(job_client: &JobClient, reread: &Reread, most: usize) -> Result<Vec<NewUrl>> {
    let (mut urls, mut after): (Vec<NewUrl>, _) = (Vec::new(), None);
    while urls.len() < most {
        let pages = job_client.kept_pages(reread, after, READ_BATCH).await?;
        let Some(last) = pages.last() else { break };
        after = Some(last.position());
        let room = most - urls.len();
        urls.extend(pages.into_iter().take(room).map(|page| NewUrl {
            url: page.url,
            depth: 0,
            worth: Worth::Page,
            known: Vec::new(),
        }));
    }
    add_known_listings(job_client, &mut urls).await?;
    Ok(urls)
}

async fn add_known_listings(job_client: &JobClient, urls: &mut [NewUrl]) -> Result<()> {
    let parsed: Vec<Url> = urls.iter().filter_map(|page| Url::parse(&page.url).ok()).collect();
    let hosts = AllowedHosts::of(&parsed, &[]).names();
    let index: HashMap<String, usize> =
        urls.iter().zip(0..).map(|(page, at)| (page.url.clone(), at)).collect();
    for hosts in hosts.chunks(HOSTS) {
        let mut after: Option<PropertyId> = None;
        loop {
            let known = job_client.known_urls(hosts, after, READ_BATCH).await?;
            let Some(last) = known.last() else { break };
            after = Some(last.property_id);
            for listing in known {
                let url = Url::parse(&listing.url).ok().and_then(page_url::to_ask_for);
                let at = url.and_then(|url| index.get(url.as_str()));
                if let Some(page) = at.and_then(|at| urls.get_mut(*at)) {
                    page.known.push((listing.source, listing.listing_key));
                }
            }
        }
    }
    Ok(())
}
