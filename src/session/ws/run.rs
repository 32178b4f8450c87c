//! From the upgrade to the task that a socket lives in.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::echo;
use super::follow::Following;
use super::socket::{Held, Socket};
use super::upload;
use crate::protocol::upload::CHUNK_BYTES;
use crate::session::seating::Seat;
use crate::session::supervisor::Sessions;
use crate::session::wish::Wish;

/// What the socket is for.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Events and commands.
    Follow(Wish),
    /// Every message is sent back.
    Echo,
    /// Files come in.
    Upload,
}

/// Begins a connection on an upgraded stream; it goes on, in a task of its own, until either side ends it. `early` are
/// bytes that came with the handshake.
pub async fn run(
    sessions: Arc<Sessions>,
    seat: Seat,
    stream: TcpStream,
    early: Vec<u8>,
    mode: Mode,
    held: Held,
) {
    match mode {
        Mode::Follow(wish) => {
            let socket = Socket::new(seat, stream, sessions.settings.message_bytes, held);
            match Following::begin(socket, &wish, early).await {
                // Afresh, so that what the upgrade and the joining took is given back.
                Ok(Some(following)) => {
                    sessions.tasks.spawn(async move { note(following.run().await) });
                }
                Ok(None) => {}
                Err(error) => note(Err(error)),
            }
        }
        Mode::Echo => {
            let socket = Socket::new(seat, stream, sessions.settings.echo_message_bytes, held);
            note(echo::run(socket, early).await);
        }
        Mode::Upload => {
            let most_bytes = sessions.settings.message_bytes.max(CHUNK_BYTES);
            let socket = Socket::new(seat, stream, most_bytes, held);
            note(Box::pin(upload::run(socket, early)).await);
        }
    }
}

/// A peer that went away is the usual end of a connection, not an event.
fn note(ended: io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a socket ended");
    }
}
