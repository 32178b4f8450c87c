//! The socket's task: one arm for each source of wake-up.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest as Readiness, Ready};
use tokio::net::TcpStream;

use super::incoming::{self, Incoming, Read};
use super::outgoing::Outgoing;
use super::pace::{Pace, Verdict};
use crate::domain::limits::quota::Quota;
use crate::hub::{Closing, Item, Offer};
use crate::protocol::message::{ErrorMessage, MessagePayload, ServerMessage};
use crate::protocol::problem::{CloseCode, Code};
use crate::protocol::websocket::codes::NO_STATUS;
use crate::protocol::websocket::decode::Decoder;
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::commands::Commands;
use crate::session::seating::Seat;
use crate::session::supervisor::Sessions;
use crate::session::wish::Wish;

/// How long a peer has to answer our close frame.
const FAREWELL: Duration = Duration::from_secs(2);
/// Beyond this much unwritten nothing more is read: a client that only speaks waits for its own answers.
const MOST_UNWRITTEN: usize = 256 * 1024;

/// What the socket is for.
#[derive(Clone, Debug)]
pub enum Mode {
    /// Events and commands.
    Follow(Wish),
    /// Every message is sent back.
    Echo,
}

/// Runs a connection on an upgraded stream until either side ends it. `early` are bytes that came with the handshake.
pub async fn run(sessions: Arc<Sessions>, seat: Seat, stream: TcpStream, early: Vec<u8>, mode: Mode) {
    let socket = Socket::new(&sessions, seat, stream, &mode);
    let ended = match mode {
        Mode::Follow(wish) => Box::pin(socket.follow(sessions, wish, early)).await,
        Mode::Echo => Box::pin(socket.echo(sessions, early)).await,
    };
    // A peer that went away is the usual end of a connection, not an event.
    if let Err(error) = ended {
        tracing::debug!(%error, "a socket ended");
    }
}

struct Socket {
    stream: TcpStream,
    decoder: Decoder,
    out: Outgoing,
    seat: Seat,
}

/// How a round of reading went.
enum Step {
    GoOn,
    End(Closing),
    /// The peer said goodbye, or is gone.
    Gone {
        code: Option<u16>,
    },
}

impl Socket {
    fn new(sessions: &Sessions, seat: Seat, stream: TcpStream, mode: &Mode) -> Self {
        let most = match mode {
            Mode::Follow(_) => sessions.settings.message_bytes,
            Mode::Echo => sessions.settings.echo_message_bytes,
        };
        Self { stream, decoder: Decoder::new(most), out: Outgoing::default(), seat }
    }

    async fn follow(mut self, sessions: Arc<Sessions>, wish: Wish, mut early: Vec<u8>) -> io::Result<()> {
        let Some(mut commands) = Commands::join(&sessions, &self.seat.connection, &wish).await else {
            return self.farewell(&sessions, &closing(CloseCode::Overloaded, "the log cannot be read")).await;
        };
        let mut pace = Pace::new(sessions.settings.messages_per_second, sessions.clock().steady());
        let first = incoming::decode(&mut early, &mut self.decoder);
        let mut step = self.take(&sessions, &mut commands, &mut pace, first).await;
        drop(early);
        let mailbox = Arc::clone(commands.follower.mailbox());
        loop {
            match step {
                Step::GoOn => {}
                Step::End(closing) => return self.farewell(&sessions, &closing).await,
                Step::Gone { code } => return self.answer_close(code),
            }
            let rest = pace.rest(sessions.clock().steady());
            let readiness = self.readiness(rest);
            step = tokio::select! {
                batch = commands.follower.next(), if self.out.is_empty() => match batch {
                    Ok(items) => {
                        self.give(&items)?;
                        Step::GoOn
                    }
                    Err(closing) => Step::End(closing),
                },
                closing = mailbox.closed(), if !self.out.is_empty() => Step::End(closing),
                () = sessions.clock().sleep(rest.unwrap_or_default()), if rest.is_some() => Step::GoOn,
                ready = ready(&self.stream, readiness) => {
                    let ready = ready?;
                    if ready.is_writable() {
                        self.write()?;
                    }
                    if ready.is_readable() && rest.is_none() && self.out.bytes() < MOST_UNWRITTEN {
                        let read = incoming::read(&self.stream, &mut self.decoder)?;
                        let step = self.take(&sessions, &mut commands, &mut pace, read).await;
                        others_first().await;
                        step
                    } else {
                        Step::GoOn
                    }
                }
            };
        }
    }

    /// Puts a batch on its way.
    fn give(&mut self, items: &[Item]) -> io::Result<()> {
        let before = self.out.bytes();
        items.iter().for_each(|item| self.out.push(frame(item)));
        let traffic = &self.seat.connection.traffic;
        traffic.gives(items.len() as u64, (self.out.bytes() - before) as u64);
        traffic.begins(items);
        self.write()
    }

    /// Writes as much as the system takes now.
    fn write(&mut self) -> io::Result<()> {
        let written = self.out.write_to(&self.stream);
        self.seat.connection.traffic.leaves(self.out.bytes());
        written
    }

    /// What the stream is awaited for, if for anything: while a flooder rests, only to write.
    fn readiness(&self, rest: Option<Duration>) -> Option<Readiness> {
        let reads = rest.is_none() && self.out.bytes() < MOST_UNWRITTEN;
        match (reads, !self.out.is_empty()) {
            (true, false) => Some(Readiness::READABLE),
            (true, true) => Some(Readiness::READABLE | Readiness::WRITABLE),
            (false, true) => Some(Readiness::WRITABLE),
            (false, false) => None,
        }
    }

    /// Serves what was read, in order.
    async fn take(
        &mut self,
        sessions: &Sessions,
        commands: &mut Commands,
        pace: &mut Pace,
        read: Read,
    ) -> Step {
        let (messages, violation) = match read {
            Read::End => return Step::Gone { code: None },
            Read::Messages(messages) => (messages, None),
            Read::Broken(messages, violation) => (messages, Some(violation)),
        };
        let now = sessions.clock().steady();
        if !messages.is_empty() {
            self.seat.connection.heard(now);
            self.count_in(&messages);
        }
        for message in messages {
            match message {
                Incoming::Text(text) => match pace.count(now) {
                    Verdict::Fine => match self.within_quota(sessions, now) {
                        true => commands.serve(&text).await,
                        false => commands.follower.mailbox().offer(quota_used_up()),
                    },
                    Verdict::TooFast => commands.follower.mailbox().offer(too_fast()),
                    Verdict::Flood => {}
                    Verdict::FarTooLong => return Step::End(far_too_long()),
                },
                Incoming::Binary(_) => {
                    return Step::End(closing(CloseCode::UnsupportedData, "this socket takes text only"));
                }
                Incoming::Answer(pong) => match pace.count(now) {
                    Verdict::Fine | Verdict::TooFast => self.out.push(pong),
                    Verdict::Flood => {}
                    Verdict::FarTooLong => return Step::End(far_too_long()),
                },
                Incoming::Pong => match pace.count(now) {
                    Verdict::Fine | Verdict::TooFast | Verdict::Flood => {}
                    Verdict::FarTooLong => return Step::End(far_too_long()),
                },
                Incoming::Close { code } => return Step::Gone { code: Some(code) },
            }
        }
        violation.map_or(Step::GoOn, |violation| Step::End(broken(violation)))
    }

    /// Counts what the client said; pings and pongs say nothing.
    fn count_in(&self, messages: &[Incoming]) {
        let said = messages.iter().filter(|one| matches!(one, Incoming::Text(_) | Incoming::Binary(_)));
        self.seat.connection.traffic.heard(said.count() as u64);
    }

    /// Counts a message among those of all the tenant's sockets.
    fn within_quota(&self, sessions: &Sessions, now: DateTime<Utc>) -> bool {
        let tenant_id = self.seat.connection.scope.tenant_id();
        let level = sessions.kernel.limits.take(tenant_id, Quota::MessagesPerSecond, now);
        level.is_none_or(|level| level.refused_for_secs.is_none())
    }

    async fn echo(mut self, sessions: Arc<Sessions>, mut early: Vec<u8>) -> io::Result<()> {
        let mailbox = crate::session::connection::quiet_mailbox(&sessions, &self.seat.connection);
        let mut read = incoming::decode(&mut early, &mut self.decoder);
        drop(early);
        loop {
            match self.echo_back(read, &sessions) {
                Step::GoOn => {}
                Step::End(closing) => return self.farewell(&sessions, &closing).await,
                Step::Gone { code } => return self.answer_close(code),
            }
            self.out.write_to(&self.stream)?;
            let readiness = self.readiness(None);
            read = tokio::select! {
                closing = mailbox.closed() => return self.farewell(&sessions, &closing).await,
                ready = ready(&self.stream, readiness) => {
                    let ready = ready?;
                    if ready.is_readable() && self.out.bytes() < MOST_UNWRITTEN {
                        others_first().await;
                        incoming::read(&self.stream, &mut self.decoder)?
                    } else {
                        Read::Messages(Vec::new())
                    }
                }
            };
        }
    }

    fn echo_back(&mut self, read: Read, sessions: &Sessions) -> Step {
        let (messages, violation) = match read {
            Read::End => return Step::Gone { code: None },
            Read::Messages(messages) => (messages, None),
            Read::Broken(messages, violation) => (messages, Some(violation)),
        };
        if !messages.is_empty() {
            self.seat.connection.heard(sessions.clock().steady());
            self.count_in(&messages);
        }
        for message in messages {
            match message {
                Incoming::Text(text) => self.out.push(TextFrame::new(&text).frame().clone()),
                Incoming::Binary(bytes) => self.out.push(encode::binary(&bytes)),
                Incoming::Answer(pong) => self.out.push(pong),
                Incoming::Pong => {}
                Incoming::Close { code } => return Step::Gone { code: Some(code) },
            }
        }
        violation.map_or(Step::GoOn, |violation| Step::End(broken(violation)))
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
    async fn farewell(self, sessions: &Sessions, closing: &Closing) -> io::Result<()> {
        let Self { mut stream, mut out, seat, .. } = self;
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
            let mut dropped = [0; 4096];
            while stream.read(&mut dropped).await? > 0 {}
            Ok(())
        };
        tokio::select! {
            parted = parting => parted,
            () = sessions.clock().sleep(FAREWELL) => Ok(()),
        }
    }
}

/// Waits for the stream; for ever where there is nothing to wait for.
async fn ready(stream: &TcpStream, readiness: Option<Readiness>) -> io::Result<Ready> {
    match readiness {
        Some(readiness) => stream.ready(readiness).await,
        None => std::future::pending().await,
    }
}

/// Lets the thread's other tasks run. A peer that always has more to say would keep the thread for itself: a stream that is
/// ready makes nobody wait, and four such peers once took two threads from everybody else.
async fn others_first() {
    tokio::task::yield_now().await;
}

/// An item as a frame.
fn frame(item: &Item) -> bytes::Bytes {
    match item {
        Item::Event(envelope) => envelope.frame.frame().clone(),
        Item::Message { frame, .. } => frame.frame().clone(),
        Item::Beat(_) => encode::ping(&[]),
    }
}

fn broken(violation: crate::protocol::websocket::decode::Violation) -> Closing {
    let code = match violation.close_code() {
        1007 => CloseCode::InvalidPayload,
        1009 => CloseCode::TooBig,
        _ => CloseCode::ProtocolError,
    };
    closing(code, &violation.to_string())
}

fn closing(code: CloseCode, reason: &str) -> Closing {
    Closing { code, reason: reason.to_owned() }
}

fn far_too_long() -> Closing {
    closing(CloseCode::RateLimited, "rate limited;retry_after=10")
}

fn too_fast() -> Offer {
    rate_limited("Too many messages: slow down")
}

fn quota_used_up() -> Offer {
    rate_limited("Your tenant has used up its quota of messages a second; try again in a second")
}

fn rate_limited(words: &str) -> Offer {
    let message = words.to_owned();
    Offer::control(&ServerMessage::Error(ErrorMessage {
        payload: MessagePayload { message: message.clone() },
        message,
        code: Code::RateLimited.row().name.to_owned(),
        reply_to: None,
    }))
}
