//! What a crawl remembers of the addresses that it has found, to decide which are asked for and in which order. It is
//! lost with the worker but for what the frontier holds.

use std::collections::{HashMap, HashSet};

use url::Url;

use super::known_cursor::KnownCursor;
use crate::crawler::links::Worth;
use crate::crawler::paging::paging;
use crate::crawler::permutation::permutation_base;
use crate::crawler::politeness::HostKey;
use crate::crawler::traps::TrapWatch;
use crate::crawler::url_shape::{ShapeMemory, UrlShape};
use crate::domain::frontier::Fingerprint;
use crate::protocol::spider_rules::CompiledRules;

/// The share of a job's pages that may be other orders and forms of pages: one in so many.
const PAGES_PER_PERMUTATION: i64 = 10;
/// Lists that are remembered by one of their orders.
const MAX_PERMUTED: usize = 100_000;
/// Origins whose sitemaps are looked for.
const MAX_ORIGINS: usize = 1_000;

#[derive(Default)]
pub(super) struct Discovery {
    pub(super) shapes: ShapeMemory,
    pub(super) traps: TrapWatch,
    pub(super) known_pages: KnownCursor,
    /// The most worth of the pages that are in the frontier since pages were loaded from there.
    pub(super) best_unloaded: Option<Worth>,
    /// Orders and forms of pages in the frontier.
    permutations: i64,
    most_permutations: i64,
    /// Pages that are not in the frontier themselves, but with an order or a form.
    permuted: HashSet<Fingerprint>,
    origins: HashSet<String>,
    /// Pages that are in flight or being read.
    being_read: HashMap<i64, (HostKey, Worth)>,
}

impl Discovery {
    /// For a job of so many pages.
    pub(super) fn new(pages: i64) -> Self {
        let most_permutations = (pages / PAGES_PER_PERMUTATION).max(1);
        Self { most_permutations, ..Self::default() }
    }

    /// Continues with the number of permutations that the frontier has.
    pub(super) fn resume(&mut self, permutations: u64) {
        self.permutations = i64::try_from(permutations).unwrap_or(i64::MAX);
    }

    /// What asking for a link is worth, with what the crawl knows by now. `worth` is what its page tells; `is_seen`
    /// whether an address is in the frontier.
    pub(super) fn worth(
        &mut self,
        rules: &CompiledRules,
        url: &Url,
        worth: Worth,
        is_seen: impl Fn(Fingerprint) -> bool,
    ) -> Worth {
        if rules.is_detail(url.as_str()) {
            return Worth::Detail;
        }
        if worth == Worth::Permutation
            || self.is_view_of_home(url, worth, &is_seen)
            || self.is_permuted(url, is_seen)
        {
            return Worth::Permutation;
        }
        if rules.detail.is_some() {
            return worth.max(Worth::List);
        }
        let is_paging = paging(url).is_some_and(|paging| paging.is_certain);
        let learned = match self.shapes.shows_homes(url) {
            Some(true) if !is_paging => Worth::Detail,
            Some(false) if worth == Worth::Detail => Worth::Page,
            _ => worth,
        };
        if self.traps.is_fruitless(url) { learned.max(Worth::Page) } else { learned }
    }

    /// Whether this is the page of a home that is there already, with parameters: a tab, a picture, a form to print.
    fn is_view_of_home(&self, url: &Url, worth: Worth, is_seen: &impl Fn(Fingerprint) -> bool) -> bool {
        if url.query().is_none() || paging(url).is_some() {
            return false;
        }
        let mut page = url.clone();
        page.set_query(None);
        let names_home = match self.shapes.shows_homes(&page) {
            Some(shows) => shows,
            None => worth == Worth::Detail,
        };
        names_home && UrlShape::of(&page).is_some() && is_seen(Fingerprint::of(page.as_str()))
    }

    /// Whether the page is there already, in its own or in another order.
    fn is_permuted(&mut self, url: &Url, is_seen: impl Fn(Fingerprint) -> bool) -> bool {
        let Some(base) = permutation_base(url) else { return false };
        let base = Fingerprint::of(base.as_str());
        if is_seen(base) || self.permuted.contains(&base) {
            return true;
        }
        if self.permuted.len() < MAX_PERMUTED {
            self.permuted.insert(base);
        }
        false
    }

    /// Whether one more page of this worth may be added, and that it is.
    pub(super) fn take_room(&mut self, worth: Worth) -> bool {
        if worth != Worth::Permutation {
            return true;
        }
        let has_room = self.permutations < self.most_permutations;
        self.permutations += i64::from(has_room);
        has_room
    }

    /// Whether the sitemaps of this origin are to be looked for now.
    pub(super) fn is_new_origin(&mut self, origin: String) -> bool {
        self.origins.len() < MAX_ORIGINS && self.origins.insert(origin)
    }

    /// A page is requested.
    pub(super) fn begin_page(&mut self, id: i64, host: HostKey, worth: Worth) {
        self.being_read.insert(id, (host, worth));
    }

    /// A page was read, or its request failed.
    pub(super) fn end_page(&mut self, id: i64) {
        self.being_read.remove(&id);
    }

    /// All requests were dropped.
    pub(super) fn end_all_pages(&mut self) {
        self.being_read.clear();
    }

    /// Whether a page of this host that is worth more is in flight or being read.
    pub(super) fn reads_better(&self, host: &HostKey, worth: Worth) -> bool {
        self.being_read.values().any(|(other, better)| *better < worth && other == host)
    }

    /// A page with this worth is in the frontier.
    pub(super) fn note_unloaded(&mut self, worth: Option<Worth>) {
        let best = [self.best_unloaded, worth].into_iter().flatten().min();
        self.best_unloaded = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::SpiderRules;

    fn url(path: &str) -> Url {
        format!("https://homes.example{path}").parse().unwrap()
    }

    fn discovery(pages: i64) -> Discovery {
        Discovery::new(pages)
    }

    #[test]
    fn a_tenth_of_the_pages_may_be_permutations() {
        let mut found = discovery(30);
        let taken = (0..10).filter(|_| found.take_room(Worth::Permutation)).count();
        let mut resumed = discovery(30);
        resumed.resume(2);
        let more = (0..10).filter(|_| resumed.take_room(Worth::Permutation)).count();

        assert_eq!((taken, more), (3, 1));
        assert!(found.take_room(Worth::Page) && discovery(1).take_room(Worth::Permutation));
    }

    #[test]
    fn an_order_of_a_page_that_is_there_is_a_permutation() {
        let (rules, mut found) = (CompiledRules::default(), discovery(30));
        let list = Fingerprint::of(url("/list").as_str());

        assert_eq!(
            found.worth(&rules, &url("/list?sort=a"), Worth::List, |page| page == list),
            Worth::Permutation
        );
        assert_eq!(found.worth(&rules, &url("/berlin?sort=a"), Worth::List, |_| false), Worth::List);
        assert_eq!(found.worth(&rules, &url("/berlin?sort=b"), Worth::List, |_| false), Worth::Permutation);
        assert_eq!(found.worth(&rules, &url("/berlin"), Worth::List, |_| false), Worth::List);
    }

    #[test]
    fn a_view_of_a_home_that_is_there_comes_last() {
        let (rules, mut found) = (CompiledRules::default(), discovery(30));
        let home = Fingerprint::of(url("/h/4711").as_str());
        let worth = |found: &mut Discovery, path: &str, told| {
            found.worth(&rules, &url(path), told, |page| page == home)
        };

        for path in ["/h/4711?tab=photos", "/h/4711?image=2", "/h/4711?print=1"] {
            assert_eq!(worth(&mut found, path, Worth::Detail), Worth::Permutation, "{path}");
        }
        assert_eq!(worth(&mut found, "/h/4712?tab=photos", Worth::Detail), Worth::Detail);
        assert_eq!(worth(&mut found, "/h/4711?page=2", Worth::List), Worth::List);
        assert_eq!(worth(&mut found, "/h/4711", Worth::Detail), Worth::Detail);
    }

    #[test]
    fn what_pages_were_decides_what_links_of_their_shape_are_worth() {
        let (rules, mut found) = (CompiledRules::default(), discovery(30));
        let none = |_| false;
        assert_eq!(found.worth(&rules, &url("/x/1"), Worth::Page, none), Worth::Page);
        found.shapes.record(&url("/x/1"), true);
        for number in 1..=3 {
            found.shapes.record(&url(&format!("/city/{number}")), false);
        }

        assert_eq!(found.worth(&rules, &url("/x/2"), Worth::Page, none), Worth::Detail);
        assert_eq!(found.worth(&rules, &url("/city/9"), Worth::Detail, none), Worth::Page);
        assert_eq!(found.worth(&rules, &url("/city/9"), Worth::List, none), Worth::List);
    }

    #[test]
    fn only_what_the_pattern_of_a_spider_matches_is_a_detail() {
        let rules = SpiderRules { detail: Some("/wohnung/".to_owned()), ..SpiderRules::default() };
        let (rules, mut found) = (CompiledRules::compile(&rules).unwrap(), discovery(30));
        found.shapes.record(&url("/x/1"), true);

        assert_eq!(found.worth(&rules, &url("/x/2"), Worth::Detail, |_| false), Worth::List);
        assert_eq!(
            found.worth(&rules, &url("/wohnung/oak?sort=a"), Worth::Permutation, |_| true),
            Worth::Detail
        );
    }

    #[test]
    fn pages_that_are_worth_less_wait_for_those_of_their_host_that_are_being_read() {
        let mut found = discovery(30);
        let host = |name: &str| (name.to_owned(), 443);
        found.begin_page(1, host("a.example"), Worth::List);

        assert!(found.reads_better(&host("a.example"), Worth::Page));
        assert!(!found.reads_better(&host("a.example"), Worth::List));
        assert!(!found.reads_better(&host("b.example"), Worth::Page));
        found.end_page(1);
        assert!(!found.reads_better(&host("a.example"), Worth::Page));
    }

    #[test]
    fn the_most_worth_of_what_is_not_loaded_is_kept() {
        let mut found = discovery(30);
        for worth in [Some(Worth::Page), None, Some(Worth::List), Some(Worth::Permutation)] {
            found.note_unloaded(worth);
        }

        assert_eq!(found.best_unloaded, Some(Worth::List));
        assert!(found.is_new_origin("https://a.example".to_owned()));
        assert!(!found.is_new_origin("https://a.example".to_owned()));
    }
}
