//! What a page says about properties. Five layers, best first: JSON-LD, page state embedded for the site's own scripts,
//! microdata, RDFa, and what the page shows. A page is about one home, about a list of homes, or about neither; the
//! layers of one home fill what the better ones left open. What a spider's rules read wins over all of them.

mod bounds;
mod draft;
mod extraction;
mod field;
mod merge;
mod origin;
mod place_country;
mod place_text;
mod set_field;
mod set_media;
mod set_place;
mod set_price;
mod values;
mod vocabulary;

mod json;
mod lenient_json;

mod items;
mod json_ld;
mod microdata;
mod rdfa;
mod rdfa_terms;
mod schema_org;

mod embedded;
mod nuxt;
mod page_state;
mod references;

mod html;

mod explanation;
mod notes;
mod rules;

mod agreement;
mod canonical;
mod home;
mod json_items;
mod key;
mod layers;
mod learn_from_page;
mod page_kind;

mod corrections;
mod currency;
mod finalize;

#[cfg(test)]
mod case_tests;
mod coverage;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub(super) use canonical::page_name;
pub use coverage::{Coverage, fields_of};
pub use explanation::{
    Explanation, LayerReadout, MAX_READOUT_CHARS, MAX_READOUT_DRAFTS, MAX_READOUT_FIELDS, MAX_READOUT_LAYERS,
};
pub use extraction::{
    ExtractOptions, Extraction, Layer, Listing, MAX_FRAGMENT_CHARS, MAX_LISTING_IDS, MAX_ORIGINS,
    MAX_TEASERS, Origin, PageKind, PageSigns,
};
pub(super) use json::parse as parse_json;
pub(super) use json_items::read_items;
pub(super) use key::{own_url, source};
pub(super) use layers::explained;
pub use layers::listings;
pub use notes::{MAX_NOTE_CHARS, MAX_NOTES};
pub(super) use rules::attribute_names;

/// What the extractor's values mean. Raised when a page that did not change would be read otherwise than before: what is
/// kept of a page's reading is of no use then.
pub const VERSION: u32 = 1;
