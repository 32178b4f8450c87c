//! One fetched page, read for everything that a crawl wants of it, within one budget of work and memory. Runs in a
//! page reader, never in the server.

use url::Url;

use super::budget::{Cost, PageBudget, Truncation};
use super::content_kind::ContentKind;
use super::documents::{self, DocumentScope, MAX_DOCUMENT_LINKS};
use super::extract::{self, Explanation, ExtractOptions, Extraction};
use super::links::{self, AllowedHosts, FoundLink, LinkScope};
use super::page::{Directives, Page, meta_refresh};
use crate::protocol::spider_rules::CompiledRules;

/// A page as text, and what was sent with it.
#[derive(Clone, Copy, Debug)]
pub struct PageText<'a> {
    /// Where it came from.
    pub url: &'a Url,
    pub content: ContentKind,
    /// Its text, of whatever kind it is.
    pub html: &'a str,
    /// Its `X-Robots-Tag` headers, one a line.
    pub robots_tag: Option<&'a str>,
    /// Where its `Refresh` header leads.
    pub refresh: Option<&'a Url>,
    /// The pages before and after it, by its `Link` header.
    pub next_links: &'a [Url],
    /// Whether it is told what each layer read, and why not more.
    pub explain: bool,
}

impl<'a> PageText<'a> {
    /// An HTML page without any header.
    pub fn of_html(url: &'a Url, html: &'a str) -> Self {
        Self {
            url,
            content: ContentKind::Html,
            html,
            robots_tag: None,
            refresh: None,
            next_links: &[],
            explain: false,
        }
    }
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
    /// Those of the most worth first. Empty where the page asks not to be followed.
    pub links: Vec<FoundLink>,
    /// The page's own URL: another one than it came from means that the same page has been or will be seen there.
    pub canonical: Option<Url>,
    /// A JSON source names its next part by a token, which is not followed.
    pub has_token: bool,
    /// Why the page was not read to its end, if it was not. What was found up to there is here all the same.
    pub truncated: Option<Truncation>,
    /// What reading took.
    pub cost: Cost,
    /// What each layer read, if that was asked for.
    pub explanation: Option<Explanation>,
}

/// Reads `page` by `rules`; links outside of `hosts` are left out.
pub fn read(
    page: &PageText<'_>,
    hosts: &AllowedHosts,
    limits: ReadingLimits,
    rules: &CompiledRules,
) -> Reading {
    read_within(page, hosts, limits, rules, PageBudget::for_page(page.html.len()))
}

/// Reads `page` as far as `budget` allows.
pub fn read_within(
    page: &PageText<'_>,
    hosts: &AllowedHosts,
    limits: ReadingLimits,
    rules: &CompiledRules,
    budget: PageBudget,
) -> Reading {
    let scope = LinkScope { hosts, rules, most: limits.links };
    let options = ExtractOptions { most: limits.listings, rules, explain: page.explain };
    match page.content {
        ContentKind::Html => read_html(page, scope, options, budget),
        ContentKind::Xml | ContentKind::Json => read_document(page, scope, options, budget),
    }
}

fn read_html(
    page: &PageText<'_>,
    scope: LinkScope<'_>,
    options: ExtractOptions<'_>,
    budget: PageBudget,
) -> Reading {
    let parsed = Page::parse_keeping(page.html, page.url, budget, &extract::attribute_names(options.rules));
    let directives = parsed.directives(page.robots_tag);
    // Links first: they are cheap, and a page with unreadable data may still lead on.
    let mut links = links::extract_links(&parsed, directives, scope);
    if !directives.nofollow {
        let elsewhere = page.refresh.cloned().or_else(|| meta_refresh(&parsed));
        links.add(elsewhere, page.next_links, scope);
    }
    let (extraction, explanation) =
        if directives.noindex { not_indexed(page.explain) } else { extract::explained(&parsed, options) };
    let links = links::best_first(links, &parsed, directives, &extraction, scope);
    Reading {
        extraction,
        links,
        canonical: Some(extract::own_url(&parsed).clone()).filter(|canonical| canonical != page.url),
        has_token: false,
        truncated: parsed.truncation(),
        cost: parsed.budget().used(),
        explanation,
    }
}

/// Reads a sitemap, a feed or a JSON document: its links, and its items as those of a list.
fn read_document(
    page: &PageText<'_>,
    scope: LinkScope<'_>,
    options: ExtractOptions<'_>,
    budget: PageBudget,
) -> Reading {
    let LinkScope { hosts, rules, .. } = scope;
    let taken = DocumentScope { rules, hosts, most_links: MAX_DOCUMENT_LINKS };
    let document = documents::read(page.content, page.html, page.url, taken, &budget);
    // An empty page with the document's address: items become listings as the entries of a page do.
    let parsed = Page::parse("", page.url, budget);
    let Directives { noindex, nofollow } = parsed.directives(page.robots_tag);
    let has_no_items = page.content == ContentKind::Json && rules.json.is_some() && document.items.is_empty();
    let (extraction, mut explanation) = if noindex {
        not_indexed(page.explain)
    } else {
        extract::read_items(&parsed, document.items, options)
    };
    if let Some(explanation) = explanation.as_mut().filter(|_| document.has_token) {
        explanation
            .notes
            .push("the next part is named by a token and no address, and is not read".to_owned());
    }
    if let Some(explanation) = explanation.as_mut().filter(|_| has_no_items) {
        explanation.notes.push("`json.items` finds nothing in the document".to_owned());
    }
    Reading {
        extraction,
        links: if nofollow { Vec::new() } else { document.links },
        canonical: None,
        has_token: document.has_token,
        truncated: parsed.truncation(),
        cost: parsed.budget().used(),
        explanation,
    }
}

fn not_indexed(explain: bool) -> (Extraction, Option<Explanation>) {
    let explanation = || {
        let notes = vec!["no home: the page asks not to be indexed".to_owned()];
        Explanation { layers: Vec::new(), notes }
    };
    (Extraction::default(), explain.then(explanation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::extract::{Layer, PageKind};
    use crate::protocol::spider_rules::SpiderRules;

    const HOME: &str = r#"<link rel=canonical href="/h/1"><a href="/h/2">next</a>
        <script type="application/ld+json">{"@type": "House", "numberOfBedrooms": 2}</script>"#;
    const LIMITS: ReadingLimits = ReadingLimits { links: 10, listings: 10 };

    fn read_text(page: PageText<'_>, rules: &CompiledRules) -> Reading {
        read(&page, &AllowedHosts::of([page.url], &[]), LIMITS, rules)
    }

    fn read_with(robots_tag: Option<&str>) -> Reading {
        let url = "https://homes.example.com/h/1?from=list".parse().unwrap();
        let page = PageText { robots_tag, explain: true, ..PageText::of_html(&url, HOME) };
        read_text(page, &CompiledRules::default())
    }

    fn paths(reading: &Reading) -> Vec<&str> {
        reading.links.iter().map(|link| link.url.path()).collect()
    }

    #[test]
    fn a_page_yields_listings_links_and_its_canonical_url() {
        let reading = read_with(None);

        assert_eq!(reading.extraction.listings[0].property.listing_key.as_deref(), Some("/h/1"));
        assert_eq!(paths(&reading), ["/h/2"]);
        assert_eq!(reading.canonical, Some("https://homes.example.com/h/1".parse().unwrap()));
    }

    #[test]
    fn the_pages_of_other_homes_come_first_among_the_links() {
        let html = r#"<a href="/about">about</a><a href="/h/3">next</a><script type="application/ld+json">[
            {"@type": "House", "url": "/h/1", "numberOfBedrooms": 2},
            {"@type": "House", "url": "/h/3", "numberOfBedrooms": 3},
            {"@type": "House", "url": "/h/4", "numberOfBedrooms": 4}]</script>"#;
        let url = "https://homes.example.com/h/1".parse().unwrap();

        let reading = read_text(PageText::of_html(&url, html), &CompiledRules::default());

        let mut homes = paths(&reading);
        assert_eq!(homes.pop(), Some("/about"));
        homes.sort_unstable();
        assert_eq!(homes, ["/h/3", "/h/4"]);
        assert_eq!(reading.extraction.listings[0].property.bedrooms_total, Some(2));
    }

    #[test]
    fn noindex_and_nofollow_are_respected() {
        assert!(read_with(Some("noindex")).extraction.listings.is_empty());
        assert_eq!(read_with(Some("noindex")).links.len(), 1);
        assert!(read_with(Some("nofollow")).links.is_empty());
        assert_eq!(read_with(Some("nofollow")).extraction.listings.len(), 1);
        let notes = read_with(Some("noindex")).explanation.unwrap().notes;
        assert_eq!(notes, ["no home: the page asks not to be indexed"]);
    }

    #[test]
    fn headers_and_a_refresh_lead_on() {
        let url: Url = "https://homes.example.com/h/1".parse().unwrap();
        let (refresh, next) = (url.join("/h/new").unwrap(), [url.join("/list?page=2").unwrap()]);
        let html = "<meta http-equiv=refresh content='0; url=/h/other'>";
        let plain = PageText::of_html(&url, html);
        let rules = CompiledRules::default();

        let by_header = read_text(PageText { refresh: Some(&refresh), next_links: &next, ..plain }, &rules);
        let by_tag = read_text(plain, &rules);
        let refused =
            read_text(PageText { robots_tag: Some("nofollow"), next_links: &next, ..plain }, &rules);

        let mut found = paths(&by_header);
        found.sort_unstable();
        assert_eq!(found, ["/h/new", "/list"]);
        assert_eq!(paths(&by_tag), ["/h/other"]);
        assert!(refused.links.is_empty());
    }

    #[test]
    fn the_items_of_a_json_document_are_entries() {
        let rules: SpiderRules = serde_json::from_value(serde_json::json!({
            "json": {"items": "$.homes[*]"},
            "fields": {"list_price": {"json_path": "$.cost.amount"}},
        }))
        .unwrap();
        let rules = CompiledRules::compile(&rules).unwrap();
        let url = "https://homes.example.com/api".parse().unwrap();
        let json = r#"{"homes": [{"id": "K1", "url": "/h/1", "bedrooms": 3, "cost": {"amount": 900}}]}"#;
        let page = PageText { content: ContentKind::Json, explain: true, ..PageText::of_html(&url, json) };

        let reading = read_text(page, &rules);
        let refused = read_text(PageText { robots_tag: Some("noindex"), ..page }, &rules);

        assert_eq!(reading.extraction.kind, PageKind::List);
        let home = &reading.extraction.listings[0];
        assert_eq!(
            (home.property.listing_key.as_deref(), home.property.list_price),
            (Some("K1"), Some(900.0))
        );
        assert_eq!(home.origins["list_price"].layer, Layer::Rule);
        assert!(refused.extraction.listings.is_empty());
    }
}
