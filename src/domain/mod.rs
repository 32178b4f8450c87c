//! Layer 5: rules and use cases. Knows neither HTTP nor sockets: a use case commits a change with the events
//! that describe it, and has no other effect on readers.

pub mod broadcast;
pub mod ephemeral;
pub mod error;
pub mod frontier;
pub mod idempotency;
pub mod identity;
pub mod jobs;
pub mod key_clashes;
pub mod limits;
pub mod log_retention;
pub mod messages;
pub mod notifications;
pub mod op;
pub mod platform_broadcast;
pub mod presence;
pub mod properties;
pub mod publisher;
pub mod rooms;
pub mod row_retention;
pub mod services;
pub mod spiders;
pub mod tenant_removal;
pub mod typing;
pub mod uploads;
pub mod viewing;

#[cfg(test)]
pub(crate) mod testing;
