//! A TCP stream that updates its connection's [`ConnectionState`]. It has no timer, and changes no bytes but those
//! with which hyper refuses an unreadable head.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::connection_state::{ConnectionState, Phase};
use super::head_refusal::{HeadRefusalContext, PartialHead, with_problem};

/// At most this much of what follows a refused head, or of an unread body, is read and dropped: a peer that is still
/// sending when we close gets a reset, and may lose the answer that explains why.
const DRAIN_BYTES: usize = 64 * 1024 * 1024;

/// How many times 16 KiB are read for the fields of a refused head.
const AHEAD_READS: usize = 8;

#[derive(Debug)]
pub(super) struct TrackedStream {
    stream: TcpStream,
    connection_state: Arc<ConnectionState>,
    head_refusals: HeadRefusalContext,
    partial_head: PartialHead,
    refusal: Option<PendingRefusal>,
    /// Bytes that may be read and dropped after our end is closed.
    to_drain: Option<usize>,
}

/// The refusal of an unreadable head, as far as it is not written yet.
#[derive(Debug)]
struct PendingRefusal {
    unsent: Bytes,
}

impl TrackedStream {
    pub(super) fn new(
        stream: TcpStream,
        connection_state: Arc<ConnectionState>,
        head_refusals: HeadRefusalContext,
    ) -> Self {
        Self {
            stream,
            connection_state,
            head_refusals,
            partial_head: PartialHead::default(),
            refusal: None,
            to_drain: None,
        }
    }

    /// The bare stream, for a caller that detects dead peers by itself.
    pub(super) fn into_stream(self) -> TcpStream {
        set_user_timeout(&self.stream, None);
        self.stream
    }

    /// Records the beginning of a head until its request is being answered.
    fn record_head_bytes(&mut self, bytes: &[u8]) {
        match self.connection_state.phase() {
            Phase::Head => self.partial_head.add(bytes),
            Phase::Fresh | Phase::Busy | Phase::Idle => self.partial_head.clear(),
        }
    }

    fn record_write(&self, polled: &Poll<io::Result<usize>>) {
        match polled {
            Poll::Pending => self.connection_state.record_write_blocked(),
            Poll::Ready(_) => self.connection_state.record_write(),
        }
    }

    /// Replaces what hyper writes while no request is being answered, if it is its own refusal. The head may have
    /// arrived together with the request before it, without a read of its own.
    fn replace_head_refusal(&mut self, written: &[u8]) -> bool {
        if self.refusal.is_some() || self.connection_state.phase() == Phase::Busy {
            return false;
        }
        if with_problem(written, &self.partial_head, &self.head_refusals).is_none() {
            return false;
        }
        // The connection ends with this: what follows is not served.
        self.read_ahead();
        let Some(unsent) = with_problem(written, &self.partial_head, &self.head_refusals) else {
            return false;
        };
        self.refusal = Some(PendingRefusal { unsent });
        self.to_drain = Some(DRAIN_BYTES);
        // From here on the time limit of a head applies.
        self.connection_state.record_read();
        true
    }

    /// Reads the rest of a head that is too large, as far as it came: the page's origin may follow the large field.
    fn read_ahead(&mut self) {
        let mut scratch = [0; 16 * 1024];
        for _ in 0..AHEAD_READS {
            match self.stream.try_read(&mut scratch) {
                Ok(count) if count > 0 => self.partial_head.add(&scratch[..count]),
                _ => break,
            }
        }
    }

    fn poll_refusal(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(unsent) =
            self.refusal.as_ref().map(|refusal| &refusal.unsent).filter(|unsent| unsent.has_remaining())
        {
            let polled = Pin::new(&mut self.stream).poll_write(cx, unsent);
            self.record_write(&polled);
            let count = ready!(polled)?;
            if let Some(refusal) = &mut self.refusal {
                refusal.unsent.advance(count);
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads on after the refusal until the peer has read it and closes. The time limit of a head ends this too.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(to_drain) = &mut self.to_drain else { return Poll::Ready(Ok(())) };
        let mut scratch = [0; 16 * 1024];
        while *to_drain > 0 {
            let mut buffer = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            match buffer.filled().len() {
                0 => break,
                count => *to_drain = to_drain.saturating_sub(count),
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for TrackedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.connection_state.record_read();
            self.record_head_bytes(&buffer.filled()[before..]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for TrackedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.replace_head_refusal(bytes) {
            return Poll::Ready(Ok(bytes.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.record_write(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_refusal(cx))?;
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        // Closing with a partly read body would reset the connection, and the answer might be lost with it.
        if self.to_drain.is_none() && self.connection_state.is_body_unread() {
            self.to_drain = Some(DRAIN_BYTES);
            self.connection_state.record_read();
        }
        self.poll_drain(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // hyper's refusal is only a head, so it comes in one slice, whatever was left before it.
        if let [head] = slices
            && self.replace_head_refusal(head)
        {
            return Poll::Ready(Ok(head.len()));
        }
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.record_write(&polled);
        polled
    }
}

/// Lets the system end the connection when the peer has acknowledged nothing for `within`. Writes into the system's
/// buffer never block, so no write of ours would notice that an event stream's reader has vanished. A system without
/// this option ends the connection after its own, longer time.
pub(super) fn set_user_timeout(stream: &TcpStream, within: Option<Duration>) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(within) {
        tracing::debug!(%error, "the time for acknowledgements stays the system's");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, within);
}
