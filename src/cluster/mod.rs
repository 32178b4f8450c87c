//! What nodes share outside the store. Losing it costs a client a retry, never a fact.

pub mod memory;
pub mod once;
