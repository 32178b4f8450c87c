//! Validates a reader's response. A reader that a page has taken over may send anything: everything that names a host
//! or a listing is checked against the request.

use url::Url;

use super::failure::ReadFailure;
use super::wire::{FoundListing, PageResponse, ReaderResponse, parse};
use crate::crawler::extract::{Extraction, Listing};
use crate::crawler::links::AllowedHosts;
use crate::crawler::reading::{Reading, ReadingLimits};
use crate::crawler::robots::RobotsRules;

/// A listing's `source` is cut beyond this, and ends in a digest then.
const MAX_SOURCE: usize = 100;
const SOURCE_START: usize = 83;

/// The page that was asked about.
pub(super) struct ExpectedPage<'a> {
    pub(super) url: &'a Url,
    pub(super) hosts: &'a AllowedHosts,
    pub(super) limits: ReadingLimits,
}

/// Parses the response for a page.
pub(super) fn parse_page(bytes: &[u8], asked: &ExpectedPage<'_>) -> Result<Reading, ReadFailure> {
    match parse_response(bytes)? {
        ReaderResponse::Page(page) => asked.validate(page),
        ReaderResponse::Robots(_) | ReaderResponse::Panicked(_) => Err(ReadFailure::Broke),
    }
}

/// Parses the response for a robots.txt.
pub(super) fn parse_robots(bytes: &[u8]) -> Result<RobotsRules, ReadFailure> {
    match parse_response(bytes)? {
        ReaderResponse::Robots(robots) => Ok(robots.rules),
        ReaderResponse::Page(_) | ReaderResponse::Panicked(_) => Err(ReadFailure::Broke),
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
        if page.listings.len() > self.limits.listings || page.links.len() > self.limits.links {
            return Err(ReadFailure::Broke);
        }
        let listings: Result<Vec<_>, _> =
            page.listings.into_iter().map(|found| self.listing(found)).collect();
        let links = page.links.iter().filter_map(|link| Url::parse(link).ok());
        Ok(Reading {
            extraction: Extraction {
                listings: listings?,
                skipped_blocks: page.skipped_blocks,
                unkeyed: page.unkeyed,
            },
            links: links.filter(|link| self.hosts.allows(link)).collect(),
            canonical: page
                .canonical
                .and_then(|url| Url::parse(&url).ok())
                .filter(|url| self.is_same_host(url)),
            truncated: page.truncated,
            cost: page.cost,
        })
    }

    /// A page may give listings of its own host only, and none that is removed.
    fn listing(&self, found: FoundListing) -> Result<Listing, ReadFailure> {
        let FoundListing { layer, property } = found;
        let own = property.source.as_deref().is_some_and(|source| self.is_source(source));
        if own && property.removed.is_none() {
            return Ok(Listing { property, layer });
        }
        Err(ReadFailure::Broke)
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
    use crate::crawler::extract::Layer;
    use crate::protocol::property::PropertyInput;

    const LIMITS: ReadingLimits = ReadingLimits { links: 3, listings: 2 };

    fn take(answer: PageResponse) -> Result<Reading, ReadFailure> {
        let url: Url = "https://homes.example.com:8443/h/1".parse().unwrap();
        let hosts = AllowedHosts::of([&url], &[]);
        let frame = frame(&ReaderResponse::Page(answer)).unwrap();
        parse_page(
            &frame[RESPONSE_HEADER_BYTES..],
            &ExpectedPage { url: &url, hosts: &hosts, limits: LIMITS },
        )
    }

    fn listing(source: &str) -> FoundListing {
        let property = PropertyInput { source: Some(source.to_owned()), ..PropertyInput::default() };
        FoundListing { layer: Layer::JsonLd, property }
    }

    #[test]
    fn links_and_canonicals_lead_to_allowed_hosts_only() {
        let urls = ["https://homes.example.com:8443/a", "http://10.0.0.1/", "not a url"];
        let links = urls.map(str::to_owned).to_vec();

        let reading = take(PageResponse {
            links,
            canonical: Some("https://evil.example.com/".to_owned()),
            ..PageResponse::default()
        });

        let reading = reading.unwrap();
        assert_eq!(reading.links, ["https://homes.example.com:8443/a".parse().unwrap()]);
        assert_eq!(reading.canonical, None);
    }

    #[test]
    fn only_listings_of_the_pages_own_source_are_accepted() {
        let with = |listing| take(PageResponse { listings: vec![listing], ..PageResponse::default() });
        let mut gone = listing("homes.example.com:8443");
        gone.property.removed = Some(true);

        assert!(with(listing("homes.example.com:8443")).is_ok());
        for forged in [listing("homes.example.com"), listing("other.example.com"), gone] {
            assert_eq!(with(forged).unwrap_err(), ReadFailure::Broke);
        }
    }

    #[test]
    fn a_response_over_the_limits_is_rejected() {
        let listings = (0..3).map(|_| listing("homes.example.com:8443")).collect();
        let links = vec!["https://homes.example.com:8443/a".to_owned(); 4];

        assert!(take(PageResponse { listings, ..PageResponse::default() }).is_err());
        assert!(take(PageResponse { links, ..PageResponse::default() }).is_err());
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
