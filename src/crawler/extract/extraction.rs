//! What reading a page gives: the kind of the page, the home that it is about, links to other homes, and what the page
//! says about its own state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

use super::draft::Draft;
pub use super::origin::{Layer, MAX_FRAGMENT_CHARS, Origin};
use crate::protocol::property::PropertyInput;
use crate::protocol::spider_rules::CompiledRules;

/// What a page is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PageKind {
    /// The page of one home.
    Detail,
    /// An index or a search result: homes that have pages of their own.
    List,
    #[default]
    Neither,
}

impl PageKind {
    /// The kind's name, as it is serialized.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Detail => "detail",
            Self::List => "list",
            Self::Neither => "neither",
        }
    }
}

/// What the page says about its own state, beside listings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageSigns {
    /// Its text says that the listing is no longer there.
    pub gone: bool,
    /// It is a consent, log-in or bot page.
    pub wall: bool,
    /// It shows a price and rooms or an area like the page of a home, and no home could be read.
    pub looks_like_listing: bool,
    /// A hash of the title and the skeleton of the text: equal for two error pages that differ in their address only.
    pub shape: u64,
}

/// One listing of a page, fit for the store: every value is within the wire's bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    pub property: PropertyInput,
    /// The best layer that told something of it.
    pub layer: Layer,
    /// Whether the site named the key. Otherwise it is made from the page's address.
    pub told_key: bool,
    /// Further ids that the site told, at most [`MAX_LISTING_IDS`].
    pub ids: Vec<String>,
    /// Where each field came from, by its name on the wire (`address.city`).
    pub origins: BTreeMap<String, Origin>,
    /// Whether the currency is the only one of the stated country, and was not told itself.
    pub inferred_currency: bool,
}

/// Further ids of a listing, and other homes of a page, at most.
pub const MAX_LISTING_IDS: usize = 8;
/// Fields of a listing with an origin; the fields of a property are fewer.
pub const MAX_ORIGINS: usize = 64;
pub const MAX_TEASERS: usize = 200;
/// Addresses in the lists of page state.
pub const MAX_STATE_LINKS: usize = 200;

/// Everything a page gave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extraction {
    pub kind: PageKind,
    /// The home of a detail page. Of a list page its entries, if they were asked for.
    pub listings: Vec<Listing>,
    /// The pages of other homes that this page shows, on its own host.
    pub teasers: Vec<Url>,
    /// Addresses in the lists of page state, on any host. They do not leave the page reader.
    pub state_links: Vec<Url>,
    pub signs: PageSigns,
    /// Blocks of data that could not be parsed.
    pub skipped_blocks: u32,
    /// Entries of a list without a key and a page of their own.
    pub unkeyed: u32,
    /// How often two layers told different values for a field of the home.
    pub disagreements: BTreeMap<String, u32>,
}

/// What is taken of a page.
#[derive(Clone, Copy, Debug)]
pub struct ExtractOptions<'a> {
    /// Listings at most.
    pub most: usize,
    /// What the spider knows of the site; whether the entries of list pages are listings is among it.
    pub rules: &'a CompiledRules,
    /// Whether it is told what each layer read, and why not more.
    pub explain: bool,
}

/// What one layer found.
pub(super) struct LayerResult {
    pub(super) kind: Layer,
    pub(super) drafts: Vec<Draft>,
    pub(super) skipped_blocks: u32,
}
