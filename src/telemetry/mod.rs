//! Floor 2: what the operator sees of the running node, and the promise that no secret is in it.

pub mod redact;
pub mod scrub;
pub mod secret_patterns;

pub mod request;
pub mod subscriber;

pub mod metrics;
pub mod open_transactions;
pub mod watchdog;
