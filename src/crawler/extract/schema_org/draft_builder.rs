//! A draft while its objects are gathered.

use std::collections::HashSet;

use serde_json::Value;

use super::super::draft::Draft;
use super::super::extraction::Layer;
use super::super::field::Field;
use super::source::Source;

/// A draft, and the objects that are in it already: an object that is referred to twice, or refers back to one it was
/// reached from, adds nothing more.
pub(super) struct DraftBuilder<'a> {
    pub(super) draft: Draft,
    pub(super) things: HashSet<usize>,
    pub(super) places: HashSet<usize>,
    /// A currency that was stated beside no price: it counts for a price that has none.
    pub(super) currency: Option<&'a Value>,
    /// "lease" or "sale".
    pub(super) business: Option<&'static str>,
    /// How many offers an AggregateOffer counts.
    pub(super) offer_count: i64,
}

impl DraftBuilder<'_> {
    pub(super) fn new(layer: Layer) -> Self {
        Self {
            draft: Draft::new(layer),
            things: HashSet::new(),
            places: HashSet::new(),
            currency: None,
            business: None,
            offer_count: 0,
        }
    }

    /// Sets whether the home is sold or let: "sale" or "lease".
    pub(super) fn set_business(&mut self, source: Source<'_>, key: &str, word: &'static str) {
        self.business = self.business.or(Some(word));
        source.set_text(&mut self.draft, Field::ListingType, key, word);
    }

    /// Whether what was gathered is offers of many things, none of them a home: a page of results says so of itself.
    pub(super) fn counts_other_offers(&self) -> bool {
        self.offer_count > 1 && !self.draft.residence && self.draft.home_facts() == 0
    }
}
