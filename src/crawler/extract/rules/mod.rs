//! What a spider's rules read of a page, and how that wins over what the layers read. Rules are written by people who
//! look at a site; pages are written by strangers: whatever the two are together, the work has a bound.

mod budget;

mod data_blocks;
mod pattern;
mod selector;
mod text;
mod transform;

mod fields;
mod sources;

mod constants;
mod overlay;
mod read;

#[cfg(test)]
mod tests;

pub(super) use constants::{
    constant_currency, put_country_back, set_country, set_listing_type, take_country,
};
pub(super) use overlay::over;
pub(super) use read::read;
pub(super) use sources::Sources;
pub(in crate::crawler) use sources::attribute_names;
