//! One fetched page, read for everything that a crawl wants of it. Runs in a page reader, never in the server.

use url::Url;

use super::extract::{self, Extraction};
use super::links::{self, AllowedHosts};
use super::page::Page;

/// A page as text.
#[derive(Clone, Copy, Debug)]
pub struct PageText<'a> {
    /// Where it came from.
    pub url: &'a Url,
    pub html: &'a str,
    /// Its `X-Robots-Tag` headers, joined.
    pub robots_tag: Option<&'a str>,
}

/// How much of a page is taken.
#[derive(Clone, Copy, Debug)]
pub struct ReadingLimits {
    pub links: usize,
    pub listings: usize,
}

/// What a page gave, its wishes respected.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Empty where the page asks not to be indexed.
    pub extraction: Extraction,
    /// Empty where the page asks not to be followed.
    pub links: Vec<Url>,
    /// The page's own URL: another one than it came from means that the same page has been or will be seen there.
    pub canonical: Option<Url>,
    /// The page was cut off because it was too deep or too large.
    pub truncated: bool,
}

/// Reads `page`; links outside of `hosts` are left out.
pub fn read(page: &PageText<'_>, hosts: &AllowedHosts, limits: ReadingLimits) -> Reading {
    let parsed = Page::parse(page.html, page.url);
    let directives = parsed.directives(page.robots_tag);
    let extraction =
        if directives.noindex { Extraction::default() } else { extract::listings(&parsed, limits.listings) };
    Reading {
        extraction,
        links: links::links(&parsed, directives, hosts, limits.links),
        canonical: Some(parsed.canonical()).filter(|canonical| canonical != page.url),
        truncated: parsed.is_truncated(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOME: &str = r#"<link rel=canonical href="/h/1"><a href="/h/2">next</a>
        <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 2}</script>"#;

    fn read_with(robots_tag: Option<&str>) -> Reading {
        let url = "https://homes.example.com/h/1?from=list".parse().unwrap();
        let page = PageText { url: &url, html: HOME, robots_tag };
        read(&page, &AllowedHosts::of([&url], &[]), ReadingLimits { links: 10, listings: 10 })
    }

    #[test]
    fn a_page_gives_listings_links_and_its_own_name() {
        let reading = read_with(None);

        assert_eq!(reading.extraction.listings[0].property.listing_key.as_deref(), Some("/h/1"));
        assert_eq!(reading.links, ["https://homes.example.com/h/2".parse().unwrap()]);
        assert_eq!(reading.canonical, Some("https://homes.example.com/h/1".parse().unwrap()));
    }

    #[test]
    fn a_page_that_wants_no_visit_is_taken_at_its_word() {
        assert!(read_with(Some("noindex")).extraction.listings.is_empty());
        assert_eq!(read_with(Some("noindex")).links.len(), 1);
        assert!(read_with(Some("nofollow")).links.is_empty());
        assert_eq!(read_with(Some("nofollow")).extraction.listings.len(), 1);
    }
}
