//! What reading a page for listings gives: in all, and from one layer.

use serde::{Deserialize, Serialize};

use super::draft::Draft;
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

/// What one layer found.
pub(super) struct LayerResult {
    pub(super) kind: Layer,
    pub(super) drafts: Vec<Draft>,
    pub(super) skipped_blocks: u32,
}
