//! Pages and files as an attacker writes them, by size, and what holds for any of them. Shared by the unit tests, the
//! fuzz corpus, `tests/it/readers` and three fuzz targets, which are a crate of their own: that is why the set stands in
//! the library, where all four reach it. A build without the tests' feature does not have it.

mod hostile_page;
pub mod invariants;
mod markup;
mod robots_files;
mod rules;
#[cfg(test)]
mod seed_corpus;
mod shape;
mod structured;
#[cfg(test)]
mod tests;
pub mod via_readers;

pub use hostile_page::{HostilePage, page, pages, run};
pub use robots_files::ROBOTS_FILES;
pub use shape::Shape;
