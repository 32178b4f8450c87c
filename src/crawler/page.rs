//! A page, parsed once for everybody who reads it. The parser is fed in small pieces and stopped when the tree grows
//! beyond any honest page: nested tags cost it time in the square of their depth.

use html5ever::driver::{self, ParseOpts};
use html5ever::tendril::{StrTendril, TendrilSink};
use scraper::{ElementRef, Html, HtmlTreeSink};
use url::Url;

use super::links;
use crate::base::text;

/// Bytes given to the parser between two looks at the tree.
const PIECE_BYTES: usize = 4 * 1024;
/// Browsers stop nesting at 512 as well.
const MAX_DEPTH: usize = 512;
/// Nodes of a tree: a page of 5 MiB with a tag every 16 bytes.
const MAX_NODES: usize = 300_000;
/// Every so many new nodes one is measured for its depth.
const SAMPLE: usize = 16;

/// A parsed page. Not `Send`: parse and read it in one go on a blocking thread.
pub struct Page {
    html: Html,
    url: Url,
    base: Url,
    truncated: bool,
}

/// What a page asks of crawlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Take nothing from this page.
    pub noindex: bool,
    /// Follow none of its links.
    pub nofollow: bool,
}

impl Page {
    /// Parses `html`, which came from `url`. Never fails: HTML has no syntax errors.
    pub fn parse(html: &str, url: &Url) -> Self {
        let (html, truncated) = parse_bounded(html);
        let mut page = Self { html, url: url.clone(), base: url.clone(), truncated };
        if let Some(base) = page.base_element() {
            page.base = base;
        }
        page
    }

    /// Where the page came from.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// What relative URLs on the page are relative to.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Whether the page was too deep or too large to be read to its end.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// The elements of the page in the order in which they begin.
    pub fn elements(&self) -> impl Iterator<Item = ElementRef<'_>> {
        self.html.tree.root().descendants().filter_map(ElementRef::wrap)
    }

    /// The URL that the page gives as its own; the one it came from when it gives none, another host's, or the home
    /// page for everything (a common mistake, after which all listings would be one).
    pub fn canonical(&self) -> Url {
        let own = links::normalise(self.url.clone()).unwrap_or_else(|| self.url.clone());
        let stated = self.elements().find_map(|element| self.canonical_element(element));
        match stated {
            Some(stated) if stated.host_str() != own.host_str() || stated.port() != own.port() => own,
            Some(stated) if stated.path() == "/" && stated.query().is_none() && own.path() != "/" => own,
            Some(stated) => stated,
            None => own,
        }
    }

    /// What the page asks of crawlers, in its `<meta>` elements and in the `X-Robots-Tag` header.
    pub fn directives(&self, robots_tag: Option<&str>) -> Directives {
        let mut directives = Directives::default();
        for element in self.elements().filter(|element| element.value().name() == "meta") {
            let name = element.attr("name").unwrap_or_default();
            if name.eq_ignore_ascii_case("robots") || name.eq_ignore_ascii_case("lotline") {
                directives.add(element.attr("content").unwrap_or_default());
            }
        }
        if let Some(tag) = robots_tag {
            directives.add_header(tag);
        }
        directives
    }

    fn base_element(&self) -> Option<Url> {
        let base = self
            .elements()
            .find(|element| element.value().name() == "base" && element.attr("href").is_some());
        let base = self.url.join(base?.attr("href")?.trim()).ok()?;
        matches!(base.scheme(), "http" | "https").then_some(base)
    }

    fn canonical_element(&self, element: ElementRef<'_>) -> Option<Url> {
        let rel = element.attr("rel").filter(|_| element.value().name() == "link")?;
        let canonical = rel.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case("canonical"));
        let href = element.attr("href").filter(|href| canonical && !href.trim().is_empty())?;
        links::normalise(self.base.join(href.trim()).ok()?)
    }
}

impl Directives {
    fn add(&mut self, list: &str) {
        for word in list.split(',').map(str::trim) {
            let none = word.eq_ignore_ascii_case("none");
            self.noindex |= none || word.eq_ignore_ascii_case("noindex");
            self.nofollow |= none || word.eq_ignore_ascii_case("nofollow");
        }
    }

    /// A header's words may be for one crawler: `otherbot: noindex`, and it holds up to the next name.
    fn add_header(&mut self, header: &str) {
        let mut for_us = true;
        for word in header.split(',').map(str::trim) {
            match word.split_once(':') {
                Some((name, _)) if name.trim().eq_ignore_ascii_case("unavailable_after") => {}
                Some((name, word)) => {
                    for_us = name.trim().eq_ignore_ascii_case("lotline");
                    if for_us {
                        self.add(word);
                    }
                }
                None if for_us => self.add(word),
                None => {}
            }
        }
    }
}

fn parse_bounded(html: &str) -> (Html, bool) {
    let sink = HtmlTreeSink::new(Html::new_document());
    let mut parser = driver::parse_document(sink, ParseOpts::default());
    let mut rest = html;
    let mut looked_at = 0;
    while !rest.is_empty() {
        // A character is at most 4 bytes, so a piece is never empty.
        let piece = text::cut(rest, PIECE_BYTES);
        rest = &rest[piece.len()..];
        parser.process(StrTendril::from_slice(piece));
        let tree = parser.tokenizer.sink.sink.0.borrow();
        if !is_honest(&tree, looked_at) {
            break;
        }
        looked_at = tree.tree.values().len();
    }
    (parser.finish(), !rest.is_empty())
}

/// Whether the nodes added since `looked_at` stay within the bounds.
fn is_honest(html: &Html, looked_at: usize) -> bool {
    let nodes = html.tree.nodes();
    if nodes.len() > MAX_NODES {
        return false;
    }
    nodes.skip(looked_at).step_by(SAMPLE).all(|node| node.ancestors().take(MAX_DEPTH).count() < MAX_DEPTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(html: &str) -> Page {
        Page::parse(html, &"https://homes.example.com/house/1?utm=x#top".parse().unwrap())
    }

    #[test]
    fn the_canonical_url_is_the_pages_own_word_on_its_own_host() {
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
    fn directives_come_from_tags_and_from_the_header() {
        let both = Directives { noindex: true, nofollow: true };
        let noindex = Directives { noindex: true, nofollow: false };

        assert_eq!(page("<meta name=ROBOTS content='NoIndex,NoFollow'>").directives(None), both);
        assert_eq!(page("").directives(Some("none")), both);
        assert_eq!(page("").directives(Some("otherbot: nofollow, lotline: noindex")), noindex);
        assert_eq!(page("").directives(Some("otherbot: noindex, nofollow")), Directives::default());
        assert_eq!(
            page("").directives(Some("unavailable_after: 25 Jun 2030 15:00:00 PST, noindex")),
            noindex
        );
        assert_eq!(page("").directives(None), Directives::default());
    }

    #[test]
    fn hostile_nesting_is_cut_off() {
        let deep = page(&"<div>".repeat(200_000));
        let formatting: String = (0..100_000).map(|n| format!("<font a={n}><p>")).collect();
        let many = page(&"<i></i>".repeat(400_000));

        assert!(deep.is_truncated() && deep.elements().count() < 4_000);
        assert!(page(&formatting).elements().count() < 600_000);
        assert!(many.is_truncated());
    }

    #[test]
    fn an_ordinary_page_is_read_to_its_end() {
        let html = format!("<title>x</title>{}<p id=end>é", "<div><p>café</div>".repeat(10_000));
        let page = page(&html);

        assert!(!page.is_truncated());
        assert!(page.elements().any(|element| element.attr("id") == Some("end")));
    }
}
