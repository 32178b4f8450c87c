//! The parsed page, and what it says of itself: its base, its canonical URL, what it asks of crawlers.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use html5ever::local_name;
use scraper::{ElementRef, Html};
use url::Url;

use super::directives::{Directives, StatedDirectives};
use super::feed;
use crate::base::clock::Clock;
use crate::crawler::budget::{PageBudget, Truncation};
use crate::crawler::page_url::{self, MAX_LINK_BYTES};

/// Steps of visiting a node.
const NODE_STEPS: u64 = 4;
/// `<link rel=canonical>` elements that are looked at; one is honest.
const MAX_CANONICALS: usize = 20;

/// A parsed page and the budget that all its readers share. Not `Send`: parse and read it in one go.
pub struct Page {
    pub(super) html: Html,
    url: Url,
    base: Url,
    canonical: Url,
    directives: StatedDirectives,
    has_items: bool,
    has_item_references: bool,
    has_rdfa: bool,
    pub(super) budget: PageBudget,
}

impl Page {
    /// Parses `html`, which came from `url`, as far as `budget` allows. Never fails: HTML has no syntax errors.
    pub fn parse(html: &str, url: &Url, budget: PageBudget) -> Self {
        Self::parse_keeping(html, url, budget, &[])
    }

    /// The same with attributes that rules look at: of most others the tree has none. Names are in lower case.
    pub fn parse_keeping(html: &str, url: &Url, budget: PageBudget, attributes: &[String]) -> Self {
        let html = feed::parse(html, &budget, attributes);
        let own = page_url::normalise(url.clone()).unwrap_or_else(|| url.clone());
        let mut page = Self {
            html,
            url: url.clone(),
            base: url.clone(),
            canonical: own,
            directives: StatedDirectives::default(),
            has_items: false,
            has_item_references: false,
            has_rdfa: false,
            budget,
        };
        page.scan_elements();
        page
    }

    /// Errors in markup: for tests of pages that are our own.
    #[cfg(test)]
    pub(crate) fn markup_errors(html: &str) -> u64 {
        feed::errors(html)
    }

    /// Where the page came from.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What relative URLs on the page are relative to.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// What is left to the readers of this page.
    pub fn budget(&self) -> &PageBudget {
        &self.budget
    }

    /// Why the page was not read to its end, if it was not.
    pub fn truncation(&self) -> Option<Truncation> {
        self.budget.truncation()
    }

    /// The elements of the page in the order in which they begin, up to where the budget is spent.
    pub fn elements(&self) -> impl Iterator<Item = ElementRef<'_>> {
        let nodes = self.html.tree.root().descendants().take_while(|_| self.budget.charge_steps(NODE_STEPS));
        nodes.filter_map(ElementRef::wrap)
    }

    /// The scripts of the page.
    pub fn scripts(&self) -> impl Iterator<Item = ElementRef<'_>> {
        self.elements().filter(|element| element.value().name.local == local_name!("script"))
    }

    /// The text of a script; empty when the budget is spent.
    pub fn script_text<'a>(&self, script: ElementRef<'a>) -> Cow<'a, str> {
        let mut pieces = script.text();
        let first = pieces.next().unwrap_or_default();
        // The parser joins the text of a script, unless it is in a drawing.
        let mut all = Cow::Borrowed(first);
        for piece in pieces {
            if !self.budget.charge_bytes((all.len() + piece.len()) as u64) {
                return Cow::default();
            }
            all.to_mut().push_str(piece);
        }
        all
    }

    /// Whether any element is a microdata item.
    pub fn has_items(&self) -> bool {
        self.has_items
    }

    /// Whether any microdata item refers to elements elsewhere on the page.
    pub fn has_item_references(&self) -> bool {
        self.has_item_references
    }

    /// Whether any element has a type or a vocabulary of RDFa. `property` alone is on the `<meta>` of every page.
    pub fn has_rdfa(&self) -> bool {
        self.has_rdfa
    }

    /// The URL that the page gives as its own; the one it came from when it gives none, another host's, or the home
    /// page for everything (a common mistake, after which all listings would be one).
    pub fn canonical(&self) -> &Url {
        &self.canonical
    }

    /// What the page asks of crawlers now, in its `<meta>` elements and in the lines of its `X-Robots-Tag` headers.
    pub fn directives(&self, robots_tag: Option<&str>) -> Directives {
        self.directives_at(robots_tag, Clock::system().now())
    }

    /// What the page asks of crawlers at `now`.
    pub fn directives_at(&self, robots_tag: Option<&str>, now: DateTime<Utc>) -> Directives {
        let mut stated = self.directives;
        if let Some(lines) = robots_tag {
            stated.add_header(lines);
        }
        stated.at(now)
    }

    /// Scans every element once for what the page says of itself. Continues when the budget is spent: the tree is
    /// bounded, and a page that is cut off may still ask not to be indexed.
    fn scan_elements(&mut self) {
        let mut base = None;
        let mut canonicals = Vec::new();
        for node in self.html.tree.root().descendants() {
            self.budget.charge_steps(NODE_STEPS);
            let Some(element) = ElementRef::wrap(node) else { continue };
            for (name, _) in &element.value().attrs {
                self.has_items |= name.local == local_name!("itemscope");
                self.has_item_references |= name.local == local_name!("itemref");
                self.has_rdfa |= matches!(&*name.local, "typeof" | "vocab");
            }
            match element.value().name.local {
                local_name!("base") if base.is_none() => base = element.attr("href"),
                local_name!("link") if canonicals.len() < MAX_CANONICALS => {
                    canonicals.extend(canonical_link(element));
                }
                local_name!("meta") => self.directives.add_meta(element),
                _ => {}
            }
        }
        if let Some(base) = base.and_then(|base| base_url(&self.url, base)) {
            self.base = base;
        }
        let stated = canonicals.into_iter().find_map(|href| page_url::normalise(self.base.join(href).ok()?));
        if let Some(stated) = stated.filter(|stated| self.may_be_canonical(stated)) {
            self.canonical = stated;
        }
    }

    fn may_be_canonical(&self, stated: &Url) -> bool {
        let own = &self.canonical;
        let elsewhere = stated.host_str() != own.host_str() || stated.port() != own.port();
        let home = stated.path() == "/" && stated.query().is_none() && own.path() != "/";
        !elsewhere && !home
    }
}

/// A base that is longer than any link would be is none: every link of the page is resolved against it.
fn base_url(url: &Url, href: &str) -> Option<Url> {
    let href = Some(href.trim()).filter(|href| href.len() <= MAX_LINK_BYTES)?;
    let base = url.join(href).ok()?;
    (matches!(base.scheme(), "http" | "https") && base.as_str().len() <= MAX_LINK_BYTES).then_some(base)
}

fn canonical_link(link: ElementRef<'_>) -> Option<&str> {
    let is_canonical = has_word(link.attr("rel")?, "canonical");
    let href = link.attr("href").map(str::trim).filter(|_| is_canonical)?;
    (!href.is_empty() && href.len() <= MAX_LINK_BYTES).then_some(href)
}

/// Whether the space-separated `list` contains `word`, ignoring case.
pub(in crate::crawler) fn has_word(list: &str, word: &str) -> bool {
    list.split_ascii_whitespace().any(|entry| entry.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        let url = "https://homes.example.com/house/1?utm=x#top".parse().unwrap();
        Page::parse(html, &url, PageBudget::for_page(html.len()))
    }

    #[test]
    fn a_canonical_url_is_accepted_only_on_the_same_host() {
        let canonical = |head: &str| page(head).canonical().to_string();

        assert_eq!(canonical("<link rel=canonical href='/house/1'>"), "https://homes.example.com/house/1");
        for ignored in [
            "",
            "<link rel=canonical href='https://other.example.com/house/1'>",
            "<link rel=canonical href='/'>",
            "<link rel=canonical href='javascript:x'>",
            "<link rel=canonical>",
        ] {
            assert_eq!(canonical(ignored), "https://homes.example.com/house/1?utm=x", "{ignored}");
        }
    }

    #[test]
    fn rdfa_is_noticed_by_its_types_and_vocabularies() {
        assert!(page("<div vocab='https://schema.org/' typeof=House>").has_rdfa());
        assert!(page("<div typeof='schema:House'>").has_rdfa());
        assert!(!page("<meta property=og:title content=x><div itemscope>").has_rdfa());
    }

    #[test]
    fn directives_come_from_tags_and_from_the_header() {
        let both = Directives { noindex: true, nofollow: true };
        let noindex = Directives { noindex: true, nofollow: false };

        assert_eq!(page("<meta name=ROBOTS content='NoIndex,NoFollow'>").directives(None), both);
        assert_eq!(page("").directives(Some("none")), both);
        assert_eq!(page("").directives(Some("otherbot: nofollow, lotline: noindex")), noindex);
        assert_eq!(page("").directives(Some("otherbot: noindex, nofollow")), Directives::default());
        assert_eq!(
            page("").directives(Some("unavailable_after: 25 Jun 2130 15:00:00 PST, noindex")),
            noindex
        );
        assert_eq!(page("").directives(Some("otherbot: nofollow\nnoindex")), noindex);
        assert_eq!(page("").directives(None), Directives::default());
    }

    #[test]
    fn attributes_that_rules_look_at_are_kept() {
        let html = "<p data-amount=5 srcset=x onclick='a()'>";
        let url = "https://homes.example.com/".parse().unwrap();
        let kept = ["data-amount".to_owned(), "srcset".to_owned()];
        let page = Page::parse_keeping(html, &url, PageBudget::for_page(html.len()), &kept);
        let element = page.elements().find(|element| element.value().name() == "p").unwrap();

        assert_eq!((element.attr("data-amount"), element.attr("srcset")), (Some("5"), Some("x")));
        assert_eq!(element.attr("onclick"), None);
    }

    #[test]
    fn hostile_nesting_is_cut_off() {
        let deep = page(&"<div>".repeat(200_000));
        let formatting: String = (0..100_000).map(|n| format!("<font a={n}><p>")).collect();
        let many = page(&"<i></i>".repeat(400_000));

        assert!(deep.truncation() == Some(Truncation::Depth) && deep.elements().count() < 4_000);
        assert!(page(&formatting).elements().count() < 600_000);
        assert_eq!(many.truncation(), Some(Truncation::Nodes));
    }

    #[test]
    fn an_ordinary_page_is_read_to_its_end() {
        let html = format!("<title>x</title>{}<p id=end>é", "<div><p>café</div>".repeat(10_000));
        let page = page(&html);

        assert_eq!(page.truncation(), None);
        assert!(page.elements().any(|element| element.attr("id") == Some("end")));
    }
}
