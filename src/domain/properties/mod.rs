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

#[cfg(test)]
mod tests;

pub use change::Outcome;
pub use get::total;
pub use upsert::{Batch, Notify, Put, judge, judge_row, put_by_key, upsert_batch};
