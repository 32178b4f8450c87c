//! Request bodies: bounded, typed, and refused with every bad field named.

mod budget;
mod form;
mod json;
mod log_lines;
mod nulls;
mod numbers;
mod optional;
mod property_batch;
mod read;
mod reservation;
mod response_budget;
mod rows;
pub(super) mod rules;
mod schema_reader;
mod unreadable;

pub use budget::{BodyBudget, BudgetOwner};
pub use form::Form;
pub use json::{Batch, Body};
pub use log_lines::LogLines;
pub use optional::OptionalBody;
pub use property_batch::PropertyBatch;
pub use read::{has_essence, read_whole};
pub(super) use reservation::REPLAYED;
pub use reservation::{
    ANONYMOUS_BYTES, BodyBudgetLayer, BodyReservation, BodySettings, BodySize, Many, Single,
};
pub use rules::Rules;
pub(super) use rules::body_rules;
