//! Properties: what workers and the crawler report becomes rows, events and summaries; users search and read them.

mod batch_plan;
mod diff;
mod draft;
mod location_counts;
mod view;

pub mod get;
pub mod known_urls;
pub mod list;
pub mod price_history;
pub mod summary;
pub mod upsert;

#[cfg(test)]
mod tests;

pub use diff::UpsertOutcome;
pub use get::total;
pub use upsert::{Batch, Notify, PutResult, put_by_key, upsert_batch, validate_put, validate_row};
