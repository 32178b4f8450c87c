//! What a page says about properties. Three layers, best first: JSON-LD, page state embedded for the site's own
//! scripts, microdata. The first layer that knows a listing names it; later ones fill what it left open.

mod bounds;
mod draft;
mod entities;
mod extraction;
mod field;
mod numbers;
mod page_state;
mod schema_org;
mod set_field;
mod values;
mod vocabulary;

mod embedded;
mod json;
mod json_ld;
mod microdata;

mod finalize;
mod layers;

mod coverage;
#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;

pub use coverage::Coverage;
pub use extraction::{Extraction, Layer, Listing};
pub use layers::listings;
