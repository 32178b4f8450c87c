//! A socket as all that runs on it needs it: its frames both ways, and how it ends.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest as Readiness, Ready};
use tokio::net::TcpStream;

use super::incoming::{self, Incoming};
use super::outgoing::Outgoing;
use crate::hub::Closing;
use crate::protocol::problem::CloseCode;
use crate::protocol::websocket::codes::NO_STATUS;
use crate::protocol::websocket::decode::{Decoder, Unfinished, Violation};
use crate::protocol::websocket::encode;
use crate::session::budget::{Exhausted, Reservation};
use crate::session::registration::ConnectionGuard;
use crate::session::supervisor::ConnectionRegistry;

/// How long a peer has to answer our close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// The same for one that was too slow: it has 15 s to begin to read, and then as long as everybody else.
const SLOW_CLOSE_TIMEOUT: Duration = Duration::from_secs(17);
/// What a peer goes on to say after our close frame is read and dropped: so much as fast as it comes, as much as is on its way
/// from a peer that did not mean it, and then slowly, 16 MiB a second, so that one that means it costs no more.
const UNTHROTTLED_DISCARD_BYTES: usize = 256 * 1024;
const DISCARD_CHUNK_BYTES: usize = 64 * 1024;
const DISCARD_INTERVAL: Duration = Duration::from_millis(4);

/// Something that is kept as long as the stream is: it counts against a limit of whoever made the stream.
pub type StreamPermit = Arc<dyn Send + Sync>;

pub(super) struct Socket {
    pub(super) stream: TcpStream,
    decoder: Decoder,
    read_bytes: u32,
    pub(super) out: Outgoing,
    pub(super) guard: ConnectionGuard,
    /// Bytes of unfinished messages, among those of all sockets. Most sockets keep none, most of the time.
    reserved: Option<Box<Reservation>>,
    budget_scope: BudgetScope,
    _permit: StreamPermit,
}

/// What a client may make the node keep.
pub(super) struct SocketLimits {
    /// Bytes of a message.
    pub(super) message_bytes: usize,
    /// Bytes that are read at a time, which is also what is kept of them as messages while these are served one by one.
    pub(super) read_bytes: usize,
    pub(super) budget_scope: BudgetScope,
}

/// What of a socket's bytes counts against the budget of unfinished messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BudgetScope {
    /// What was received of a message. What is sent has a bound of its own.
    Received,
    /// Also what waits to be sent: the client made it as large as it is.
    ReceivedAndSent,
}

/// What a client did since it was listened to last.
#[derive(Default)]
pub(super) struct ReadBatch {
    pub(super) messages: Vec<Incoming>,
    /// How the socket ends once the messages are served, if it does.
    pub(super) end: Option<SocketEnd>,
}

/// How a socket ends.
pub(super) enum SocketEnd {
    /// We say why.
    Closing(Closing),
    /// The peer said goodbye, or is gone.
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

    /// Waits until there is room for what is unwritten, or, where the peer may speak, bytes of it; for ever where there is
    /// nothing to wait for. A peer that lets too much wait may not speak.
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

    /// Reads what is there, unless the peer has to read first.
    pub(super) fn read(&mut self) -> io::Result<ReadBatch> {
        if self.out.is_full() {
            return Ok(ReadBatch::default());
        }
        let (messages, end) =
            incoming::read(&self.stream, &mut self.decoder, self.read_bytes as usize)?.into_parts();
        Ok(self.track_unfinished(messages, end))
    }

    /// Takes in bytes that arrived before the socket was ours.
    pub(super) fn decode_early(&mut self, mut bytes: Vec<u8>) -> ReadBatch {
        let (messages, end) = incoming::decode(&mut bytes, &mut self.decoder).into_parts();
        self.track_unfinished(messages, end)
    }

    /// Notes since when a message is unfinished and what is kept of it; without room for that the socket ends.
    fn track_unfinished(&mut self, messages: Vec<Incoming>, end: Option<SocketEnd>) -> ReadBatch {
        let has_ended = match self.decoder.unfinished() {
            // Pings and pongs may pass in the middle of a message: they do not begin it anew.
            Some(Unfinished::Message) => messages.iter().any(Incoming::is_data),
            Some(Unfinished::Frame) | None => !messages.is_empty(),
        };
        let now = self.registry().clock().steady();
        let begun = self.decoder.unfinished().map(|_| now);
        self.guard.connection.record_unfinished(begun, has_ended);
        let end = end.or_else(|| self.charge().err());
        ReadBatch { messages, end }
    }

    /// The node was busy with what the client said, and did not read: that time is not the client's.
    pub(super) fn resume_reading(&self) {
        let now = self.registry().clock().steady();
        self.guard.connection.record_activity(now);
        self.guard.connection.record_unfinished(self.decoder.unfinished().map(|_| now), true);
    }

    /// Counts what is kept at this moment.
    pub(super) fn charge(&mut self) -> Result<(), SocketEnd> {
        let sent = match self.budget_scope {
            BudgetScope::Received => 0,
            BudgetScope::ReceivedAndSent => self.out.bytes(),
        };
        let kept = self.decoder.held_bytes() + sent;
        if kept == 0 {
            // Dropped, it gives back what it had.
            self.reserved = None;
            return Ok(());
        }
        let Self { guard: seat, reserved, .. } = self;
        let reserved = reserved.get_or_insert_with(|| {
            Box::new(seat.registry().unfinished_budget.reserve(seat.connection.scope.tenant_id()))
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

    /// Notes the sign of life, and counts what the client said; pings and pongs say nothing.
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

    /// Answers the peer's close frame and lets go. What still waits is written first, as far as the socket takes it.
    fn answer_close(self, code: Option<u16>) -> io::Result<()> {
        let Self { stream, mut out, guard: seat, reserved, _permit: _held, .. } = self;
        // A client that hears the answer may come back at once: its old seat must not be in its way.
        drop((seat, reserved));
        if let Some(code) = code {
            let code = if code == NO_STATUS { CloseCode::Normal.number() } else { code };
            out.push(encode::close(code, ""));
            out.write_to(&stream)?;
        }
        Ok(())
    }

    /// Says goodbye: the close frame goes out and then our end of the stream; the peer's end is awaited, so that no
    /// reset overtakes the frame.
    async fn close_handshake(self, closing: &Closing) -> io::Result<()> {
        let Self { mut stream, mut out, guard: seat, decoder, reserved, _permit: _held, .. } = self;
        // What was received of a message is given back now, not when the peer has parted.
        drop((decoder, reserved));
        let sessions = Arc::clone(seat.registry());
        let clock = sessions.clock();
        let more_time = (closing.code == CloseCode::SlowConsumer).then(|| sessions.slow_closes.try_acquire());
        let more_time = more_time.and_then(Result::ok);
        if more_time.is_some() {
            // It resumes from the last position that it read: what it has not begun to read is read again then.
            out.drop_unsent();
        }
        // Whoever asks why it ended hears of it, also where the socket itself found the reason.
        seat.connection.close(closing.code, &closing.reason);
        // A client that hears the end comes back at once: its old seat must not be in its way.
        drop(seat);
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
                    // The node goes down: nobody has more time than others.
                    () = sessions.stopping().cancelled() => {}
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

/// Lets the thread's other tasks run. A peer that always has more to say would keep the thread for itself: a stream that is
/// ready makes nobody wait, and four such peers once took two threads from everybody else.
pub(super) async fn yield_to_others() {
    tokio::task::yield_now().await;
}

impl SocketEnd {
    pub(super) fn of(code: CloseCode, reason: &str) -> Self {
        Self::Closing(Closing { code, reason: reason.to_owned() })
    }

    /// Over the limit of messages for longer than is borne.
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
