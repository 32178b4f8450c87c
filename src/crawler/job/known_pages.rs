//! Adds the known pages of listings on the job's hosts to the frontier, a portion at a time and before any link is asked
//! for: so removed listings are noticed, also where a list still leads to them.

use std::collections::HashMap;

use super::crawl::Crawl;
use super::job_client::Result;
use crate::crawler::links::Worth;
use crate::crawler::page_url;
use crate::domain::frontier::{CrawlStep, Fingerprint, NewUrl, UrlClaim};
use crate::domain::properties::read::KnownUrl;
use crate::domain::visits::VisitStep;

/// Known pages that are read from the store at a time.
const READ_BATCH: u64 = 1_000;

impl Crawl {
    /// Adds known pages until at least `wanted` are new in the frontier, or there are no more.
    pub(super) async fn load_known_pages(&mut self, wanted: usize) -> Result<()> {
        let mut added = 0;
        while added < wanted && !self.is_stopped() {
            let Some((hosts, after)) = self.discovery.known_pages.position() else { return Ok(()) };
            let known = self.job_client.known_urls(hosts, after, READ_BATCH).await?;
            self.discovery.known_pages.advance(known.last().map(|last| last.property_id));
            let new = self.known_portion(known);
            if new.is_empty() {
                continue;
            }
            let visits = VisitStep::default();
            let step =
                CrawlStep { outcomes: &[], new: &new, addresses: &[], visits, claim: UrlClaim::Nothing };
            let recorded = self.job_client.record(step).await?;
            self.report_schedule.lease_renewed_at = self.deps.services.clock.now();
            self.cancelled |= recorded.cancel_requested;
            self.discovery.known_pages.take(recorded.added);
            self.stats.add("lotline/known_pages", i64::try_from(recorded.added).unwrap_or(i64::MAX));
            added += recorded.added;
        }
        Ok(())
    }

    /// The pages of a portion, each once with all of its listings. New ones only as far as there is room; the others
    /// become pages of known listings where they are.
    fn known_portion(&mut self, known: Vec<KnownUrl>) -> Vec<NewUrl> {
        let mut room = self.discovery.known_pages.left();
        let mut index: HashMap<String, usize> = HashMap::new();
        let mut pages: Vec<NewUrl> = Vec::new();
        for listing in known {
            let Some(url) = self.known_page(&listing.url) else { continue };
            let key = (listing.source, listing.listing_key);
            if let Some(page) = index.get(&url).and_then(|at| pages.get_mut(*at)) {
                page.known.push(key);
                continue;
            }
            let fingerprint = Fingerprint::of(&url);
            if !self.seen.contains(&fingerprint) {
                let Some(left) = room.checked_sub(1) else { continue };
                room = left;
                self.seen.insert(fingerprint);
            }
            index.insert(url.clone(), pages.len());
            pages.push(NewUrl { url, depth: 0, worth: Worth::Detail, known: vec![key] });
        }
        pages
    }

    /// The address that is asked for as a known page, if the job may ask for it.
    fn known_page(&mut self, address: &str) -> Option<String> {
        let url = page_url::to_ask_for(url::Url::parse(address).ok()?)?;
        let may_ask = self.allowed.allows(&url)
            && self.rules.follows(url.as_str())
            && self.deps.fetcher.guard().check(&url).is_ok();
        if !may_ask {
            return None;
        }
        self.discovery.shapes.record(&url, true);
        Some(url.into())
    }
}
