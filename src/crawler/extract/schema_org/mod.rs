//! Reads schema.org data, whichever syntax it came in: finds the homes and offers in a tree of objects and gathers
//! what their nested objects say of them.

mod kinds;
mod parts;
mod source;

mod draft_builder;
mod reader;

mod gather;
mod media;
mod offers;
mod places;
mod prices;
mod properties;
mod sellers;

#[cfg(test)]
mod tests;

pub(super) use reader::drafts;
