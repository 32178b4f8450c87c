//! Floor 6: one live connection, whatever carries it. A session holds no authority of its own: a scope, subscriptions
//! with positions, timers. Kill it at any line and the client can resume.

pub mod admission;
mod budget;
mod catching_up;
mod commands;
pub mod connection;
pub mod departed;
mod drain;
pub mod files;
pub mod follower;
mod here;
mod line;
pub mod log_stream;
pub mod node;
pub mod page;
pub mod refresh;
mod registry;
pub mod relay;
mod replay;
pub mod rescope;
mod revalidation;
mod room;
pub mod seating;
pub mod seats;
pub mod settings;
pub mod sse;
mod start;
pub mod stats;
pub mod stats_stream;
pub mod status;
mod subscribing;
pub mod supervisor;
mod together;
pub mod traffic;
pub mod wish;
pub mod ws;

pub use connection::Connection;
pub use follower::Follower;
pub use seating::Seat;
pub use supervisor::Sessions;
