//! The examples of the documents: one consistent data set of one tenant, built from the real types, so that a changed
//! field changes its example or does not compile. An example of a request is one that the server accepts.

mod accounts;
pub mod commands;
mod jobs;
pub mod messages;
mod notices;
mod previews;
mod properties;
pub mod rooms;
mod schedules;
mod spider_health;
mod spiders;
mod stats;
pub mod upload_socket;
pub mod uploads;
mod workers;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::position::Position;
use crate::base::clock::rfc3339;
use crate::base::timestamp::Timestamp;

pub const TENANT: i64 = 1;
pub const USER: i64 = 7;
pub const USERNAME: &str = "ann";
pub const EMAIL: &str = "ann@acme.example";
pub const JOB: i64 = 42;
pub const EXECUTION: i64 = 57;
pub const SPIDER: &str = "listings";
pub const SOURCE: &str = "homes.example";
pub const LISTING_KEY: &str = "A-1024";
pub const PROPERTY: i64 = 303;
pub const SITE: &str = "https://homes.example/";
pub const PAGE: &str = "https://homes.example/listing/A-1024";
pub const LEASE: &str = "lease_3vJ0m2cXq8sKfB1tY7nRdA";
pub const PASSWORD: &str = "a nightingale sang in 1915";
/// For everything that has a UUID.
pub const UUID: &str = "0198c0de-0000-7000-8000-000000000000";

/// The time of the examples.
pub fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(1_764_000_000, 0).unwrap_or_default()
}

/// `minutes` after that time, as responses write it.
pub fn after(minutes: i64) -> String {
    rfc3339(now() + chrono::TimeDelta::minutes(minutes))
}

/// [`SOURCE`] as a parameter.
pub fn source() -> String {
    SOURCE.to_owned()
}

/// [`LISTING_KEY`] as a parameter.
pub fn listing_key() -> String {
    LISTING_KEY.to_owned()
}

/// [`UUID`] as it is.
pub fn uuid() -> Uuid {
    UUID.parse().unwrap_or_default()
}

/// The same time as a request writes it.
pub fn timestamp() -> Option<Timestamp> {
    Timestamp::new(now())
}

/// An end that is in the future whenever the example is tried.
pub fn far_future() -> DateTime<Utc> {
    DateTime::from_timestamp(4_102_444_800, 0).unwrap_or_default()
}

/// A position in the tenant's log.
pub fn position() -> String {
    Position { epoch: 0x0019_8c0d_e51a, seq: 4711 }.to_string()
}
