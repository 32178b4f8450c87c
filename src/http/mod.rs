//! Layer 7: the REST edge.

pub mod router;

pub mod admin;
pub mod api_keys;
pub mod audit_log;
pub mod auth;
pub mod broadcasts;
pub mod events;
pub mod jobs;
pub mod notifications;
pub mod previews;
pub mod properties;
pub mod spider_health;
pub mod spiders;
pub mod tenants;
pub mod uploads;
pub mod usage;
pub mod users;
pub mod workers;

pub mod live;

mod accept;
pub mod base;
pub mod body;
mod cache_control;
pub mod caller;
pub mod client_ip;
mod comma_list;
pub mod cors;
pub mod document;
pub mod etag;
pub mod health;
pub mod idempotency;
pub mod jwks;
pub mod list;
mod made_once;
pub mod messages;
pub mod metrics;
pub mod pages;
pub mod problem;
pub mod rate_limits;
mod request_data;
pub mod rooms;
pub mod security_headers;
pub mod serve;
pub mod swagger;
pub mod tags;
pub mod validation;
pub mod web_origin;

#[cfg(test)]
mod tests;
