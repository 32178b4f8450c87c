//! A socket as its modes use it: its frames in both directions, and its close.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest as Readiness, Ready};
use tokio::net::TcpStream;

use super::incoming::{self, Incoming, Read};
use super::outgoing::Outgoing;
use crate::hub::Closing;
use crate::protocol::problem::CloseCode;
use crate::protocol::websocket::codes::NO_STATUS;
use crate::protocol::websocket::decode::{Decoder, Unfinished, Violation};
use crate::protocol::websocket::encode;
use crate::session::budget::{Exhausted, Reservation};
use crate::session::connection_guard::ConnectionGuard;
use crate::session::registry::ConnectionRegistry;

/// How long a peer has to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for a slow consumer: 15 s to begin to read, and then the usual time.
const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(17);
/// What a peer sends after our close frame is read and discarded: this many bytes at any rate, as many as are in
/// flight from a peer that did not expect the close, and then slowly, 16 MiB a second, so that a peer that keeps
/// sending costs no more.
const UNTHROTTLED_DISCARD_BYTES: usize = 256 * 1024;
const DISCARD_CHUNK_BYTES: usize = 64 * 1024;
const DISCARD_INTERVAL: Duration = Duration::from_millis(4);

/// A value that is kept as long as the stream: it counts against a limit of the stream's creator.
pub type StreamPermit = Arc<dyn Send + Sync>;

pub(super) struct Socket {
    pub(super) stream: TcpStream,
    decoder: Decoder,
    read_bytes: u32,
    pub(super) out: Outgoing,
    pub(super) guard: ConnectionGuard,
    /// Bytes of unfinished messages, in the budget of all sockets. Most sockets hold none, most of the time.
    reserved: Option<Box<Reservation>>,
    budget_scope: BudgetScope,
    _permit: StreamPermit,
}

/// Limits on what a client may make the node hold.
pub(super) struct SocketLimits {
    /// Bytes of a message.
    pub(super) message_bytes: usize,
    /// Bytes of one read, which also bounds the messages that are held while they are served one by one.
    pub(super) read_bytes: usize,
    pub(super) budget_scope: BudgetScope,
}

/// Which of a socket's bytes count against the budget of unfinished messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BudgetScope {
    /// What was received of a message. What is sent has a limit of its own.
    Received,
    /// Also what waits to be sent: the client determines its size.
    ReceivedAndSent,
}

/// The result of one read from the client.
#[derive(Default)]
pub(super) struct ReadBatch {
    pub(super) messages: Vec<Incoming>,
    /// How the socket ends once the messages are served, if it does.
    pub(super) end: Option<SocketEnd>,
}

/// How a socket ends.
pub(super) enum SocketEnd {
    /// We close it, for this reason.
    Closing(Closing),
    /// The peer has closed it, or is gone.
    Gone { code: Option<u16> },
}

impl Socket {
    pub(super) fn new(
        guard: ConnectionGuard,
        stream: TcpStream,
        limits: &SocketLimits,
        held: StreamPermit,
    ) -> Self {
        let SocketLimits { message_bytes, read_bytes, budget_scope } = *limits;
        let decoder = Decoder::new(message_bytes);
        let read_bytes = u32::try_from(read_bytes).unwrap_or(u32::MAX);
        let out = Outgoing::default();
        Self { stream, decoder, read_bytes, out, guard, reserved: None, budget_scope, _permit: held }
    }

    pub(super) fn registry(&self) -> &Arc<ConnectionRegistry> {
        self.guard.registry()
    }

    /// Waits until unwritten bytes can be written or, if the peer may send, bytes can be read; for ever if there is
    /// nothing to wait for. A peer with too much unwritten may not send.
    pub(super) async fn ready(&self, may_send: bool) -> io::Result<Ready> {
        let reads = may_send && !self.out.is_full();
        let readiness = match (reads, !self.out.is_empty()) {
            (true, false) => Readiness::READABLE,
            (true, true) => Readiness::READABLE | Readiness::WRITABLE,
            (false, true) => Readiness::WRITABLE,
            (false, false) => return std::future::pending().await,
        };
        self.stream.ready(readiness).await
    }

    /// Reads without waiting, unless the peer has to read first.
    pub(super) fn read(&mut self) -> io::Result<ReadBatch> {
        if self.out.is_full() {
            return Ok(ReadBatch::default());
        }
        let read = incoming::read(&self.stream, &mut self.decoder, self.read_bytes as usize)?;
        Ok(self.track_unfinished(read))
    }

    /// Decodes bytes that arrived together with the handshake.
    pub(super) fn decode_early(&mut self, mut bytes: Vec<u8>) -> ReadBatch {
        let read = incoming::decode(&mut bytes, &mut self.decoder);
        self.track_unfinished(read)
    }

    /// Records since when a message is unfinished and what is held of it; closes the socket without room for that.
    fn track_unfinished(&mut self, read: Read) -> ReadBatch {
        let (messages, end) = match read {
            Read::Messages(messages) => (messages, None),
            Read::Eof => (Vec::new(), Some(SocketEnd::Gone { code: None })),
            Read::Invalid(messages, violation) => (messages, Some(violation.into())),
        };
        let has_ended = match self.decoder.unfinished() {
            // Pings and pongs in the middle of a message do not begin it anew.
            Some(Unfinished::Message) => messages.iter().any(Incoming::is_data),
            Some(Unfinished::Frame) | None => !messages.is_empty(),
        };
        let now = self.registry().clock().steady();
        let begun = self.decoder.unfinished().map(|_| now);
        self.guard.connection.record_unfinished(begun, has_ended);
        let end = end.or_else(|| self.charge().err());
        ReadBatch { messages, end }
    }

    /// The node was busy with the client's message and did not read: that time is no silence of the client.
    pub(super) fn resume_reading(&self) {
        let now = self.registry().clock().steady();
        self.guard.connection.record_activity(now);
        self.guard.connection.record_unfinished(self.decoder.unfinished().map(|_| now), true);
    }

    /// Updates the reservation to what is held now.
    pub(super) fn charge(&mut self) -> Result<(), SocketEnd> {
        let sent = match self.budget_scope {
            BudgetScope::Received => 0,
            BudgetScope::ReceivedAndSent => self.out.bytes(),
        };
        let kept = self.decoder.held_bytes() + sent;
        if kept == 0 {
            // Dropping it releases its bytes.
            self.reserved = None;
            return Ok(());
        }
        let Self { guard, reserved, .. } = self;
        let reserved = reserved.get_or_insert_with(|| {
            Box::new(guard.registry().unfinished_budget.reserve(guard.connection.scope.tenant_id()))
        });
        reserved.resize(kept).map_err(|Exhausted| {
            SocketEnd::of(CloseCode::Overloaded, "too many bytes of unfinished messages; try again later")
        })
    }

    /// Writes as much as the system takes now.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_to(&self.stream);
        self.guard.connection.traffic.record_unwritten(self.out.bytes());
        written
    }

    /// Records activity, and counts the client's messages, without pings and pongs.
    pub(super) fn record_received(&self, messages: &[Incoming]) {
        if messages.is_empty() {
            return;
        }
        let connection = &self.guard.connection;
        connection.record_activity(self.registry().clock().steady());
        connection.traffic.record_received(messages.iter().filter(|one| one.is_data()).count() as u64);
    }

    pub(super) async fn close(self, end: SocketEnd) -> io::Result<()> {
        match end {
            SocketEnd::Closing(closing) => self.close_handshake(&closing).await,
            SocketEnd::Gone { code } => self.answer_close(code),
        }
    }

    /// Answers the peer's close frame and closes. What still waits is written first, as far as the socket takes it.
    fn answer_close(self, code: Option<u16>) -> io::Result<()> {
        let Self { stream, mut out, guard, reserved, _permit: _held, .. } = self;
        // A client may reconnect as soon as it has the answer: its old connection must not count against its limit.
        drop((guard, reserved));
        if let Some(code) = code {
            let code = if code == NO_STATUS { CloseCode::Normal.number() } else { code };
            out.push(encode::close(code, ""));
            out.write_to(&stream)?;
        }
        Ok(())
    }

    /// Closes our side: writes the close frame and shuts the stream down; waits for the peer's end, so that no reset
    /// overtakes the frame.
    async fn close_handshake(self, closing: &Closing) -> io::Result<()> {
        let Self { mut stream, mut out, guard, decoder, reserved, _permit: _held, .. } = self;
        // Partial messages are released now, not when the peer has closed.
        drop((decoder, reserved));
        let registry = Arc::clone(guard.registry());
        let clock = registry.clock();
        let more_time = (closing.code == CloseCode::SlowConsumer).then(|| registry.slow_closes.try_acquire());
        let more_time = more_time.and_then(Result::ok);
        if more_time.is_some() {
            // The client resumes from the last position that it has read: frames not yet begun are sent again then.
            out.drop_unsent();
        }
        // Records the reason, also if the socket itself found it.
        guard.connection.close(closing.code, &closing.reason);
        // A client may reconnect as soon as it has the close: its old connection must not count against its limit.
        drop(guard);
        out.push(encode::close(closing.code.number(), &closing.reason));
        let parting = async {
            while !out.is_empty() {
                stream.writable().await?;
                out.write_to(&stream)?;
            }
            stream.shutdown().await?;
            let (mut dropped, mut freely) = (vec![0; DISCARD_CHUNK_BYTES], UNTHROTTLED_DISCARD_BYTES);
            loop {
                let count = stream.read(&mut dropped).await?;
                if count == 0 {
                    return Ok(());
                }
                freely = freely.saturating_sub(count);
                if freely == 0 {
                    clock.sleep(DISCARD_INTERVAL).await;
                }
            }
        };
        let too_long = async {
            if more_time.is_some() {
                tokio::select! {
                    () = clock.sleep(SLOW_CLOSE_TIMEOUT) => return,
                    // The node stops: slow consumers get no extra time either.
                    () = registry.stopping().cancelled() => {}
                }
            }
            clock.sleep(CLOSE_TIMEOUT).await;
        };
        tokio::select! {
            parted = parting => parted,
            () = too_long => Ok(()),
        }
    }
}

/// Lets the thread's other tasks run. A peer that sends without a pause would otherwise occupy the thread: a ready
/// stream never waits, and four such peers were seen to occupy two threads.
pub(super) async fn yield_to_others() {
    tokio::task::yield_now().await;
}

impl SocketEnd {
    pub(super) fn of(code: CloseCode, reason: &str) -> Self {
        Self::Closing(Closing { code, reason: reason.to_owned() })
    }

    /// Above the message rate for too long.
    pub(super) fn rate_limited() -> Self {
        Self::of(CloseCode::RateLimited, "rate limited;retry_after=10")
    }
}

impl From<Violation> for SocketEnd {
    fn from(violation: Violation) -> Self {
        let code = match violation.close_code() {
            1007 => CloseCode::InvalidPayload,
            1009 => CloseCode::TooBig,
            _ => CloseCode::ProtocolError,
        };
        Self::of(code, &violation.to_string())
    }
}
