//! A socket as all that runs on it needs it: its frames both ways, and how it ends.

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
use crate::protocol::websocket::decode::{Decoder, Violation};
use crate::protocol::websocket::encode;
use crate::session::seating::Seat;
use crate::session::supervisor::Sessions;

/// How long a peer has to answer our close frame.
const FAREWELL: Duration = Duration::from_secs(2);
/// What a peer goes on to say after our close frame is read and dropped: so much as fast as it comes, as much as is on its way
/// from a peer that did not mean it, and then slowly, 16 MiB a second, so that one that means it costs no more.
const FREELY_DROPPED: usize = 256 * 1024;
const DROPPED_AT_ONCE: usize = 64 * 1024;
const BETWEEN_DROPS: Duration = Duration::from_millis(4);
/// Beyond this much unwritten nothing more is read: a client that only speaks waits for its own answers.
const MOST_UNWRITTEN: usize = 256 * 1024;

/// Something that is kept as long as the stream is: it counts against a limit of whoever made the stream.
pub type Held = Arc<dyn Send + Sync>;

pub(super) struct Socket {
    pub(super) stream: TcpStream,
    pub(super) decoder: Decoder,
    pub(super) out: Outgoing,
    pub(super) seat: Seat,
    _held: Held,
}

/// How a socket ends.
pub(super) enum End {
    /// We say why.
    Closing(Closing),
    /// The peer said goodbye, or is gone.
    Gone { code: Option<u16> },
}

impl Socket {
    pub(super) fn new(seat: Seat, stream: TcpStream, most_message_bytes: usize, held: Held) -> Self {
        let decoder = Decoder::new(most_message_bytes);
        Self { stream, decoder, out: Outgoing::default(), seat, _held: held }
    }

    pub(super) fn sessions(&self) -> &Arc<Sessions> {
        self.seat.sessions()
    }

    /// Waits until there is room for what is unwritten, or, where the peer may speak, bytes of it; for ever where there is
    /// nothing to wait for. A peer that lets too much wait may not speak.
    pub(super) async fn ready(&self, may_speak: bool) -> io::Result<Ready> {
        let reads = may_speak && self.out.bytes() < MOST_UNWRITTEN;
        let readiness = match (reads, !self.out.is_empty()) {
            (true, false) => Readiness::READABLE,
            (true, true) => Readiness::READABLE | Readiness::WRITABLE,
            (false, true) => Readiness::WRITABLE,
            (false, false) => return std::future::pending().await,
        };
        self.stream.ready(readiness).await
    }

    /// Reads what is there, unless the peer has to read first.
    pub(super) fn read(&mut self) -> io::Result<Read> {
        match self.out.bytes() < MOST_UNWRITTEN {
            true => incoming::read(&self.stream, &mut self.decoder),
            false => Ok(Read::Messages(Vec::new())),
        }
    }

    /// Writes as much as the system takes now.
    pub(super) fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_to(&self.stream);
        self.seat.connection.traffic.leaves(self.out.bytes());
        written
    }

    /// Notes the sign of life, and counts what the client said; pings and pongs say nothing.
    pub(super) fn count_in(&self, messages: &[Incoming]) {
        if messages.is_empty() {
            return;
        }
        let connection = &self.seat.connection;
        connection.heard(self.sessions().clock().steady());
        let said = messages.iter().filter(|one| matches!(one, Incoming::Text(_) | Incoming::Binary(_)));
        connection.traffic.heard(said.count() as u64);
    }

    pub(super) async fn end(self, end: End) -> io::Result<()> {
        match end {
            End::Closing(closing) => self.farewell(&closing).await,
            End::Gone { code } => self.answer_close(code),
        }
    }

    /// Answers the peer's close frame and lets go. What still waits is written first, as far as the socket takes it.
    fn answer_close(mut self, code: Option<u16>) -> io::Result<()> {
        if let Some(code) = code {
            let code = if code == NO_STATUS { CloseCode::Normal.number() } else { code };
            self.out.push(encode::close(code, ""));
            self.out.write_to(&self.stream)?;
        }
        Ok(())
    }

    /// Says goodbye: the close frame goes out and then our end of the stream; the peer's end is awaited, so that no
    /// reset overtakes the frame.
    async fn farewell(self, closing: &Closing) -> io::Result<()> {
        let Self { mut stream, mut out, seat, _held, .. } = self;
        let clock = seat.sessions().clock().clone();
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
            let (mut dropped, mut freely) = (vec![0; DROPPED_AT_ONCE], FREELY_DROPPED);
            loop {
                let count = stream.read(&mut dropped).await?;
                if count == 0 {
                    return Ok(());
                }
                freely = freely.saturating_sub(count);
                if freely == 0 {
                    clock.sleep(BETWEEN_DROPS).await;
                }
            }
        };
        tokio::select! {
            parted = parting => parted,
            () = clock.sleep(FAREWELL) => Ok(()),
        }
    }
}

/// Lets the thread's other tasks run. A peer that always has more to say would keep the thread for itself: a stream that is
/// ready makes nobody wait, and four such peers once took two threads from everybody else.
pub(super) async fn others_first() {
    tokio::task::yield_now().await;
}

impl End {
    pub(super) fn of(code: CloseCode, reason: &str) -> Self {
        Self::Closing(Closing { code, reason: reason.to_owned() })
    }

    /// Over the limit of messages for longer than is borne.
    pub(super) fn far_too_fast() -> Self {
        Self::of(CloseCode::RateLimited, "rate limited;retry_after=10")
    }
}

impl From<Violation> for End {
    fn from(violation: Violation) -> Self {
        let code = match violation.close_code() {
            1007 => CloseCode::InvalidPayload,
            1009 => CloseCode::TooBig,
            _ => CloseCode::ProtocolError,
        };
        Self::of(code, &violation.to_string())
    }
}
