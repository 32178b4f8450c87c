//! What operators and admins see of a running node.

mod connections;
mod health;
pub mod metrics;
mod stats;
