//! State that nodes share outside the store. Losing it costs a client a retry, never data.

pub mod memory;
pub mod presence_store;
pub mod used_tickets;
pub mod viewer_store;
