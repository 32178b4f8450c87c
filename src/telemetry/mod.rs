//! Layer 2: logs and metrics for operators, which contain no secrets.

pub mod redact;
pub mod scrub;
pub mod secret_patterns;

pub mod request;
pub mod subscriber;

pub mod metrics;
pub mod open_transactions;
pub mod watchdog;
