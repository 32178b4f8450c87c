//! One fetched page, read for everything that a crawl wants of it. Costs time and memory in proportion to the page: call
//! it on a blocking thread.

use url::Url;

use super::budget::{Cost, PageBudget, Truncation};
use super::extract::{self, Extraction};
use super::fetch::FetchedPage;
use super::links::{self, AllowedHosts};
use super::page::Page;
use super::settings::CrawlerSettings;

/// What a page gave, its wishes respected.
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
pub fn read(page: &FetchedPage, hosts: &AllowedHosts, settings: &CrawlerSettings) -> Reading {
    read_within(page, hosts, settings, PageBudget::for_page(page.html.len()))
}

/// Reads `page` as far as `budget` allows.
pub fn read_within(
    page: &FetchedPage,
    hosts: &AllowedHosts,
    settings: &CrawlerSettings,
    budget: PageBudget,
) -> Reading {
    let parsed = Page::parse(&page.html, &page.url, budget);
    let directives = parsed.directives(page.robots_tag.as_deref());
    // Links first: they are cheap, and a page whose data cannot be read may still lead on.
    let links = links::links(&parsed, directives, hosts, settings.max_links_per_page);
    let extraction = if directives.noindex {
        Extraction::default()
    } else {
        extract::listings(&parsed, settings.max_listings_per_page)
    };
    Reading {
        extraction,
        links,
        canonical: Some(parsed.canonical().clone()).filter(|canonical| *canonical != page.url),
        truncated: parsed.truncation(),
        cost: parsed.budget().used(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::fetch::Conditional;

    const HOME: &str = r#"<link rel=canonical href="/h/1"><a href="/h/2">next</a>
        <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 2}</script>"#;

    fn read_with(robots_tag: Option<&str>) -> Reading {
        let page = FetchedPage {
            url: "https://homes.example.com/h/1?from=list".parse().unwrap(),
            html: HOME.to_owned(),
            body_bytes: HOME.len(),
            validators: Conditional::default(),
            robots_tag: robots_tag.map(str::to_owned),
        };
        read(&page, &AllowedHosts::of([&page.url], &[]), &CrawlerSettings::default())
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
