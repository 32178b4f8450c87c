//! What a page says about properties. Five layers, best first: JSON-LD, page state embedded for the site's own scripts,
//! microdata, RDFa, and what the page shows. A page is about one home, about a list of homes, or about neither; the
//! layers of one home fill what the better ones left open.

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

mod agreement;
mod canonical;
mod home;
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
pub use coverage::Coverage;
pub use extraction::{
    ExtractOptions, Extraction, Layer, Listing, MAX_LISTING_IDS, MAX_TEASERS, Origin, PageKind, PageSigns,
};
pub(super) use key::own_url;
pub use layers::listings;
