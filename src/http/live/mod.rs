//! The endpoints of sockets and streams. Everything is checked before the upgrade: no session starts unauthenticated.

mod admission;
mod context;
mod credential;
mod parameters;
mod reject;
mod socket;
mod stream;
mod stream_refusal;

pub use context::{LiveContext, MOST_REJECTS};
pub use socket::SocketEndpoint;
pub use stream::StreamEndpoint;
