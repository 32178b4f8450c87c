//! Counts on how many pages of each source a job read each field. Only pages of homes count: a list has none of the
//! fields, and how many lists a crawl reads differs from job to job. A job that goes on under another worker counts the
//! pages that this worker read.

use std::collections::BTreeMap;

use url::Url;

use super::page_outcome::{self, PageOutcome};
use crate::crawler::extract::{self, Extraction};
use crate::domain::coverage::SourceCoverage;
use crate::protocol::property::PropertyInput;

/// Sources that are counted. Pages of further ones are not.
const MAX_SOURCES: usize = 100;

/// The counts of a job.
#[derive(Debug, Default)]
pub(super) struct SourceCounts {
    sources: BTreeMap<String, SourceCoverage>,
}

/// What a page is to these counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CoveredPage<'a> {
    /// The page of a home that was read.
    Home(&'a PropertyInput),
    /// It is or was the page of a home, and no home was read there.
    NothingRead,
    /// A list, a page that is gone, a wall: it says nothing about fields.
    Other,
}

impl<'a> CoveredPage<'a> {
    /// `outcome` is that of the page of known listings, as far as the page alone says it.
    pub(super) fn of(extraction: &'a Extraction, outcome: Option<PageOutcome>) -> Self {
        if page_outcome::has_home(extraction) {
            return extraction.listings.first().map_or(Self::Other, |home| Self::Home(&home.property));
        }
        let signs = extraction.signs;
        let is_other = signs.wall || signs.gone;
        match outcome {
            Some(PageOutcome::NoHome) => Self::NothingRead,
            None if signs.looks_like_listing && !is_other => Self::NothingRead,
            Some(_) | None => Self::Other,
        }
    }
}

impl SourceCounts {
    /// Adds a page that was read to its end.
    pub(super) fn add(&mut self, url: &Url, page: CoveredPage<'_>) {
        let home = match page {
            CoveredPage::Home(home) => Some(home),
            CoveredPage::NothingRead => None,
            CoveredPage::Other => return,
        };
        let source = extract::source(url);
        if self.sources.len() >= MAX_SOURCES && !self.sources.contains_key(&source) {
            return;
        }
        let new = || SourceCoverage { source: source.clone(), ..SourceCoverage::default() };
        let counts = self.sources.entry(source.clone()).or_insert_with(new);
        counts.pages += 1;
        for field in home.into_iter().flat_map(extract::fields_of) {
            *counts.fields.entry(field).or_default() += 1;
        }
    }

    /// The counts of all sources, those with most pages first.
    pub(super) fn to_coverage(&self) -> Vec<SourceCoverage> {
        let mut counts: Vec<SourceCoverage> = self.sources.values().cloned().collect();
        counts.sort_by_key(|one| std::cmp::Reverse(one.pages));
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::extract::{Layer, Listing, PageKind, PageSigns};
    use crate::protocol::property::Address;

    fn url(text: &str) -> Url {
        text.parse().unwrap()
    }

    fn home(price: Option<f64>) -> PropertyInput {
        let address = Address { city: Some("Toledo".to_owned()), ..Address::default() };
        PropertyInput { list_price: price, address: Some(address), ..PropertyInput::default() }
    }

    fn page(kind: PageKind, signs: PageSigns) -> Extraction {
        Extraction { kind, signs, ..Extraction::default() }
    }

    #[test]
    fn pages_are_counted_by_source_and_field() {
        let mut counts = SourceCounts::default();
        let (priced, unpriced) = (home(Some(1.0)), home(None));

        counts.add(&url("https://a.example/h/1"), CoveredPage::Home(&priced));
        counts.add(&url("https://a.example/h/2"), CoveredPage::Home(&unpriced));
        counts.add(&url("https://a.example/h/3"), CoveredPage::NothingRead);
        counts.add(&url("https://a.example/list"), CoveredPage::Other);
        counts.add(&url("https://b.example:8443/h/1"), CoveredPage::Home(&priced));

        let coverage = counts.to_coverage();
        let fields = |counts: &[(&str, i64)]| -> BTreeMap<String, i64> {
            counts.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect()
        };
        assert_eq!(
            coverage,
            [
                SourceCoverage {
                    source: "a.example".to_owned(),
                    pages: 3,
                    fields: fields(&[("address.city", 2), ("list_price", 1)]),
                },
                SourceCoverage {
                    source: "b.example:8443".to_owned(),
                    pages: 1,
                    fields: fields(&[("address.city", 1), ("list_price", 1)]),
                },
            ]
        );
    }

    #[test]
    fn the_number_of_sources_is_bounded_and_known_ones_go_on_counting() {
        let mut counts = SourceCounts::default();
        for number in 0..MAX_SOURCES + 5 {
            counts.add(&url(&format!("https://s{number}.example/")), CoveredPage::NothingRead);
        }
        counts.add(&url("https://s0.example/2"), CoveredPage::NothingRead);

        let coverage = counts.to_coverage();
        assert_eq!(
            (coverage.len(), coverage[0].source.as_str(), coverage[0].pages),
            (MAX_SOURCES, "s0.example", 2)
        );
    }

    #[test]
    fn only_pages_that_are_or_were_a_homes_count() {
        let listing = Listing {
            property: home(Some(1.0)),
            layer: Layer::JsonLd,
            told_key: true,
            ids: Vec::new(),
            origins: BTreeMap::new(),
            inferred_currency: false,
        };
        let detail =
            Extraction { kind: PageKind::Detail, listings: vec![listing.clone()], ..Extraction::default() };
        let entries =
            Extraction { kind: PageKind::List, listings: vec![listing.clone()], ..Extraction::default() };
        let unread = page(PageKind::Neither, PageSigns { looks_like_listing: true, ..PageSigns::default() });
        let wall = page(
            PageKind::Neither,
            PageSigns { looks_like_listing: true, wall: true, ..PageSigns::default() },
        );
        let empty = page(PageKind::Neither, PageSigns::default());

        assert_eq!(CoveredPage::of(&detail, None), CoveredPage::Home(&listing.property));
        assert_eq!(CoveredPage::of(&entries, None), CoveredPage::Other);
        assert_eq!(CoveredPage::of(&unread, None), CoveredPage::NothingRead);
        assert_eq!(CoveredPage::of(&empty, Some(PageOutcome::NoHome)), CoveredPage::NothingRead);
        for (other, outcome) in [
            (&wall, None),
            (&wall, Some(PageOutcome::Wall)),
            (&empty, None),
            (&empty, Some(PageOutcome::SoftGone)),
            (&empty, Some(PageOutcome::NotAListing)),
        ] {
            assert_eq!(CoveredPage::of(other, outcome), CoveredPage::Other, "{outcome:?}");
        }
    }
}
