//! What nodes share outside the store. Losing it costs a client a retry, never a fact.

pub mod memory;
pub mod presence_store;
pub mod used_tickets;
pub mod viewer_store;
