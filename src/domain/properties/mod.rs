//! Properties: what workers and the crawler report becomes rows, events and summaries; users search and read them.

mod apply;
mod batch_plan;
mod diff;
mod draft;
mod draft_checks;
mod event_size;
mod listing_key;
mod location_counts;
mod null_semantics;
mod report;
mod view;

pub mod addresses;
pub mod evidence;
pub mod export;
pub mod export_limit;
pub mod known;
pub mod known_alert;
pub mod list;
pub mod origins;
pub mod place;
pub mod read;
pub mod refresh;
pub mod summary;
pub mod upsert;

#[cfg(test)]
mod tests;

pub use batch_plan::Notify;
pub use diff::UpsertOutcome;
pub use listing_key::{listing_key_fault, source_fault};
pub use report::{PageReading, PageVisit, Removal, ReportedRow};
pub use upsert::{Batch, PutResult, put_by_key, upsert_batch, validate_put, validate_row};

pub use crate::storage::properties::Writer;
