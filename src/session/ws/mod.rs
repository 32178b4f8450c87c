//! A connection carried by a WebSocket: one lean task on the raw stream. It writes what the follower yields and reads
//! what the client says; it decides nothing.

mod incoming;
mod outgoing;
mod pace;
mod socket;
mod upload;

pub use socket::{Mode, run};
