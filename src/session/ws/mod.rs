//! A connection carried by a WebSocket: one small task on the raw stream. It writes what the follower yields and
//! reads what the client sends; it decides nothing.

mod echo;
mod follow;
mod incoming;
mod message_rate;
mod outgoing;
mod run;
mod socket;
mod upload;

pub use run::{Mode, UpgradedStream, start};
pub use socket::StreamPermit;
