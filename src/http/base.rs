//! The base path of REST, for the router and for the addresses that responses name.

/// The base path of REST.
pub const BASE: &str = "/api/v1";
