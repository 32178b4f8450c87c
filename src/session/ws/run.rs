//! From the registered connection to the task of its socket.

use std::io;

use futures_util::future::BoxFuture;
use tokio::net::TcpStream;

use super::echo;
use super::follow::FollowSocket;
use super::incoming::SCRATCH_BYTES;
use super::socket::{BudgetScope, Socket, SocketLimits, StreamPermit};
use super::upload;
use crate::protocol::upload::CHUNK_BYTES;
use crate::session::connect_request::ConnectRequest;
use crate::session::connecting::{Joined, Purpose};
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

impl Mode {
    pub fn purpose(&self) -> Purpose {
        match self {
            Self::Follow(_) => Purpose::MessageSocket,
            Self::Echo => Purpose::EchoSocket,
            Self::Upload => Purpose::UploadSocket,
        }
    }
}

/// A stream that has left HTTP.
pub struct UpgradedStream {
    pub stream: TcpStream,
    /// Bytes that came with the handshake.
    pub early: Vec<u8>,
    pub permit: StreamPermit,
}

/// Begins a socket once its stream is upgraded; `None`: the client is gone. It runs in the one task of its connection,
/// until either side ends it.
pub fn start(
    joined: Joined,
    mode: Mode,
    upgraded: impl Future<Output = Option<UpgradedStream>> + Send + 'static,
) {
    let tasks = joined.guard.registry().tasks.clone();
    // Boxed: the memory of the upgrade and the joining is released when the socket follows its log.
    tasks.spawn(run(Box::pin(open(joined, mode, upgraded))));
}

pub(super) async fn run(opening: BoxFuture<'static, Option<Box<FollowSocket>>>) {
    let following = opening.await;
    if let Some(following) = following {
        log_end(following.run().await);
    }
}

/// Opens a socket that follows a log; `None`: the socket has ended, as one with another purpose has by then.
async fn open(
    joined: Joined,
    mode: Mode,
    upgraded: impl Future<Output = Option<UpgradedStream>>,
) -> Option<Box<FollowSocket>> {
    let UpgradedStream { stream, early, permit } = upgraded.await?;
    let Joined { guard, join_permit } = joined;
    let limits = limits(&mode, &guard.registry().settings);
    let socket = Socket::new(guard, stream, &limits, permit);
    let ended = match mode {
        Mode::Follow(request) => match FollowSocket::begin(socket, join_permit, &request, early).await {
            Ok(following) => return following,
            Err(error) => Err(error),
        },
        Mode::Echo => echo::run(socket, early).await,
        Mode::Upload => upload::run(socket, early).await,
    };
    log_end(ended);
    None
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
