//! Floor 7: the REST edge.

pub mod router;

pub mod api_keys;
pub mod audit_log;
pub mod auth;
pub mod broadcasts;
pub mod events;
pub mod jobs;
pub mod notifications;
pub mod operations;
pub mod properties;
pub mod spiders;
pub mod tenants;
pub mod uploads;
pub mod usage;
pub mod users;
pub mod workers;

pub mod live;

pub mod body;
pub mod caller;
pub mod client;
pub mod cors;
pub mod document;
pub mod etag;
pub mod explain;
mod freshness;
pub mod health;
pub mod json_rows;
pub mod key_set;
pub mod list;
pub mod messages;
pub mod metrics;
pub mod once;
pub mod origin;
pub mod pages;
pub mod problem;
pub mod rate_limits;
pub mod rooms;
pub mod security_headers;
pub mod serve;
pub mod swagger;
pub mod tags;

#[cfg(test)]
mod tests;
