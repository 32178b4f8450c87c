//! Every integration test, in one binary: one link, one set of helpers.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot go on should stop"
)]

mod support;

mod accounts;
mod architecture;
mod browser;
mod collaboration;
mod configuration;
mod crash;
mod delivery;
mod documents;
mod faults;
mod filter_cases;
mod fixture;
mod history;
mod http_requests;
mod import_rings;
mod isolation;
mod jobs;
mod limits;
mod load;
mod names;
mod operations;
mod previews;
mod process;
mod readers;
mod readme;
mod rest;
mod retries;
mod sockets;
mod store;
mod tenants;
mod tokens;
mod uploads;
