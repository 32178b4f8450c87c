//! What a page says about properties. Three layers, best first: JSON-LD, page state embedded for the site's own
//! scripts, microdata. The first layer that knows a listing names it; later ones fill what it left open.

mod draft;
mod entities;
mod field;
mod numbers;
mod page_state;
mod schema_org;
mod values;
mod vocabulary;

mod embedded;
mod json;
mod json_ld;
mod microdata;

mod finalize;
mod merge;

mod coverage;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub use coverage::Coverage;

use serde::{Deserialize, Serialize};

use self::draft::Draft;
use super::page::Page;
use crate::protocol::property::PropertyInput;

/// Where on a page a listing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    JsonLd,
    Embedded,
    Microdata,
}

/// One listing of a page, fit for the store: every value is within the wire's bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    pub property: PropertyInput,
    /// The layer that named it.
    pub layer: Layer,
}

/// Everything a page gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extraction {
    pub listings: Vec<Listing>,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u32,
    /// Listings without a key of their own: they can't be distinguished from others of the page.
    pub unkeyed: u32,
}

/// Reads at most `most` listings from `page`.
pub fn listings(page: &Page, most: usize) -> Extraction {
    let mut skipped_blocks = 0;
    let mut found = merge::MergedDrafts::default();
    for layer in [json_ld::read(page), embedded::read(page), microdata::read(page)] {
        skipped_blocks += layer.skipped_blocks;
        found.add(layer.kind, layer.drafts);
    }
    let (listings, unkeyed) = finalize::finalize(found.into_drafts(), page, most);
    Extraction { listings, skipped_blocks, unkeyed }
}

/// What one layer found.
struct LayerResult {
    kind: Layer,
    drafts: Vec<Draft>,
    skipped_blocks: u32,
}

/// Drafts of one layer at most: a page that claims more is a data dump or an attack.
const MAX_DRAFTS: usize = 2_000;
/// Bytes of a URL or an identifier that are looked at; the wire's `source_url` has the same bound.
const MAX_URL: usize = 2_000;
/// Steps of examining a value.
const VALUE_STEPS: u64 = 4;
/// How deep values may nest.
const MAX_DEPTH: usize = 48;

/// Steps of looking up a key.
fn key_steps(key: &str) -> u64 {
    6 + key.len() as u64 / 4
}
