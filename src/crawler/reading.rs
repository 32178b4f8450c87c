//! One fetched page, read for everything that a crawl wants of it, within one budget of work and memory. Runs in a
//! page reader, never in the server.

use url::Url;

use super::budget::{Cost, PageBudget, Truncation};
use super::extract::{self, ExtractOptions, Extraction};
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
    /// Whether the entries of list pages are listings.
    pub list_items: bool,
}

/// The result of reading a page, its directives respected.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Empty where the page asks not to be indexed.
    pub extraction: Extraction,
    /// The pages of other homes first. Empty where the page asks not to be followed.
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
    let options = ExtractOptions { most: limits.listings, list_items: limits.list_items };
    let extraction =
        if directives.noindex { Extraction::default() } else { extract::listings(&parsed, options) };
    let links = if directives.nofollow {
        links
    } else {
        links::put_first(&extraction.teasers, links, hosts, limits.links)
    };
    Reading {
        extraction,
        links,
        canonical: Some(extract::own_url(&parsed).clone()).filter(|canonical| canonical != page.url),
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
        read(
            &page,
            &AllowedHosts::of([&url], &[]),
            ReadingLimits { links: 10, listings: 10, list_items: false },
        )
    }

    #[test]
    fn a_page_yields_listings_links_and_its_canonical_url() {
        let reading = read_with(None);

        assert_eq!(reading.extraction.listings[0].property.listing_key.as_deref(), Some("/h/1"));
        assert_eq!(reading.links, ["https://homes.example.com/h/2".parse().unwrap()]);
        assert_eq!(reading.canonical, Some("https://homes.example.com/h/1".parse().unwrap()));
    }

    #[test]
    fn the_pages_of_other_homes_come_first_among_the_links() {
        let html = r#"<a href="/about">about</a><a href="/h/3">next</a><script type="application/ld+json">[
            {"@type": "House", "url": "/h/1", "numberOfBedrooms": 2},
            {"@type": "House", "url": "/h/3", "numberOfBedrooms": 3},
            {"@type": "House", "url": "/h/4", "numberOfBedrooms": 4}]</script>"#;
        let url = "https://homes.example.com/h/1".parse().unwrap();
        let page = PageText { url: &url, html, robots_tag: None };
        let limits = ReadingLimits { links: 3, listings: 10, list_items: false };

        let reading = read(&page, &AllowedHosts::of([&url], &[]), limits);

        let paths: Vec<_> = reading.links.iter().map(Url::path).collect();
        assert_eq!(paths, ["/h/3", "/h/4", "/about"]);
        assert_eq!(reading.extraction.listings[0].property.bedrooms_total, Some(2));
    }

    #[test]
    fn noindex_and_nofollow_are_respected() {
        assert!(read_with(Some("noindex")).extraction.listings.is_empty());
        assert_eq!(read_with(Some("noindex")).links.len(), 1);
        assert!(read_with(Some("nofollow")).links.is_empty());
        assert_eq!(read_with(Some("nofollow")).extraction.listings.len(), 1);
    }
}
