//! A TCP stream that tells its connection's [`Exchange`] what it does. It holds no timer and changes no byte.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::exchange::Exchange;

#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    exchange: Arc<Exchange>,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, exchange: Arc<Exchange>) -> Self {
        Self { stream, exchange }
    }

    /// The bare stream, for one who asks for signs of life of his own.
    pub(super) fn into_stream(self) -> TcpStream {
        expect_acknowledgement(&self.stream, None);
        self.stream
    }

    fn note_write(&self, polled: &Poll<io::Result<usize>>) {
        match polled {
            Poll::Pending => self.exchange.write_blocked(),
            Poll::Ready(_) => self.exchange.wrote(),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.exchange.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_write(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.note_write(&polled);
        polled
    }
}

/// Lets the system end the connection when the peer has acknowledged nothing of what we sent for so long. What goes into
/// the system's buffer never blocks, so no write of ours would notice that an event stream's reader has vanished. A system
/// without this ends it by its own, longer time.
pub(super) fn expect_acknowledgement(stream: &TcpStream, within: Option<Duration>) {
    #[cfg(target_os = "linux")]
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_user_timeout(within) {
        tracing::debug!(%error, "the time for acknowledgements stays the system's");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, within);
}
