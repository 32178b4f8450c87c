//! Properties: what workers and the crawler saw becomes rows, events and summaries; people search and read them.

mod change;
mod draft;
mod ledger;
mod places;
mod view;

pub mod get;
pub mod known_urls;
pub mod list;
pub mod price_history;
pub mod summary;
pub mod upsert;

pub use change::Outcome;
