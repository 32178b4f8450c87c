//! Requests pages of homes conditionally, keeps what that needs of the pages that are read, and takes an answer that a
//! page is unchanged as a sighting of its home.

use url::Url;

use super::crawl::Crawl;
use super::job_client::Result;
use super::kept_links;
use super::page_outcome::{self, PageOutcome};
use super::page_visit::{ReadPage, UnchangedPage};
use super::url_queue::PendingPage;
use crate::base::hex::sha256_hex;
use crate::crawler::extract::{self, PageKind};
use crate::crawler::fetch::Validators;
use crate::crawler::reading::Reading;
use crate::domain::frontier::{Fingerprint, UrlState};
use crate::domain::visits::ReadMode;

impl Crawl {
    /// How this job reads pages now. Whatever decides what is taken of a page is in it.
    pub(super) fn read_mode(&self) -> ReadMode {
        let hosts = self.allowed.names().join(" ");
        let (links, listings) = (self.reading_limits.links, self.reading_limits.listings);
        let scope = sha256_hex(&format!("{}\n{hosts}\n{links} {listings}", self.shape.digest));
        ReadMode { extractor_version: extract::VERSION, scope }
    }

    /// Remembers a page that was read, if it is the page of a home and can be requested conditionally. Any other page
    /// is forgotten.
    pub(super) fn note_visit(
        &mut self,
        page: &PendingPage,
        url: &Url,
        reading: &Reading,
        validators: Validators,
    ) {
        match self.read_page(page, url, reading, validators) {
            Some(read) => self.buffer.read_pages.push(read),
            None => self.forget_visit(page),
        }
    }

    fn read_page(
        &self,
        page: &PendingPage,
        url: &Url,
        reading: &Reading,
        validators: Validators,
    ) -> Option<ReadPage> {
        let extraction = &reading.extraction;
        let is_validated = validators.etag.is_some() || validators.last_modified.is_some();
        let is_whole = reading.truncated.is_none() && *url == page.url;
        let is_home = extraction.kind == PageKind::Detail
            && !extraction.signs.gone
            && !extraction.signs.wall
            && page_outcome::has_home(extraction);
        if !is_validated || !is_whole || !is_home {
            return None;
        }
        let links = kept_links::encode(url, &reading.links, reading.canonical.as_ref())?;
        let mode = self.read_mode();
        Some(ReadPage { page_id: page.entry.id, url: url.clone(), validators, mode, links })
    }

    /// The page is gone, or is no page of a home any more: it is read at the next crawl.
    pub(super) fn forget_visit(&mut self, page: &PendingPage) {
        // The visits of pages that are tried alone or once more were not looked up.
        let is_unknown = page.entry.suspect || self.review.is_some();
        if is_unknown || self.visits.is_stored(page.entry.id) {
            self.buffer.forgotten.push(page.url.as_str().to_owned());
        }
    }

    /// The page is as it was at its visit: its home was seen, and nothing was read.
    pub(super) fn on_not_modified(&mut self, page: PendingPage) {
        self.stats.record_response(304);
        self.stats.record_received();
        self.seen.insert(Fingerprint::of(page.url.as_str()));
        self.discovery.shapes.record(&page.url, true);
        self.totals.pages_read += 1;
        let Some(visit) = self.visits.current(page.entry.id) else {
            // Only a page with a visit is requested conditionally.
            return self.record_outcome(page, UrlState::Done, 0, None);
        };
        let (key, property_id) = (visit.home.key(), visit.home.id);
        // A home with the same key is another one, as if this page had been read.
        self.known.keys_and_disproved().0.observe(&key, &page.url, &visit.home.facts());
        let items = i64::from(self.items_left() > 0);
        self.totals.items += items;
        if items > 0 {
            let (url, worth, depth) = (page.url.clone(), page.entry.worth, page.entry.depth);
            self.buffer.unchanged.push(UnchangedPage { url, worth, depth, property_id });
        }
        let outcome = (!page.entry.known.is_empty()).then_some(PageOutcome::Home.name());
        self.record_outcome(page, UrlState::Done, items, outcome);
    }

    /// Follows the kept links of the pages that are unchanged.
    pub(super) async fn follow_kept_links(&mut self) -> Result<()> {
        let unchanged = std::mem::take(&mut self.buffer.unchanged);
        if unchanged.is_empty() {
            return Ok(());
        }
        let urls: Vec<String> = unchanged.iter().map(|page| page.url.as_str().to_owned()).collect();
        let kept = self.job_client.kept_links(&urls).await?;
        for page in &unchanged {
            let Some(json) = kept.get(page.url.as_str()) else { continue };
            let (links, canonical) = kept_links::decode(&page.url, json);
            for link in links {
                self.add_link(link.url, link.worth, page.depth + 1, Vec::new());
            }
            if let Some(own) = canonical {
                self.add_link(own, page.worth, page.depth, Vec::new());
            }
        }
        self.buffer.seen.extend(unchanged.iter().map(|page| page.property_id));
        Ok(())
    }
}
