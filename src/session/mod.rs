//! Floor 6: one live connection, whatever carries it. A session holds no authority of its own: a scope, subscriptions
//! with positions, timers. Kill it at any line and the client can resume.

pub mod admission;
mod commands;
mod drain;
pub mod follower;
mod here;
mod line;
pub mod node;
pub mod page;
pub mod refresh;
pub mod relay;
pub mod rescope;
mod room;
pub mod seats;
pub mod sse;
mod start;
pub mod stats;
pub mod stats_stream;
pub mod status;
pub mod supervisor;
mod together;
pub mod traffic;
pub mod wish;
pub mod ws;

pub use follower::Follower;
pub use supervisor::{Connection, Sessions};
