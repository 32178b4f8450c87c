//! From the upgrade to the task that a socket lives in.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::echo;
use super::follow::Following;
use super::incoming::SCRATCH;
use super::socket::{Charged, Held, Socket, SocketLimits};
use super::upload;
use crate::protocol::upload::CHUNK_BYTES;
use crate::session::seating::Seat;
use crate::session::settings::SessionSettings;
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
    let limits = limits(&mode, &sessions.settings);
    let socket = Socket::new(seat, stream, &limits, held);
    match mode {
        Mode::Follow(wish) => {
            match Following::begin(socket, &wish, early).await {
                // Afresh, so that what the upgrade and the joining took is given back.
                Ok(Some(following)) => {
                    sessions.tasks.spawn(async move { note(following.run().await) });
                }
                Ok(None) => {}
                Err(error) => note(Err(error)),
            }
        }
        Mode::Echo => note(echo::run(socket, early).await),
        Mode::Upload => note(Box::pin(upload::run(socket, early)).await),
    }
}

fn limits(mode: &Mode, settings: &SessionSettings) -> SocketLimits {
    let message_bytes = settings.message_bytes;
    match mode {
        // Commands are short: some thousand of them at a time are enough.
        Mode::Follow(_) => {
            SocketLimits { message_bytes, read_bytes: SCRATCH / 4, charged: Charged::Received }
        }
        Mode::Echo => SocketLimits {
            message_bytes: settings.echo_message_bytes,
            read_bytes: SCRATCH,
            charged: Charged::ReceivedAndSent,
        },
        Mode::Upload => SocketLimits {
            message_bytes: message_bytes.max(CHUNK_BYTES),
            read_bytes: SCRATCH,
            charged: Charged::Received,
        },
    }
}

/// A peer that went away is the usual end of a connection, not an event.
fn note(ended: io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a socket ended");
    }
}
