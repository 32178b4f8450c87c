//! The requests of the site and their responses. Every request is counted exactly once, so totals are sums.

use std::collections::BTreeMap;

use super::facts::Dialect;

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hit {
    /// The page was sent.
    Served(Page),
    /// The client had the page already (304).
    NotModified(Page),
    /// 429; the requested page was not looked up.
    Refused,
    NotFound,
    /// The usual place of a sitemap, which crawlers look at unasked. The site has none.
    NoSitemap,
    Gone,
    /// The page that robots.txt forbids was fetched.
    Forbidden,
    /// Neither GET nor HEAD (405).
    BadMethod,
}

/// The pages that robots.txt allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Page {
    /// One listing, in its dialect.
    Listing(Dialect),
    /// The front page, a page of homes for sale, or one of recent sales.
    Index,
    About,
    Robots,
}

/// Counts of hits since the site started, or between two points in time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hits(BTreeMap<Hit, u64>);

impl Hits {
    pub(super) fn record(&mut self, hit: Hit) {
        *self.0.entry(hit).or_default() += 1;
    }

    pub fn get(&self, hit: Hit) -> u64 {
        self.0.get(&hit).copied().unwrap_or(0)
    }

    /// Every request that reached the site.
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }

    /// Detail pages sent, over all dialects.
    pub fn listings_served(&self) -> u64 {
        Dialect::ALL.iter().map(|dialect| self.get(Hit::Served(Page::Listing(*dialect)))).sum()
    }

    /// The hits since `earlier`, an older count of the same site.
    pub fn since(&self, earlier: &Self) -> Self {
        let grown = |(hit, count): (&Hit, &u64)| (*hit, count.saturating_sub(earlier.get(*hit)));
        Self(self.0.iter().map(grown).filter(|(_, count)| *count > 0).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_crawl_is_counted_on_its_own() {
        let page = Hit::Served(Page::Listing(Dialect::JsonLd));
        let mut hits = Hits::default();
        hits.record(page);
        hits.record(Hit::Gone);
        let earlier = hits.clone();
        hits.record(page);
        hits.record(Hit::Refused);

        let second = hits.since(&earlier);

        assert_eq!((second.get(page), second.get(Hit::Gone), second.get(Hit::Refused)), (1, 0, 1));
        assert_eq!((second.total(), second.listings_served()), (2, 1));
    }
}
