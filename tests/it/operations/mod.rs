//! What operators and admins see of a running node.

mod connections;
mod health;
mod metrics;
mod stats;
