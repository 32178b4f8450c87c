//! The links of a page that a crawl may follow, in one spelling each, so that a page is not visited twice, and in the
//! order of what asking for them is worth.

use std::collections::{BTreeSet, HashSet};

use scraper::ElementRef;
use serde::{Deserialize, Serialize};
use url::Url;

use super::extract::Extraction;
use super::page::{Directives, Page, has_word};
use super::page_url::{MAX_LINK_BYTES, to_ask_for};
use super::worth::{self, LinkContext, PageLink};
pub use super::worth::{FoundLink, Worth};
use crate::protocol::spider_rules::CompiledRules;

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

    /// Adds the host of `url`. Returns its name, as in [`AllowedHosts::names`], if it was not there.
    pub fn add(&mut self, url: &Url) -> Option<String> {
        let (host, port) = host_and_port(url)?;
        let name = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        self.0.insert((host, port)).then_some(name)
    }
}

/// Whether a redirect leads to another address of the same site: `www` comes or goes, or http becomes https.
pub fn is_same_site(from: &Url, to: &Url) -> bool {
    let (Some(one), Some(other)) = (from.host_str(), to.host_str()) else { return false };
    let becomes_safe = from.scheme() == "http" && to.scheme() == "https";
    let is_same_port = from.port_or_known_default() == to.port_or_known_default();
    without_www(one) == without_www(other) && (becomes_safe || from.scheme() == to.scheme() && is_same_port)
}

fn without_www(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

fn host_and_port(url: &Url) -> Option<(String, Option<u16>)> {
    // `Url::port` is empty for the scheme's own port, so http and https of one host are one place.
    Some((url.host_str()?.to_owned(), url.port()))
}

/// The links of a page before they are ranked.
#[derive(Clone, Debug, Default)]
pub struct PageLinks(Vec<PageLink>);

impl PageLinks {
    /// Adds where the page sends its visitors by itself, and the pages before and after it as its headers tell them.
    pub fn add(&mut self, elsewhere: Option<Url>, next_links: &[Url], scope: LinkScope<'_>) {
        for url in elsewhere.into_iter().chain(next_links.iter().cloned()) {
            let Some(url) = to_ask_for(url).filter(|url| scope.hosts.allows(url) && !is_asset(url)) else {
                continue;
            };
            match self.0.iter_mut().find(|link| link.url == url) {
                Some(link) => link.is_list = true,
                None => self.0.push(PageLink { url, is_list: true }),
            }
        }
    }
}

/// What limits the links that are taken.
#[derive(Clone, Copy)]
pub struct LinkScope<'a> {
    pub hosts: &'a AllowedHosts,
    pub rules: &'a CompiledRules,
    /// Links at most.
    pub most: usize,
}

/// The links in the markup of `page` to allowed hosts, each once, in the order of the page. Empty where the page asks
/// not to be followed.
pub fn extract_links(page: &Page, directives: Directives, scope: LinkScope<'_>) -> PageLinks {
    if directives.nofollow {
        return PageLinks::default();
    }
    let mut seen = HashSet::new();
    let targets = page.elements().filter_map(|element| link_target(page, element));
    let targets = targets.filter(|link| scope.hosts.allows(&link.url) && seen.insert(link.url.clone()));
    PageLinks(targets.take(scope.most).collect())
}

/// The links of a page and what its data lead to, each once, those of the most worth first. Addresses in the data that
/// are on other hosts or are files are left out. `directives` are those with which the links were extracted.
pub fn best_first(
    links: PageLinks,
    page: &Page,
    directives: Directives,
    extraction: &Extraction,
    scope: LinkScope<'_>,
) -> Vec<FoundLink> {
    if directives.nofollow {
        return Vec::new();
    }
    let usable = |url: &Url| to_ask_for(url.clone()).filter(|url| scope.hosts.allows(url) && !is_asset(url));
    let teasers: Vec<Url> = extraction.teasers.iter().filter_map(usable).collect();
    let of_data = teasers.iter().cloned().chain(extraction.state_links.iter().filter_map(usable));
    let of_data = of_data.map(|url| PageLink { url, is_list: false });
    let mut seen = HashSet::new();
    let all: Vec<PageLink> =
        links.0.into_iter().chain(of_data).filter(|link| seen.insert(link.url.clone())).collect();
    let context = LinkContext {
        page: page.url(),
        rules: scope.rules,
        teasers: &teasers,
        is_of_homes: false,
        budget: page.budget(),
    };
    let mut found = worth::rank(all, &context);
    found.truncate(scope.most);
    found
}

fn link_target(page: &Page, element: ElementRef<'_>) -> Option<PageLink> {
    let rel = element.attr("rel").unwrap_or_default();
    // Pagination that is written for machines.
    let is_list = has_word(rel, "next") || has_word(rel, "prev");
    let follows = match element.value().name() {
        "a" | "area" => !has_word(rel, "nofollow") && element.attr("download").is_none(),
        "link" => is_list,
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
    let url = to_ask_for(page.base().join(href).ok()?).filter(|url| !is_asset(url))?;
    Some(PageLink { url, is_list })
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
        let rules = CompiledRules::default();
        let scope = LinkScope { hosts: &hosts, rules: &rules, most: 50 };
        let links = extract_links(&page, page.directives(None), scope).0;
        links.into_iter().map(|link| link.url.into()).collect()
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
    fn what_the_data_lead_to_is_there_and_homes_come_first() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let own = |path: &str| url(&format!("https://homes.example.com/{path}"));
        let page = page(
            r#"<a href="/about">about</a><a rel=next href="?page=2">next</a><a href="/o/3?utm_id=7">home</a>"#,
        );
        let hosts = AllowedHosts::of([page.url()], &[]);
        let extraction = Extraction {
            teasers: vec![own("o/3"), own("plan.pdf"), url("https://other.example.com/1"), own("o/9")],
            state_links: vec![own("o/5"), own("berlin")],
            ..Extraction::default()
        };
        let rules = CompiledRules::default();
        let scope = LinkScope { hosts: &hosts, rules: &rules, most: 5 };

        let directives = page.directives(None);
        let links =
            best_first(extract_links(&page, directives, scope), &page, directives, &extraction, scope);

        let found = |path: &str, worth| FoundLink { url: own(path), worth };
        let next = found("list/index.html?page=2", Worth::List);
        let homes = ["o/3", "o/9", "o/5"].map(|path| found(path, Worth::Detail));
        assert_eq!(links[..3], homes);
        assert_eq!(links[3..], [next, found("about", Worth::Page)]);
    }

    #[test]
    fn what_headers_lead_to_is_a_list_of_the_same_host() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let page = page("<a href=/b>b</a>");
        let (hosts, rules) = (AllowedHosts::of([page.url()], &[]), CompiledRules::default());
        let scope = LinkScope { hosts: &hosts, rules: &rules, most: 5 };
        let mut links = extract_links(&page, Directives::default(), scope);

        let next = [url("https://homes.example.com/b"), url("https://other.example.com/c")];
        links.add(Some(url("https://homes.example.com/start?gclid=1")), &next, scope);

        let link =
            |path: &str| PageLink { url: url(&format!("https://homes.example.com{path}")), is_list: true };
        assert_eq!(links.0, [link("/b"), link("/start")]);
    }

    #[test]
    fn the_same_site_has_www_or_not_and_becomes_safe() {
        let url = |text: &str| -> Url { text.parse().unwrap() };
        let is_same = |from: &str, to: &str| is_same_site(&url(from), &url(to));

        assert!(is_same("https://homes.example/", "https://www.homes.example/de/"));
        assert!(is_same("https://www.homes.example/", "https://homes.example/"));
        assert!(is_same("http://homes.example/", "https://www.homes.example/"));
        assert!(is_same("http://homes.example:8080/", "https://homes.example:8443/"));
        assert!(!is_same("http://homes.example:8080/", "http://homes.example:9090/"), "another server");
        assert!(!is_same("https://homes.example/", "http://www.homes.example/"), "less safe");
        assert!(!is_same("https://homes.example/", "https://login.homes.example/"));
        assert!(!is_same("https://homes.example/", "https://homes.example.net/"));
        assert!(!is_same("https://www.example/", "https://example/"), "not a name below a domain");
    }

    #[test]
    fn a_host_is_added_once_and_named_with_its_port() {
        let mut hosts = AllowedHosts::default();

        assert_eq!(hosts.add(&"https://www.a.example/x".parse().unwrap()).as_deref(), Some("www.a.example"));
        assert_eq!(hosts.add(&"http://www.a.example/".parse().unwrap()), None);
        assert_eq!(hosts.add(&"http://b.example:81/".parse().unwrap()).as_deref(), Some("b.example:81"));
        assert_eq!(hosts.names(), ["b.example:81", "www.a.example"]);
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
