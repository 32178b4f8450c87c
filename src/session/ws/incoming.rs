//! Reading: bytes from the socket through a scratch buffer that all sockets of a thread share, decoded to messages
//! that may be kept over an await.

use std::cell::RefCell;
use std::io;

use bytes::Bytes;
use tokio::net::TcpStream;

use crate::protocol::websocket::decode::{Decoder, Message, Violation};
use crate::protocol::websocket::encode;

/// Maximum bytes of one read.
pub(super) const SCRATCH_BYTES: usize = 64 * 1024;

thread_local! {
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; SCRATCH_BYTES].into_boxed_slice());
}

/// One message or control frame of a client.
pub(super) enum Incoming {
    Text(String),
    Binary(Bytes),
    /// A ping, as the pong to send back.
    PongReply(Bytes),
    Pong,
    Close {
        code: u16,
    },
}

/// The result of a read.
pub(super) enum Read {
    Messages(Vec<Incoming>),
    /// The peer has closed its side without a close frame.
    Eof,
    /// A protocol violation, after these valid messages.
    Invalid(Vec<Incoming>, Violation),
}

/// Reads once, at most `most` bytes, without waiting.
pub(super) fn read(stream: &TcpStream, decoder: &mut Decoder, most: usize) -> io::Result<Read> {
    BUFFER.with_borrow_mut(|buffer| match stream.try_read(&mut buffer[..most.min(SCRATCH_BYTES)]) {
        Ok(0) => Ok(Read::Eof),
        Ok(count) => Ok(decode(&mut buffer[..count], decoder)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Read::Messages(Vec::new())),
        Err(error) => Err(error),
    })
}

/// Decodes bytes that arrived together with the handshake.
pub(super) fn decode(mut bytes: &mut [u8], decoder: &mut Decoder) -> Read {
    let mut messages = Vec::new();
    loop {
        match decoder.next(&mut bytes) {
            Ok(Some(message)) => messages.push(Incoming::from(message)),
            Ok(None) => return Read::Messages(messages),
            Err(violation) => return Read::Invalid(messages, violation),
        }
    }
}

impl Incoming {
    /// Whether it is a data message; pings and pongs are not.
    pub(super) fn is_data(&self) -> bool {
        matches!(self, Self::Text(_) | Self::Binary(_))
    }
}

impl From<Message<'_>> for Incoming {
    fn from(message: Message<'_>) -> Self {
        match message {
            Message::Text(text) => Self::Text(text.to_owned()),
            Message::Binary(bytes) => Self::Binary(Bytes::copy_from_slice(bytes)),
            Message::Ping(payload) => Self::PongReply(encode::pong(payload)),
            Message::Pong(_) => Self::Pong,
            Message::Close { code, .. } => Self::Close { code },
        }
    }
}
