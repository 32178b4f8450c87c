//! Validates a reader's response. A reader that a page has taken over may send anything: everything that names a host
//! or a listing is checked against the request.

use std::collections::BTreeMap;

use url::Url;

use super::failure::ReadFailure;
use super::found::{FoundListing, MAX_FIELD_BYTES};
use super::wire::{MAX_LINKS, PageResponse, ReaderResponse, parse};
use crate::crawler::content_kind::ContentKind;
use crate::crawler::extract::{Extraction, Listing, PageKind};
use crate::crawler::links::{AllowedHosts, FoundLink};
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::crawler::robots::RobotsRules;

/// A listing's `source` is cut beyond this, and ends in a digest then.
const MAX_SOURCE: usize = 100;
const SOURCE_START: usize = 83;

/// The page that was asked about.
pub(super) struct ExpectedPage<'a> {
    pub(super) url: &'a Url,
    pub(super) hosts: &'a AllowedHosts,
    pub(super) content: ContentKind,
    pub(super) limits: ReadingLimits,
    /// Whether the entries of lists were asked for.
    pub(super) takes_entries: bool,
    pub(super) explain: bool,
}

/// Parses the response for a page.
pub(super) fn parse_page(bytes: &[u8], asked: &ExpectedPage<'_>) -> Result<Reading, ReadFailure> {
    match parse_response(bytes)? {
        ReaderResponse::Page(page) => asked.validate(page),
        ReaderResponse::InvalidRules => Err(ReadFailure::InvalidRules),
        ReaderResponse::Robots(_) | ReaderResponse::Panicked(_) => Err(ReadFailure::Broke),
    }
}

/// Parses the response for a robots.txt.
pub(super) fn parse_robots(bytes: &[u8]) -> Result<RobotsRules, ReadFailure> {
    match parse_response(bytes)? {
        ReaderResponse::Robots(robots) => Ok(robots.rules),
        ReaderResponse::Page(_) | ReaderResponse::InvalidRules | ReaderResponse::Panicked(_) => {
            Err(ReadFailure::Broke)
        }
    }
}

fn parse_response(bytes: &[u8]) -> Result<ReaderResponse, ReadFailure> {
    match parse(bytes) {
        Ok(ReaderResponse::Panicked(location)) => {
            tracing::error!(%location, "a page reader panicked");
            Err(ReadFailure::Broke)
        }
        Ok(answer) => Ok(answer),
        Err(error) => {
            tracing::error!(%error, "a page reader answered nonsense");
            Err(ReadFailure::Broke)
        }
    }
}

impl ExpectedPage<'_> {
    fn validate(&self, page: PageResponse) -> Result<Reading, ReadFailure> {
        let is_within_limits =
            page.listings.len() <= self.limits.listings && page.links.len() <= self.most_links();
        if !is_within_limits || !self.may_have(page.kind, page.listings.len()) {
            return Err(ReadFailure::Broke);
        }
        let disagreements: BTreeMap<_, _> = page.disagreements.into_iter().collect();
        if disagreements.keys().any(|field| field.len() > MAX_FIELD_BYTES) {
            return Err(ReadFailure::Broke);
        }
        let explanation = page.explanation.filter(|_| self.explain).map(|found| found.checked());
        let explanation = explanation.map(|checked| checked.ok_or(ReadFailure::Broke)).transpose()?;
        let listings: Result<Vec<_>, _> =
            page.listings.into_iter().map(|found| self.listing(found)).collect();
        let teasers = page.teasers.iter().filter_map(|teaser| Url::parse(teaser).ok());
        let links = page
            .links
            .iter()
            .filter_map(|(link, worth)| Some(FoundLink { url: Url::parse(link).ok()?, worth: *worth }));
        Ok(Reading {
            extraction: Extraction {
                kind: page.kind,
                listings: listings?,
                teasers: teasers.filter(|teaser| self.is_same_host(teaser)).collect(),
                state_links: Vec::new(),
                signs: page.signs,
                skipped_blocks: page.skipped_blocks,
                unkeyed: page.unkeyed,
                disagreements,
            },
            links: links.filter(|link| self.hosts.allows(&link.url)).collect(),
            has_token: page.has_token,
            canonical: page
                .canonical
                .and_then(|url| Url::parse(&url).ok())
                .filter(|url| self.is_same_host(url)),
            truncated: page.truncated,
            cost: page.cost,
            explanation,
        })
    }

    /// Sitemaps and feeds have more links than pages.
    fn most_links(&self) -> usize {
        match self.content {
            ContentKind::Html => self.limits.links,
            ContentKind::Xml | ContentKind::Json => MAX_LINKS,
        }
    }

    /// The page of a home gives one listing, a list gives its entries where they were asked for, and other pages none.
    fn may_have(&self, kind: PageKind, listings: usize) -> bool {
        match kind {
            PageKind::Detail => listings <= 1,
            PageKind::List => listings == 0 || self.takes_entries,
            PageKind::Neither => listings == 0,
        }
    }

    /// A page may give listings of its own host only, and none that is removed.
    fn listing(&self, found: FoundListing) -> Result<Listing, ReadFailure> {
        let listing = found.checked().ok_or(ReadFailure::Broke)?;
        let own = listing.property.source.as_deref().is_some_and(|source| self.is_source(source));
        if own && listing.property.removed.is_none() { Ok(listing) } else { Err(ReadFailure::Broke) }
    }

    fn is_source(&self, source: &str) -> bool {
        let host = self.url.host_str().unwrap_or_default();
        let own = self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        match own.get(..SOURCE_START) {
            Some(start) if own.len() > MAX_SOURCE => source.starts_with(start),
            _ => source == own,
        }
    }

    fn is_same_host(&self, url: &Url) -> bool {
        url.host_str() == self.url.host_str() && url.port() == self.url.port()
    }
}

#[cfg(test)]
mod tests {
    use super::super::wire::{RESPONSE_HEADER_BYTES, frame};
    use super::*;
    use crate::crawler::extract::{Layer, Origin};
    use crate::crawler::links::Worth;
    use crate::protocol::property::PropertyInput;

    const LIMITS: ReadingLimits = ReadingLimits { links: 3, listings: 2 };

    fn take(answer: PageResponse) -> Result<Reading, ReadFailure> {
        take_of(ContentKind::Html, answer)
    }

    fn take_of(content: ContentKind, answer: PageResponse) -> Result<Reading, ReadFailure> {
        let url: Url = "https://homes.example.com:8443/h/1".parse().unwrap();
        let hosts = AllowedHosts::of([&url], &[]);
        let frame = frame(&ReaderResponse::Page(answer)).unwrap();
        let takes_entries = content == ContentKind::Json;
        let page =
            ExpectedPage { url: &url, hosts: &hosts, content, limits: LIMITS, takes_entries, explain: false };
        parse_page(&frame[RESPONSE_HEADER_BYTES..], &page)
    }

    fn listing(source: &str) -> FoundListing {
        let property = PropertyInput { source: Some(source.to_owned()), ..PropertyInput::default() };
        FoundListing {
            layer: Layer::JsonLd,
            told_key: true,
            ids: Vec::new(),
            inferred_currency: false,
            origins: Vec::new(),
            property,
        }
    }

    fn link(url: &str) -> (String, Worth) {
        (url.to_owned(), Worth::Page)
    }

    fn detail(listings: Vec<FoundListing>) -> PageResponse {
        PageResponse { kind: PageKind::Detail, listings, ..PageResponse::default() }
    }

    #[test]
    fn teasers_are_pages_of_the_same_host_and_ids_are_short() {
        let urls =
            ["https://homes.example.com:8443/h/2", "https://homes.example.com/h/3", "http://10.0.0.1/"];
        let teasers = urls.map(str::to_owned).to_vec();
        let mut long = listing("homes.example.com:8443");
        long.ids = vec!["x".repeat(801)];
        let mut lengthy = listing("homes.example.com:8443");
        let origin = Origin { layer: Layer::Html, fragment: "x".repeat(81) };
        lengthy.origins = vec![("list_price".to_owned(), origin)];
        let field = ("x".repeat(MAX_FIELD_BYTES + 1), 1);

        let reading = take(PageResponse { teasers, ..PageResponse::default() }).unwrap();

        assert_eq!(reading.extraction.teasers, [urls[0].parse().unwrap()]);
        assert!(take(detail(vec![long])).is_err() && take(detail(vec![lengthy])).is_err());
        assert!(take(PageResponse { disagreements: vec![field], ..PageResponse::default() }).is_err());
    }

    #[test]
    fn links_and_canonicals_lead_to_allowed_hosts_only() {
        let urls = ["https://homes.example.com:8443/a", "http://10.0.0.1/", "not a url"];
        let links = urls.map(link).to_vec();

        let reading = take(PageResponse {
            links,
            canonical: Some("https://evil.example.com/".to_owned()),
            ..PageResponse::default()
        });

        let reading = reading.unwrap();
        let url = "https://homes.example.com:8443/a".parse().unwrap();
        assert_eq!(reading.links, [FoundLink { url, worth: Worth::Page }]);
        assert_eq!(reading.canonical, None);
    }

    #[test]
    fn only_listings_of_the_pages_own_source_are_accepted() {
        let with = |listing| take(detail(vec![listing]));
        let mut gone = listing("homes.example.com:8443");
        gone.property.removed = Some(true);

        assert!(with(listing("homes.example.com:8443")).is_ok());
        for forged in [listing("homes.example.com"), listing("other.example.com"), gone] {
            assert_eq!(with(forged).unwrap_err(), ReadFailure::Broke);
        }
    }

    #[test]
    fn a_response_over_the_limits_is_rejected() {
        let listings =
            |count: usize| -> Vec<_> { (0..count).map(|_| listing("homes.example.com:8443")).collect() };
        let links = vec![link("https://homes.example.com:8443/a"); 4];
        let of_kind = |kind, count| {
            take(PageResponse { kind, listings: listings(count), ..PageResponse::default() }).is_ok()
        };

        assert!(of_kind(PageKind::Detail, 1) && !of_kind(PageKind::Detail, 2));
        assert!(of_kind(PageKind::List, 0) && !of_kind(PageKind::List, 1), "entries were not asked for");
        assert!(of_kind(PageKind::Neither, 0) && !of_kind(PageKind::Neither, 1));
        let linked = || PageResponse { links: links.clone(), ..PageResponse::default() };
        assert!(take(linked()).is_err());
        assert!(take_of(ContentKind::Xml, linked()).is_ok(), "a sitemap has more links than a page");
        let items = PageResponse { kind: PageKind::List, listings: listings(2), ..PageResponse::default() };
        assert!(take_of(ContentKind::Json, items).is_ok());
    }

    #[test]
    fn rules_that_do_not_compile_are_named() {
        let frame = frame(&ReaderResponse::InvalidRules).unwrap();
        let url: Url = "https://homes.example.com/h/1".parse().unwrap();
        let hosts = AllowedHosts::default();
        let page = ExpectedPage {
            url: &url,
            hosts: &hosts,
            content: ContentKind::Html,
            limits: LIMITS,
            takes_entries: false,
            explain: false,
        };

        let failure = parse_page(&frame[RESPONSE_HEADER_BYTES..], &page).unwrap_err();

        assert_eq!(failure, ReadFailure::InvalidRules);
    }

    #[test]
    fn a_malformed_response_is_rejected() {
        for bytes in [&b""[..], b"\xff", b"{\"Page\":{}}", &[0x81; 200]] {
            assert!(parse_robots(bytes).is_err());
        }
        let panicked = frame(&ReaderResponse::Panicked("page.rs:1".to_owned())).unwrap();
        assert_eq!(parse_robots(&panicked[RESPONSE_HEADER_BYTES..]), Err(ReadFailure::Broke));
    }
}
