//! Decoding: masked frames from a client become messages, checked as strictly as RFC 6455 asks.

mod decoder;
mod frames;
mod header;
mod mask;
mod message;
mod partial;
mod violation;

pub use decoder::Decoder;
pub use frames::{Unfinished, most_frames};
pub use message::Message;
pub use violation::Violation;
