//! Reads the layers of a page, best first, and joins drafts that are one listing: first inside of a layer, then
//! across layers.

use std::collections::HashMap;

use super::draft::Draft;
use super::extraction::{Extraction, Layer};
use super::finalize::finalize;
use super::{embedded, json_ld, microdata};
use crate::crawler::page::Page;

/// Reads at most `most` listings from `page`.
pub fn listings(page: &Page, most: usize) -> Extraction {
    let mut skipped_blocks = 0;
    let mut found = MergedDrafts::default();
    for layer in [json_ld::read(page), embedded::read(page), microdata::read(page)] {
        skipped_blocks += layer.skipped_blocks;
        found.add(layer.kind, layer.drafts);
    }
    let (listings, unkeyed) = finalize(found.into_drafts(), page, most);
    Extraction { listings, skipped_blocks, unkeyed }
}

/// Drafts of all layers so far, each with the layer that named it.
#[derive(Default)]
struct MergedDrafts {
    drafts: Vec<(Layer, Draft)>,
    by_name: HashMap<String, usize>,
}

impl MergedDrafts {
    /// Adds what one layer found; layers come best first.
    fn add(&mut self, layer: Layer, drafts: Vec<Draft>) {
        let found = join(drafts);
        // A page about one property: two layers with one listing each mean the same, unless they contradict each
        // other.
        if let ([(_, known)], [new]) = (&mut self.drafts[..], &found[..])
            && known.is_compatible_with(new)
        {
            known.merge_from(new.clone());
            return;
        }
        for draft in found {
            self.add_draft(layer, draft);
        }
    }

    fn into_drafts(self) -> Vec<(Layer, Draft)> {
        self.drafts
    }

    fn add_draft(&mut self, layer: Layer, draft: Draft) {
        let names = draft.names();
        let same = names.iter().find_map(|name| {
            let at = *self.by_name.get(name)?;
            self.drafts[at].1.is_same(&draft, name).then_some(at)
        });
        let at = match same {
            Some(at) => {
                self.drafts[at].1.merge_from(draft);
                at
            }
            None => {
                self.drafts.push((layer, draft));
                self.drafts.len() - 1
            }
        };
        for name in names {
            self.by_name.entry(name).or_insert(at);
        }
    }
}

/// The listings among one layer's drafts, each once.
fn join(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut joined = MergedDrafts::default();
    for draft in drafts {
        // The layer does not matter here: all are of one.
        joined.add_draft(Layer::JsonLd, draft);
    }
    let joined = joined.drafts.into_iter().map(|(_, draft)| draft);
    let (mut listings, rest): (Vec<_>, Vec<_>) = joined.partition(Draft::is_listing);
    // A home in one block and its price in another, without a name in common: the page is about one property.
    let mut priced = rest.into_iter().filter(Draft::has_price);
    if let ([home], Some(offer), None) = (&mut listings[..], priced.next(), priced.next())
        && !home.has_price()
    {
        home.merge_from(offer);
    }
    listings
}
