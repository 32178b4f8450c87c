//! One fetched page, read for everything that a crawl wants of it, within one budget of work and memory. Runs in a
//! page reader, never in the server.

use url::Url;

use super::budget::{Cost, PageBudget, Truncation};
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

/// The result of reading a page, its directives respected.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Empty where the page asks not to be indexed.
    pub extraction: Extraction,
    /// Empty where the page asks not to be followed.
    pub links: Vec<Url>,
    /// The page's own URL: another one than it came from means that the same page has been or will be seen there.
    pub canonical: Option<Url>,
    /// Why the page was not read to its end, if it was not. What was found up to there is here all the same.
    pub truncated: Option<Truncation>,
    /// What reading took.
    pub cost: Cost,
}

/// Reads `page`; links outside of `hosts` are left out.
pub fn read(page: &PageText<'_>, hosts: &AllowedHosts, limits: ReadingLimits) -> Reading {
    read_within(page, hosts, limits, PageBudget::for_page(page.html.len()))
}

/// Reads `page` as far as `budget` allows.
pub fn read_within(
    page: &PageText<'_>,
    hosts: &AllowedHosts,
    limits: ReadingLimits,
    budget: PageBudget,
) -> Reading {
    let parsed = Page::parse(page.html, page.url, budget);
    let directives = parsed.directives(page.robots_tag);
    // Links first: they are cheap, and a page with unreadable data may still lead on.
    let links = links::extract_links(&parsed, directives, hosts, limits.links);
    let extraction =
        if directives.noindex { Extraction::default() } else { extract::listings(&parsed, limits.listings) };
    Reading {
        extraction,
        links,
        canonical: Some(parsed.canonical().clone()).filter(|canonical| canonical != page.url),
        truncated: parsed.truncation(),
        cost: parsed.budget().used(),
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
    fn a_page_yields_listings_links_and_its_canonical_url() {
        let reading = read_with(None);

        assert_eq!(reading.extraction.listings[0].property.listing_key.as_deref(), Some("/h/1"));
        assert_eq!(reading.links, ["https://homes.example.com/h/2".parse().unwrap()]);
        assert_eq!(reading.canonical, Some("https://homes.example.com/h/1".parse().unwrap()));
    }

    #[test]
    fn noindex_and_nofollow_are_respected() {
        assert!(read_with(Some("noindex")).extraction.listings.is_empty());
        assert_eq!(read_with(Some("noindex")).links.len(), 1);
        assert!(read_with(Some("nofollow")).links.is_empty());
        assert_eq!(read_with(Some("nofollow")).extraction.listings.len(), 1);
    }
}
