//! Properties: what workers and the crawler report becomes rows, events and summaries; users search and read them.

mod batch_plan;
mod diff;
mod draft;
mod location_counts;
mod view;

pub mod list;
pub mod read;
pub mod summary;
pub mod upsert;

#[cfg(test)]
mod tests;

pub use batch_plan::Notify;
pub use diff::UpsertOutcome;
pub use draft::{listing_key_fault, source_fault};
pub use upsert::{Batch, PutResult, put_by_key, upsert_batch, validate_put, validate_row};
