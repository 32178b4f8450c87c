//! What nodes share outside the store. Losing it costs a client a retry, never a fact.

pub mod attendance;
pub mod memory;
pub mod used_tickets;
pub mod viewership;
