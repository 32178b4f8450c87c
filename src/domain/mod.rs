//! Layer 5: rules and use cases. Knows neither HTTP nor sockets: a use case commits a change with the events
//! that describe it, and has no other effect on readers.

pub mod broadcast;
pub mod coverage;
pub mod ephemeral;
pub mod error;
pub mod frontier;
pub mod idempotency;
pub mod identity;
pub mod jobs;
pub mod kept_pages;
pub mod key_clashes;
pub mod limits;
pub mod log_retention;
pub mod messages;
pub mod notifications;
pub mod op;
pub mod platform_broadcast;
pub mod presence;
pub mod previews;
pub mod properties;
pub mod publisher;
pub mod rooms;
pub mod row_retention;
pub mod rule_report;
pub mod schedules;
pub mod services;
pub mod spiders;
pub mod tenant_removal;
pub mod typing;
pub mod uploads;
pub mod viewing;
pub mod visits;

#[cfg(test)]
pub(crate) mod testing;
