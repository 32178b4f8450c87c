//! The last layer: what a page shows to people. Its `<meta>` elements, its visible price, its label and value pairs,
//! its badges, and what kind of page all of this makes it.

mod class_words;
mod fold;
mod marks;
mod targets;

mod outline;
mod visit;

mod cards;
mod regions;
mod section_headings;
mod teasers;

mod badges;
mod breadcrumbs;
mod data_attributes;
mod dictionary;
mod labels;
mod loose_facts;
mod meta;
mod pair_values;
mod price_element;
mod price_score;

mod street_words;

mod address_lines;
mod address_marks;
mod address_parts;
mod visible_address;
#[cfg(test)]
mod visible_address_tests;

mod shape;
mod signs;

mod draft_facts;
mod facts;
mod layer;
#[cfg(test)]
mod tests;

pub(super) use address_parts::AddressParts;
pub(super) use draft_facts::value_of;
pub(super) use facts::PageFacts;
pub(super) use layer::read;
pub(super) use visible_address::VisibleAddress;
