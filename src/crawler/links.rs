//! The links of a page that a crawl may follow, in one spelling each, so that a page is not visited twice.

use std::collections::{BTreeSet, HashSet};

use scraper::ElementRef;
use serde::{Deserialize, Serialize};
use url::Url;

use super::page::{Directives, Page, has_word};
use super::page_url::{MAX_LINK_BYTES, normalise};

/// Steps of resolving a link, beside those for its length.
const LINK_STEPS: u64 = 60;

/// Hosts that a job may visit. An entry without a port means the default port of http or https.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedHosts(BTreeSet<(String, Option<u16>)>);

impl AllowedHosts {
    /// The hosts of the target URLs and those that the job names (`host` or `host:port`).
    pub fn of<'a>(targets: impl IntoIterator<Item = &'a Url>, named: &[String]) -> Self {
        let named = named.iter().filter_map(|entry| Url::parse(&format!("http://{entry}/")).ok());
        let named: Vec<_> = named.filter_map(|url| host_and_port(&url)).collect();
        Self(targets.into_iter().filter_map(host_and_port).chain(named).collect())
    }

    /// The hosts as a property's page names its own: with the port unless that is the scheme's.
    pub fn names(&self) -> Vec<String> {
        let name = |(host, port): &(String, Option<u16>)| {
            port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
        };
        self.0.iter().map(name).collect()
    }

    /// Whether `url` is on one of the hosts.
    pub fn allows(&self, url: &Url) -> bool {
        host_and_port(url).is_some_and(|place| self.0.contains(&place))
    }
}

fn host_and_port(url: &Url) -> Option<(String, Option<u16>)> {
    // `Url::port` is empty for the scheme's own port, so http and https of one host are one place.
    Some((url.host_str()?.to_owned(), url.port()))
}

/// The links of `page` to allowed hosts, each once, in the order of the page. Empty where the page asks not to be
/// followed. At most `most` are returned.
pub fn extract_links(page: &Page, directives: Directives, hosts: &AllowedHosts, most: usize) -> Vec<Url> {
    if directives.nofollow {
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let targets = page.elements().filter_map(|element| link_target(page, element));
    targets.filter(|url| hosts.allows(url) && seen.insert(url.clone())).take(most).collect()
}

/// `links` with `first` in front, each once and at most `most`. Those of `first` that are on other hosts or are files are
/// left out.
pub fn put_first(first: &[Url], links: Vec<Url>, hosts: &AllowedHosts, most: usize) -> Vec<Url> {
    let first = first.iter().filter(|url| hosts.allows(url) && !is_asset(url)).cloned();
    let mut seen = HashSet::new();
    first.chain(links).filter(|url| seen.insert(url.clone())).take(most).collect()
}

fn link_target(page: &Page, element: ElementRef<'_>) -> Option<Url> {
    let rel = element.attr("rel").unwrap_or_default();
    let follows = match element.value().name() {
        "a" | "area" => !has_word(rel, "nofollow") && element.attr("download").is_none(),
        // Pagination that is written for machines.
        "link" => has_word(rel, "next") || has_word(rel, "prev"),
        _ => false,
    };
    let href = element.attr("href").filter(|_| follows)?.trim();
    // A bound before parsing: resolving costs time in the length.
    if href.is_empty() || href.starts_with('#') || href.len() > MAX_LINK_BYTES {
        return None;
    }
    let length = (page.base().as_str().len() + href.len()) as u64;
    if !page.budget().charge_steps(LINK_STEPS + length) {
        return None;
    }
    normalise(page.base().join(href).ok()?).filter(|url| !is_asset(url))
}

/// Whether the path's ending says that this is a file and no page: not asking saves both sides a request.
fn is_asset(url: &Url) -> bool {
    let file = url.path().rsplit('/').next().unwrap_or_default();
    let ending = file.rsplit_once('.').map_or("", |(_, ending)| ending).to_ascii_lowercase();
    ASSETS.contains(&ending.as_str())
}

const ASSETS: [&str; 39] = [
    "7z", "avi", "avif", "bmp", "bz2", "css", "csv", "dmg", "doc", "docx", "eot", "epub", "exe", "gif", "gz",
    "ico", "ics", "jpeg", "jpg", "js", "json", "mov", "mp3", "mp4", "pdf", "png", "ppt", "rss", "svg", "tar",
    "ttf", "vcf", "webm", "webp", "woff", "woff2", "xls", "xlsx", "zip",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    fn page(html: &str) -> Page {
        let url = "https://homes.example.com/list/index.html".parse().unwrap();
        Page::parse(html, &url, PageBudget::for_page(html.len()))
    }

    fn found(html: &str) -> Vec<String> {
        let page = page(html);
        let hosts = AllowedHosts::of([page.url()], &["cdn.example.com:8443".to_owned()]);
        extract_links(&page, page.directives(None), &hosts, 50).into_iter().map(String::from).collect()
    }

    #[test]
    fn links_are_resolved_normalised_and_given_once() {
        let html = r##"
            <a href="house/1#photos">1</a> <a href="./house/1">1</a>
            <a href="HTTPS://Homes.Example.COM:443/a/../b/%7euser?q=%2f%41">2</a>
            <a href=" /c?b=2&amp;a=1 ">3</a> <area href="/d">
            <link rel="next" href="?page=2"> <a href="http://cdn.example.com:8443/x">named</a>"##;

        assert_eq!(
            found(html),
            [
                "https://homes.example.com/list/house/1",
                "https://homes.example.com/b/~user?q=%2FA",
                "https://homes.example.com/c?b=2&a=1",
                "https://homes.example.com/d",
                "https://homes.example.com/list/index.html?page=2",
                "http://cdn.example.com:8443/x",
            ]
        );
    }

    #[test]
    fn what_is_elsewhere_or_no_page_is_left_out() {
        let html = r##"
            <a href="https://other.example.com/">host</a> <a href="https://homes.example.com:8443/">port</a>
            <a href="mailto:ann@example.com">mail</a> <a href="javascript:void(0)">script</a>
            <a href="https://ann:secret@homes.example.com/">user</a> <a href="#top">here</a> <a href="">empty</a>
            <a href="/brochure.PDF">file</a> <a href="/plan" download>file</a> <a href="http://[bad">broken</a>
            <a href="/ads" rel="sponsored NoFollow">ad</a> <a>nothing</a> <link rel="stylesheet" href="/x">"##;

        assert!(found(html).is_empty());
        let long = format!("<a href='/{}'>long</a>", "a".repeat(2_100));
        assert!(found(&long).is_empty());
    }

    #[test]
    fn a_base_element_moves_relative_links() {
        assert_eq!(found("<base href='/x/'><a href='1'>"), ["https://homes.example.com/x/1"]);
        assert!(found("<base href='https://other.example.com/'><a href='1'>").is_empty());
    }

    #[test]
    fn a_base_that_no_link_could_have_is_none() {
        let long = format!("<base href='/{}/'><a href='1'>", "a".repeat(MAX_LINK_BYTES));

        assert_eq!(found(&long), ["https://homes.example.com/list/1"]);
    }

    #[test]
    fn a_page_that_asks_not_to_be_followed_is_not() {
        assert!(found("<meta name=robots content='index, nofollow'><a href='/1'>").is_empty());
        assert!(found("<META NAME=Lotline CONTENT=none><a href='/1'>").is_empty());
        assert_eq!(found("<meta name=otherbot content=nofollow><a href='/1'>").len(), 1);
    }

    #[test]
    fn the_number_of_links_is_bounded() {
        let html: String = (0..500).map(|number| format!("<a href='/{number}'>")).collect();

        assert_eq!(found(&html).len(), 50);
    }

    #[test]
    fn some_links_come_first() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let own = |path: &str| url(&format!("https://homes.example.com/{path}"));
        let hosts = AllowedHosts::of([&own("")], &[]);
        let first = [own("3"), own("plan.pdf"), url("https://other.example.com/1"), own("9")];

        let links = put_first(&first, vec![own("1"), own("2"), own("3")], &hosts, 3);

        assert_eq!(links, [own("3"), own("9"), own("1")]);
    }

    #[test]
    fn http_and_https_of_a_host_are_one_host() {
        let target: Url = "https://homes.example.com/".parse().unwrap();
        let hosts = AllowedHosts::of([&target], &[]);

        assert!(hosts.allows(&"http://homes.example.com/x".parse().unwrap()));
        assert!(!hosts.allows(&"http://homes.example.com:8080/x".parse().unwrap()));
        assert!(!hosts.allows(&"http://www.homes.example.com/x".parse().unwrap()));
    }
}
