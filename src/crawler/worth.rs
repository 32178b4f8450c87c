//! What asking for a link is worth, as far as its address, the page that it stands on and the rules of the spider tell:
//! pages of homes before lists, lists before other pages, and what a page shows in another order last. Pure.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::budget::PageBudget;
use super::paging::paging;
use super::permutation::permutation_base;
use super::traps::calendar;
use super::url_shape::{ENDINGS, LastSegment, UrlShape, is_language, segments};
use super::worth_words::{HOMES, LISTS, OTHERS};
pub use crate::domain::frontier::Worth;
use crate::protocol::spider_rules::CompiledRules;

/// Links of one shape on a page that are the pages of things of one kind.
const LEAST_SIBLINGS: usize = 3;
/// Digits of a number that is an id wherever it stands.
const LEAST_ID: usize = 6;
/// Steps of ranking a link, and more for each of its bytes.
const RANK_STEPS: u64 = 400;
const STEPS_PER_BYTE: u64 = 2;
/// In a last segment: a list, unless it has an id.
const LIST_PHRASES: [&str; 16] = [
    "for-sale",
    "for-rent",
    "to-rent",
    "to-let",
    "zu-verkaufen",
    "zu-vermieten",
    "kaufen",
    "mieten",
    "a-vendre",
    "a-louer",
    "en-venta",
    "en-alquiler",
    "te-koop",
    "te-huur",
    "in-vendita",
    "in-affitto",
];

/// A link and what asking for it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundLink {
    pub url: Url,
    pub worth: Worth,
}

/// A link of a page before it is ranked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PageLink {
    pub(super) url: Url,
    /// The page says that it is the next or the previous part of the same list, or a list itself.
    pub(super) is_list: bool,
}

/// Where links stand.
pub(super) struct LinkContext<'a> {
    /// The page.
    pub(super) page: &'a Url,
    pub(super) rules: &'a CompiledRules,
    /// The pages of homes that the page shows.
    pub(super) teasers: &'a [Url],
    /// The page is a list of addresses that names itself one of homes.
    pub(super) is_of_homes: bool,
    pub(super) budget: &'a PageBudget,
}

/// The links with their worth, those of the most worth first and otherwise in their order. Links that the rules do not
/// follow are left out. What the budget does not last for counts as another page.
pub(super) fn rank(links: Vec<PageLink>, context: &LinkContext<'_>) -> Vec<FoundLink> {
    let ranking = Ranking::new(&links, context);
    let mut found: Vec<FoundLink> = Vec::with_capacity(links.len());
    for link in links {
        let steps = RANK_STEPS + STEPS_PER_BYTE * link.url.as_str().len() as u64;
        let worth = if context.budget.charge_steps(steps) { ranking.worth(&link) } else { Worth::Page };
        if may_follow(context.rules, &link.url) {
            found.push(FoundLink { url: link.url, worth });
        }
    }
    found.sort_by_key(|link| link.worth);
    found
}

/// Whether a crawl with these rules follows a link. A sitemap or a feed is a way to pages, so that `follow` is not for
/// it.
pub(super) fn may_follow(rules: &CompiledRules, url: &Url) -> bool {
    let text = url.as_str();
    rules.follows(text) || (is_document_address(url) && !rules.deny.is_match(text))
}

/// Whether the address is that of a sitemap or a feed.
pub(super) fn is_document_address(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    [".xml", ".xml.gz", ".rss", ".atom"].iter().any(|ending| path.ends_with(ending))
}

/// Whether the name of a document says that it lists homes: `property-sitemap.xml`.
pub(super) fn names_homes(url: &Url) -> bool {
    let path = url.path().to_ascii_lowercase();
    path.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| HOMES.contains(&word))
}

struct Ranking<'a> {
    context: &'a LinkContext<'a>,
    teasers: HashSet<&'a str>,
    teaser_shapes: HashSet<UrlShape>,
    siblings: HashMap<UrlShape, usize>,
    /// The addresses of all links and of the page itself.
    addresses: HashSet<String>,
    own: Url,
}

impl<'a> Ranking<'a> {
    fn new(links: &[PageLink], context: &'a LinkContext<'a>) -> Self {
        let mut siblings: HashMap<UrlShape, usize> = HashMap::new();
        for link in links.iter().filter(|link| !link.is_list) {
            if !context.budget.charge_steps(RANK_STEPS) {
                break;
            }
            if let Some(shape) = UrlShape::of(&link.url) {
                *siblings.entry(shape).or_default() += 1;
            }
        }
        Self {
            context,
            teasers: context.teasers.iter().map(Url::as_str).collect(),
            teaser_shapes: context.teasers.iter().filter_map(UrlShape::of).collect(),
            siblings,
            addresses: links.iter().map(|link| link.url.as_str().to_owned()).collect(),
            own: permutation_base(context.page).unwrap_or_else(|| context.page.clone()),
        }
    }

    fn worth(&self, link: &PageLink) -> Worth {
        let rules = self.context.rules;
        let text = link.url.as_str();
        let has_pattern = rules.detail.is_some();
        if rules.is_detail(text) || !has_pattern && self.teasers.contains(text) {
            return Worth::Detail;
        }
        let base = permutation_base(&link.url);
        if base.is_some_and(|base| base == self.own || self.addresses.contains(base.as_str())) {
            return Worth::Permutation;
        }
        if link.is_list {
            return Worth::List;
        }
        let kind = AddressKind::of(&link.url);
        if has_pattern {
            return kind.worth().max(Worth::List);
        }
        if self.is_like_homes(&link.url, kind) { Worth::Detail } else { kind.worth() }
    }

    /// Whether the page shows that addresses of this shape are those of homes.
    fn is_like_homes(&self, url: &Url, kind: AddressKind) -> bool {
        if paging(url).is_some_and(|paging| paging.is_certain) {
            return false;
        }
        let Some(shape) = UrlShape::of(url) else { return false };
        if self.teaser_shapes.contains(&shape) {
            return true;
        }
        let is_one_of_many = self.siblings.get(&shape).is_some_and(|links| *links >= LEAST_SIBLINGS);
        kind == AddressKind::Unknown
            && self.teaser_shapes.is_empty()
            && is_one_of_many
            && (self.context.is_of_homes || UrlShape::is_numbered(url))
    }
}

/// What the address of a page alone tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AddressKind {
    Home,
    List,
    /// A page about something else.
    Other,
    Unknown,
}

impl AddressKind {
    fn worth(self) -> Worth {
        match self {
            Self::Home => Worth::Detail,
            Self::List => Worth::List,
            Self::Other | Self::Unknown => Worth::Page,
        }
    }

    fn of(url: &Url) -> Self {
        if paging(url).is_some() {
            return Self::List;
        }
        if calendar(url).is_some() {
            return Self::Other;
        }
        let all: Vec<String> = segments(url).iter().map(|segment| bare(segment)).collect();
        let all: Vec<&str> = all
            .iter()
            .enumerate()
            .filter(|(at, one)| *at > 0 || !is_language(one))
            .map(|(_, one)| &**one)
            .collect();
        let Some((name, before)) = all.split_last() else {
            // The start page of the site, or of a language.
            return if url.query().is_none() { Self::List } else { Self::Unknown };
        };
        let last = LastSegment::of(name);
        if before.iter().any(|one| OTHERS.contains(one)) || OTHERS.contains(name) {
            return Self::Other;
        }
        let is_of_homes = before.iter().any(|one| is_section(one, &HOMES));
        let has_list_phrase = LIST_PHRASES.iter().any(|phrase| name.contains(phrase));
        let has_id = match last {
            LastSegment::SlugWithId | LastSegment::Uuid => true,
            LastSegment::Number => name.len() >= LEAST_ID,
            _ => false,
        };
        if has_id || is_of_homes && last.names_one() && !has_list_phrase {
            return Self::Home;
        }
        // `home.php?id=7`: the address names one thing in its query.
        if !last.names_one() && UrlShape::of(url).is_some() && (is_of_homes || is_section(name, &HOMES)) {
            return Self::Home;
        }
        let is_list = has_list_phrase
            || before.iter().chain([name]).any(|one| is_section(one, &LISTS))
            || !last.names_one() && is_section(name, &HOMES);
        if is_list { Self::List } else { Self::Unknown }
    }
}

fn is_section(segment: &str, words: &[&str]) -> bool {
    words.contains(&segment) || segment.split(['-', '_']).next().is_some_and(|first| words.contains(&first))
}

fn bare(segment: &str) -> String {
    let name = ENDINGS.iter().find_map(|ending| segment.strip_suffix(ending)).unwrap_or(segment);
    name.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::SpiderRules;

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn worths(paths: &[&str], teasers: &[&str], rules: &CompiledRules) -> Vec<(String, Worth)> {
        let teasers: Vec<Url> = teasers.iter().map(|path| url(path)).collect();
        let budget = PageBudget::for_page(100_000);
        let context = LinkContext {
            page: &url("/list"),
            rules,
            teasers: &teasers,
            is_of_homes: false,
            budget: &budget,
        };
        let links = paths.iter().map(|path| PageLink { url: url(path), is_list: false }).collect();
        let found = rank(links, &context).into_iter();
        found.map(|link| (link.url.as_str()[21..].to_owned(), link.worth)).collect()
    }

    fn worth(path: &str) -> Worth {
        worths(&[path], &[], &CompiledRules::default())[0].1
    }

    #[test]
    fn an_address_tells_homes_lists_and_other_pages() {
        for path in [
            "/homes/oak-street-3-410001",
            "/en/homes/oak-street-3-410001",
            "/expose/7",
            "/property/bright-flat-near-park",
            "/berlin/mitte/12345678.html",
            "/property.php?id=7",
            "/x/123e4567-e89b-12d3-a456-426614174000",
        ] {
            assert_eq!(worth(path), Worth::Detail, "{path}");
        }
        for path in [
            "/",
            "/homes",
            "/search?q=berlin",
            "/for-sale/berlin",
            "/homes/for-sale-in-berlin",
            "/list/2",
            "/berlin?page=2",
            "/berlin/seite-2",
        ] {
            assert_eq!(worth(path), Worth::List, "{path}");
        }
        for path in [
            "/visits?month=2026-05",
            "/about",
            "/blog/ten-tips-for-buyers-1234567",
            "/agents/ann-smith-410001",
            "/berlin",
            "/h/7",
        ] {
            assert_eq!(worth(path), Worth::Page, "{path}");
        }
    }

    #[test]
    fn the_page_shows_which_addresses_are_those_of_homes() {
        let rules = CompiledRules::default();

        let of_teasers = worths(&["/about", "/o/7-b", "/o/9-c", "/o/8-a"], &["/o/9-c"], &rules);
        let siblings = worths(&["/h/1", "/h/2", "/h/3", "/team/1", "/team/2", "/team/3"], &[], &rules);

        assert_eq!(of_teasers.iter().filter(|(_, worth)| *worth == Worth::Detail).count(), 3);
        assert_eq!(of_teasers[3], ("/about".to_owned(), Worth::Page));
        let details: Vec<&str> =
            siblings.iter().filter(|(_, worth)| *worth == Worth::Detail).map(|(path, _)| &**path).collect();
        assert_eq!(details, ["/h/1", "/h/2", "/h/3"]);
    }

    #[test]
    fn orders_and_forms_of_the_same_list_are_worth_the_least() {
        let rules = CompiledRules::default();
        let paths =
            ["?sort=price", "?page=2", "?page=2&view=grid", "?f%5Bbeds%5D=2", "/sort/price", "?city=berlin"];
        let paths: Vec<String> = paths.iter().map(|rest| format!("/list{rest}")).collect();

        let found = worths(&paths.iter().map(String::as_str).collect::<Vec<_>>(), &[], &rules);

        let expected = [
            ("/list?page=2", Worth::List),
            ("/list?city=berlin", Worth::List),
            ("/list?sort=price", Worth::Permutation),
            ("/list?page=2&view=grid", Worth::Permutation),
            ("/list?f%5Bbeds%5D=2", Worth::Permutation),
            ("/list/sort/price", Worth::Permutation),
        ];
        assert_eq!(found, expected.map(|(path, worth)| (path.to_owned(), worth)));
    }

    #[test]
    fn an_order_of_a_page_that_nothing_else_leads_to_is_that_page() {
        let rules = CompiledRules::default();

        assert_eq!(worths(&["/berlin/homes?sort=new"], &[], &rules)[0].1, Worth::List);
    }

    #[test]
    fn the_patterns_of_a_spider_win() {
        let rules = SpiderRules {
            detail: Some("/wohnung/[a-z]+$".to_owned()),
            deny: Some(vec!["/private".to_owned()]),
            follow: Some(vec!["/berlin".to_owned()]),
            ..SpiderRules::default()
        };
        let rules = CompiledRules::compile(&rules).unwrap();

        let paths =
            ["/berlin/expose/7", "/hamburg/list", "/wohnung/oak", "/berlin/private/1", "/sitemap-1.xml"];
        let found = worths(&paths, &["/berlin/expose/7"], &rules);

        let expected = [
            ("/wohnung/oak", Worth::Detail),
            ("/berlin/expose/7", Worth::List),
            ("/sitemap-1.xml", Worth::List),
        ];
        assert_eq!(found, expected.map(|(path, worth)| (path.to_owned(), worth)));
    }

    #[test]
    fn links_beyond_the_budget_are_other_pages() {
        let budget = PageBudget::for_page(0);
        assert!(budget.charge_steps(budget.allowed().steps));
        let (page, rules) = (url("/"), CompiledRules::default());
        let context =
            LinkContext { page: &page, rules: &rules, teasers: &[], is_of_homes: false, budget: &budget };

        let found = rank(vec![PageLink { url: url("/expose/7"), is_list: false }], &context);

        assert_eq!(found, [FoundLink { url: url("/expose/7"), worth: Worth::Page }]);
    }
}
