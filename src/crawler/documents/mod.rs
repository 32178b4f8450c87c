//! Documents of a site that are no pages: sitemaps, feeds and JSON. They are read as pages are, in a page reader and
//! within the budget of their size.

mod entry;
mod feed;
mod json_source;
mod sitemap;
mod xml;

pub use json_source::MAX_DOCUMENT_ITEMS;

use std::collections::HashSet;

use serde_json::Value;
use url::Url;

use self::entry::Entry;
use super::budget::{PageBudget, Truncation};
use super::content_kind::ContentKind;
use super::links::{AllowedHosts, FoundLink};
use super::page_url::to_ask_for;
use super::worth::{self, LinkContext, PageLink};
use crate::protocol::spider_rules::CompiledRules;

/// Links of one document at most: a sitemap has 50,000 (sitemaps.org).
pub const MAX_DOCUMENT_LINKS: usize = 50_000;

/// What a document gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DocumentReading {
    /// Those of the most worth first, and of these what changed last.
    pub links: Vec<FoundLink>,
    /// The items of a JSON source.
    pub items: Vec<Value>,
    /// The next part of a JSON source is named by a token, which is no address and is not followed.
    pub has_token: bool,
    pub truncated: Option<Truncation>,
}

/// What is taken of a document.
#[derive(Clone, Copy)]
pub struct DocumentScope<'a> {
    pub rules: &'a CompiledRules,
    /// Links to other hosts are left out.
    pub hosts: &'a AllowedHosts,
    /// Links at most.
    pub most_links: usize,
}

/// Reads the document at `url`; `text` is its decoded body. Nothing is read of a page of HTML, and of JSON without a
/// source in the rules.
pub fn read(
    kind: ContentKind,
    text: &str,
    url: &Url,
    scope: DocumentScope<'_>,
    budget: &PageBudget,
) -> DocumentReading {
    let most = scope.most_links.min(MAX_DOCUMENT_LINKS);
    let mut reading = DocumentReading::default();
    let entries = match kind {
        ContentKind::Html => Vec::new(),
        ContentKind::Xml => newest_first(xml::entries(text, url, most, budget)),
        ContentKind::Json => match &scope.rules.json {
            Some(source) => {
                let page = json_source::read(text, url, source, budget);
                (reading.items, reading.has_token) = (page.items, page.has_token);
                page.next.into_iter().collect()
            }
            None => Vec::new(),
        },
    };
    reading.links = ranked(entries, url, scope, budget);
    reading.truncated = budget.truncation();
    reading
}

/// Entries without a time keep their order behind those with one.
fn newest_first(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.sort_by(|one, other| other.changed.cmp(&one.changed));
    entries
}

fn ranked(entries: Vec<Entry>, url: &Url, scope: DocumentScope<'_>, budget: &PageBudget) -> Vec<FoundLink> {
    let mut seen = HashSet::new();
    let mut links = Vec::new();
    for entry in entries {
        let Some(asked) = to_ask_for(entry.url).filter(|url| scope.hosts.allows(url)) else { continue };
        let bytes = 2 * asked.as_str().len() as u64;
        if asked != *url && budget.charge_bytes(bytes) && seen.insert(asked.clone()) {
            links.push(PageLink { url: asked, is_list: entry.is_list });
        }
    }
    let context = LinkContext {
        page: url,
        rules: scope.rules,
        teasers: &[],
        is_of_homes: worth::names_homes(url),
        budget,
    };
    worth::rank(links, &context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::links::Worth;
    use crate::protocol::spider_rules::{JsonSource, SpiderRules};

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn read_as(kind: ContentKind, text: &str, path: &str, rules: &SpiderRules) -> DocumentReading {
        let (url, rules) = (url(path), CompiledRules::compile(rules).unwrap());
        let hosts = AllowedHosts::of([&url], &[]);
        let scope = DocumentScope { rules: &rules, hosts: &hosts, most_links: 100 };
        read(kind, text, &url, scope, &PageBudget::for_page(text.len()))
    }

    fn links(reading: &DocumentReading) -> Vec<(&str, Worth)> {
        reading.links.iter().map(|link| (&link.url.as_str()[21..], link.worth)).collect()
    }

    #[test]
    fn the_pages_of_a_sitemap_are_in_the_order_of_worth_and_of_change() {
        let text = "<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'>
            <url><loc>https://homes.example/about</loc></url>
            <url><loc>https://homes.example/expose/1</loc><lastmod>2026-01-05</lastmod></url>
            <url><loc>https://homes.example/expose/2?utm_source=x</loc></url>
            <url><loc>https://homes.example/expose/3</loc><lastmod>2026-03-01T10:00:00Z</lastmod></url>
            <url><loc>https://homes.example/expose/3</loc></url>
            <url><loc>https://elsewhere.example/expose/4</loc></url></urlset>";

        let reading = read_as(ContentKind::Xml, text, "/sitemap.xml", &SpiderRules::default());

        let expected = [
            ("/expose/3", Worth::Detail),
            ("/expose/1", Worth::Detail),
            ("/expose/2", Worth::Detail),
            ("/about", Worth::Page),
        ];
        assert_eq!(links(&reading), expected);
        assert_eq!(reading.truncated, None);
    }

    #[test]
    fn a_sitemap_that_names_itself_one_of_homes_leads_to_homes() {
        let text: String = ["oak-street-house", "elm-road-flat-north", "garden-flat-in-town"]
            .map(|slug| format!("<url><loc>https://homes.example/o/{slug}</loc></url>"))
            .concat();
        let text = format!("<urlset>{text}</urlset>");
        let worth = |path: &str| {
            let reading = read_as(ContentKind::Xml, &text, path, &SpiderRules::default());
            reading.links[0].worth
        };

        assert_eq!(worth("/property-sitemap.xml"), Worth::Detail);
        assert_eq!(worth("/sitemap-listings-1.xml"), Worth::Detail);
        assert_eq!(worth("/sitemap-1.xml"), Worth::Page);
    }

    #[test]
    fn the_items_of_a_json_source_and_its_next_part_are_read() {
        let json = Some(JsonSource { items: "$.results[*]".to_owned(), next: Some("$.next".to_owned()) });
        let rules = SpiderRules { json, follow: Some(vec!["/api/".to_owned()]), ..SpiderRules::default() };
        let text = r#"{"results": [{"id": 1}, {"id": 2}], "next": "/api/homes?page=2"}"#;

        let reading = read_as(ContentKind::Json, text, "/api/homes", &rules);
        let without = read_as(ContentKind::Json, text, "/api/homes", &SpiderRules::default());

        assert_eq!(reading.items.len(), 2);
        assert_eq!(links(&reading), [("/api/homes?page=2", Worth::List)]);
        assert_eq!(without, DocumentReading::default());
    }

    proptest::proptest! {
        #[test]
        fn no_text_breaks_a_document(text in "[<>/&;#x!\\[\\]a-z\"'= 0-9{}:,.-]{0,300}") {
            let json = Some(JsonSource { items: "$.a[*]".to_owned(), next: Some("$.b".to_owned()) });
            let rules = SpiderRules { json, ..SpiderRules::default() };
            for text in [text.clone(), format!("<urlset><url><loc>{text}"), format!("<rss><item>{text}")] {
                for kind in ContentKind::ALL {
                    let reading = read_as(kind, &text, "/x", &rules);
                    proptest::prop_assert!(reading.links.len() <= 100);
                }
            }
        }
    }

    #[test]
    fn a_document_may_have_more_links_than_are_taken() {
        let text: String = (0..500)
            .map(|number| format!("<url><loc>https://homes.example/h/{number}</loc></url>"))
            .collect();

        let reading = read_as(
            ContentKind::Xml,
            &format!("<urlset>{text}</urlset>"),
            "/sitemap.xml",
            &SpiderRules::default(),
        );

        assert_eq!(reading.links.len(), 100);
    }
}
