//! From the upgrade to the task of a socket.

use std::io;
use std::sync::Arc;

use tokio::net::TcpStream;

use super::echo;
use super::follow::FollowSocket;
use super::incoming::SCRATCH_BYTES;
use super::socket::{BudgetScope, Socket, SocketLimits, StreamPermit};
use super::upload;
use crate::protocol::upload::CHUNK_BYTES;
use crate::session::connect_request::ConnectRequest;
use crate::session::registration::ConnectionGuard;
use crate::session::registry::ConnectionRegistry;
use crate::session::settings::SessionSettings;

/// The purpose of a socket.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Events and commands.
    Follow(ConnectRequest),
    /// Every message is sent back.
    Echo,
    /// Files are uploaded.
    Upload,
}

/// Begins a connection on an upgraded stream; it runs, in a task of its own, until either side ends it. `early` are
/// bytes that came with the handshake.
pub async fn run(
    registry: Arc<ConnectionRegistry>,
    guard: ConnectionGuard,
    stream: TcpStream,
    early: Vec<u8>,
    mode: Mode,
    permit: StreamPermit,
) {
    let limits = limits(&mode, &registry.settings);
    let socket = Socket::new(guard, stream, &limits, permit);
    match mode {
        Mode::Follow(request) => {
            match FollowSocket::begin(socket, &request, early).await {
                // In a new task, so that the memory of the upgrade and the joining is released.
                Ok(Some(following)) => {
                    registry.tasks.spawn(async move { log_end(following.run().await) });
                }
                Ok(None) => {}
                Err(error) => log_end(Err(error)),
            }
        }
        Mode::Echo => log_end(echo::run(socket, early).await),
        Mode::Upload => log_end(Box::pin(upload::run(socket, early)).await),
    }
}

fn limits(mode: &Mode, settings: &SessionSettings) -> SocketLimits {
    let message_bytes = settings.message_bytes;
    match mode {
        // Commands are short: some thousand of them at a time are enough.
        Mode::Follow(_) => {
            SocketLimits { message_bytes, read_bytes: SCRATCH_BYTES / 4, budget_scope: BudgetScope::Received }
        }
        Mode::Echo => SocketLimits {
            message_bytes: settings.echo_message_bytes,
            read_bytes: SCRATCH_BYTES,
            budget_scope: BudgetScope::ReceivedAndSent,
        },
        Mode::Upload => SocketLimits {
            message_bytes: message_bytes.max(CHUNK_BYTES),
            read_bytes: SCRATCH_BYTES,
            budget_scope: BudgetScope::Received,
        },
    }
}

/// A disconnected peer is the usual end of a connection, and not worth a warning.
fn log_end(ended: io::Result<()>) {
    if let Err(error) = ended {
        tracing::debug!(%error, "a socket ended");
    }
}
