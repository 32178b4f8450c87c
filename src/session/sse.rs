//! A connection carried by server-sent events (WHATWG HTML, section 9.2): the same follower, rendered as text.

use std::fmt::Display;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream;

use super::connect_request::ConnectRequest;
use super::connecting::Joined;
use super::connection::Connection;
use super::connection_guard::ConnectionGuard;
use super::follower::Follower;
use super::log_join::join_log;
use crate::hub::{Closing, Item};
use crate::protocol::problem::{CloseCode, StreamProblem};
use crate::protocol::websocket::encode::TextFrame;

/// How events are named on the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventNames {
    /// Every durable event is named `notification`, as old clients expect; the stream's own messages keep their type.
    Notification,
    /// The event's name is the message's type.
    Type,
}

/// The form of a quiet stream's keep-alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keepalive {
    /// A block of only `id:`, which fires nothing in a browser and updates the last event id of a quiet stream.
    Id,
    /// A comment, for readers that take such a block for a message. It is a line without the end of a block, because
    /// some readers take every end of a block for a message.
    Comment,
}

/// How a stream is written.
#[derive(Clone, Copy, Debug)]
pub struct StreamFormat {
    pub names: EventNames,
    pub keepalive: Keepalive,
}

impl Keepalive {
    /// Writes a keep-alive; `id` is the cursor that the stream has reached.
    pub(super) fn write(self, text: &mut BytesMut, id: impl Display) {
        match self {
            Self::Id => text.put_slice(format!("id: {id}\n\n").as_bytes()),
            Self::Comment => text.put_slice(b": keepalive\n"),
        }
    }
}

/// How long a client waits before it reconnects, in milliseconds.
const RETRY_MS: u32 = 2_000;

struct OpenStream {
    follower: Follower,
    format: StreamFormat,
    /// Kept so that the connection is unregistered when the stream is dropped.
    guard: ConnectionGuard,
}

enum State {
    Open(Box<OpenStream>),
    Ended,
}

/// The body of a stream, until the client disconnects or the connection is closed, with a `problem` event then.
pub async fn stream(
    joined: Joined,
    request: &ConnectRequest,
    style: StreamFormat,
) -> impl Stream<Item = std::io::Result<Bytes>> + Send + use<> {
    let Joined { guard, join_permit } = joined;
    let state = match join_log(&guard, join_permit, request).await {
        Some(follower) => State::Open(Box::new(OpenStream { follower, format: style, guard })),
        None => State::Ended,
    };
    stream::unfold((state, true), |(state, first)| async move {
        let State::Open(mut reading) = state else {
            // The log could not be read: EventSource is made to reconnect rather than to give up.
            return first.then(|| (Ok(log_unreadable_event()), (State::Ended, false)));
        };
        match reading.follower.next().await {
            Ok(items) => {
                let text = render(&items, reading.format, first);
                reading.guard.connection.traffic.record_sent(items.len() as u64, text.len() as u64);
                Some((Ok(text), (State::Open(reading), false)))
            }
            Err(closing) => {
                let text = closing_event(&closing, &reading.guard.connection);
                Some((Ok(text), (State::Ended, false)))
            }
        }
    })
}

fn render(items: &[Item], style: StreamFormat, first: bool) -> Bytes {
    let mut text = BytesMut::new();
    if first {
        text.put_slice(format!("retry: {RETRY_MS}\n").as_bytes());
    }
    for item in items {
        match item {
            Item::Event(envelope) => {
                let name = match style.names {
                    EventNames::Notification => "notification",
                    EventNames::Type => &envelope.kind,
                };
                write_event(&mut text, Some(&envelope.position.to_string()), name, &envelope.frame);
            }
            Item::Message { kind, frame, position, .. } => {
                let id = position.map(|position| position.to_string());
                write_event(&mut text, id.as_deref(), kind, frame);
            }
            Item::Heartbeat(position) => style.keepalive.write(&mut text, position),
        }
    }
    if first && let Some(position) = items.iter().rev().find_map(position_of) {
        style.keepalive.write(&mut text, position);
    }
    text.freeze()
}

fn position_of(item: &Item) -> Option<crate::protocol::position::Position> {
    match item {
        Item::Event(envelope) => Some(envelope.position),
        Item::Message { position, .. } => *position,
        Item::Heartbeat(position) => Some(*position),
    }
}

pub(super) fn write_event(text: &mut BytesMut, id: Option<&str>, name: &str, frame: &TextFrame) {
    if let Some(id) = id {
        text.put_slice(format!("id: {id}\n").as_bytes());
    }
    text.put_slice(format!("event: {name}\ndata: ").as_bytes());
    // Our JSON has no raw line breaks, so one data line carries it.
    text.put_slice(&frame.payload());
    text.put_slice(b"\n\n");
}

/// The event that ends a stream. It is not named `error`: the browser's own handlers would fire.
pub fn problem_event(closing: &Closing) -> Bytes {
    let problem = StreamProblem::new(closing.code, closing.reason.as_str());
    // Texts and a number always serialise.
    let data = serde_json::to_string(&problem).unwrap_or_default();
    Bytes::from(format!("event: problem\ndata: {data}\n\n"))
}

/// The beginning of a stream: the time after which to reconnect.
pub(super) fn retry_line() -> BytesMut {
    BytesMut::from(format!("retry: {RETRY_MS}\n").as_bytes())
}

pub(super) fn log_unreadable_event() -> Bytes {
    let closing = Closing { code: CloseCode::Overloaded, reason: "the log cannot be read".to_owned() };
    end_with_retry(&closing, Some(RETRY_MS.into()))
}

/// The end of a connection's stream, with the reconnect delay that was set for it.
pub(super) fn closing_event(closing: &Closing, connection: &Connection) -> Bytes {
    end_with_retry(closing, connection.retry_after_ms())
}

/// `retry_ms`: where it differs from what the stream began with.
fn end_with_retry(closing: &Closing, retry_ms: Option<u64>) -> Bytes {
    let mut text = BytesMut::new();
    if let Some(retry_ms) = retry_ms {
        text.put_slice(format!("retry: {retry_ms}\n").as_bytes());
    }
    text.put_slice(&problem_event(closing));
    text.freeze()
}
