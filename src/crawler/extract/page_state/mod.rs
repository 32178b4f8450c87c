//! Finds homes in page state by the names of its keys. No site's layout is known here.

mod classes;
mod keys;

mod addresses;
mod facts;
mod home;
mod media;
mod party;
mod place;
mod price;
mod search;

#[cfg(test)]
mod tests;

pub(super) use addresses::addresses;
pub(super) use search::{StateBlock, drafts};
