//! A page, parsed once for all of its readers. Parsing and reading share one budget and stop when it is spent, so
//! that no markup costs more than in proportion to its length.

mod directives;
mod feed;
mod meta_refresh;
mod parsed;
mod tags;
mod tree;
mod unavailable_after;
mod walk;

pub use directives::Directives;
pub use meta_refresh::meta_refresh;
pub use parsed::Page;
pub(super) use parsed::has_word;
pub(super) use walk::Visitor;
