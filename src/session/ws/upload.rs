//! The file socket: chunks go into the file as they are read, and nothing is read while one is on its way to the store. A
//! client that sends faster is slowed by that, whatever it makes of its credit.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::follow::frame_of;
use super::incoming::Incoming;
use super::pace::{Pace, Verdict};
use super::socket::{End, Heard, Socket};
use crate::hub::{Item, Mailbox};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::upload::UploadAnswer;
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::connection::quiet_mailbox;
use crate::session::files::{Files, refusal};
use crate::session::supervisor::Sessions;

/// A socket that files come in through.
struct Receiving {
    socket: Socket,
    files: Files,
    mailbox: Arc<Mailbox>,
    manners: Manners,
}

/// What a client may say besides chunks, and when it is pinged next.
struct Manners {
    pace: Pace,
    most_text: usize,
    heartbeat: Duration,
    ping_at: DateTime<Utc>,
}

pub(super) async fn run(socket: Socket, early: Vec<u8>) -> io::Result<()> {
    let sessions = Arc::clone(socket.sessions());
    let files = Files::new(&sessions, &socket.seat.connection);
    let mailbox = quiet_mailbox(&sessions, &socket.seat.connection);
    let mut receiving = Receiving { socket, files, mailbox, manners: Manners::new(&sessions) };
    let ended = receiving.until_end(early).await;
    // However it ended: what has come is noted first, for the client to go on from there.
    receiving.files.end().await;
    receiving.socket.end(ended?).await
}

impl Receiving {
    async fn until_end(&mut self, early: Vec<u8>) -> io::Result<End> {
        let mut heard = self.socket.take_early(early);
        loop {
            if let ControlFlow::Break(end) = self.take_in(heard).await? {
                return Ok(end);
            }
            heard = match self.next().await? {
                ControlFlow::Continue(heard) => heard,
                ControlFlow::Break(end) => return Ok(end),
            };
        }
    }

    /// What comes next: bytes, a word of the supervisor's, another connection's wish for the file, the time to ping.
    async fn next(&mut self) -> io::Result<ControlFlow<End, Heard>> {
        self.socket.write()?;
        let Self { socket, files, mailbox, manners } = self;
        let clock = socket.sessions().clock();
        let rest = manners.pace.rest(clock.steady());
        tokio::select! {
            taken = mailbox.take() => match taken {
                // Its own pings are enough; what others put in is of the connection.
                Ok(items) => items.iter().filter(|item| !matches!(item, Item::Beat(_))).for_each(|item| push(socket, frame_of(item))),
                Err(closing) => return Ok(ControlFlow::Break(End::Closing(closing))),
            },
            () = files.wanted_elsewhere() => {
                let answer = files.let_go().await;
                say(socket, &answer);
            }
            () = clock.sleep_until(manners.ping_at) => {
                manners.ping_at = socket.sessions().clock().now() + manners.heartbeat;
                push(socket, encode::ping(&[]));
            }
            () = clock.sleep(rest.unwrap_or_default()), if rest.is_some() => {}
            ready = socket.ready(rest.is_none()) => {
                if ready?.is_readable() && rest.is_none() {
                    return socket.read().map(ControlFlow::Continue);
                }
            }
        }
        Ok(ControlFlow::Continue(Heard::default()))
    }

    /// Serves what was read, in order.
    async fn take_in(&mut self, heard: Heard) -> io::Result<ControlFlow<End>> {
        let Heard { messages, end } = heard;
        self.socket.count_in(&messages);
        for message in messages {
            let said = message.is_said();
            if let ControlFlow::Break(end) = self.serve(message).await {
                return Ok(ControlFlow::Break(end));
            }
            // A chunk may have taken long; what the client sent meanwhile is a sign of life too.
            if said {
                self.socket.reads_again();
            }
            self.socket.write()?;
        }
        Ok(end.map_or(ControlFlow::Continue(()), ControlFlow::Break))
    }

    async fn serve(&mut self, message: Incoming) -> ControlFlow<End> {
        let now = self.socket.sessions().clock().steady();
        match message {
            Incoming::Binary(chunk) => {
                if let Some(answer) = self.files.chunk(chunk).await {
                    say(&mut self.socket, &answer);
                }
            }
            Incoming::Text(text) if text.len() > self.manners.most_text => {
                return ControlFlow::Break(End::of(CloseCode::TooBig, "the message is too large"));
            }
            Incoming::Text(text) => match self.manners.pace.count(now) {
                Verdict::Fine => {
                    let answer = self.files.serve(&text).await;
                    say(&mut self.socket, &answer);
                }
                Verdict::TooFast => {
                    let words = "Too many messages: slow down";
                    say(&mut self.socket, &refusal(&Problem::new(Code::RateLimited, words), None));
                }
                Verdict::Flood => {}
                Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
            },
            Incoming::Answer(pong) => match self.manners.pace.count(now) {
                Verdict::Fine | Verdict::TooFast => push(&mut self.socket, pong),
                Verdict::Flood => {}
                Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
            },
            Incoming::Pong => match self.manners.pace.count(now) {
                Verdict::Fine | Verdict::TooFast | Verdict::Flood => {}
                Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
            },
            Incoming::Close { code } => return ControlFlow::Break(End::Gone { code: Some(code) }),
        }
        ControlFlow::Continue(())
    }
}

fn say(socket: &mut Socket, answer: &UploadAnswer) {
    push(socket, TextFrame::new(&answer.to_json()).frame().clone());
}

fn push(socket: &mut Socket, frame: bytes::Bytes) {
    socket.seat.connection.traffic.gives(1, frame.len() as u64);
    socket.out.push(frame);
}

impl Manners {
    fn new(sessions: &Sessions) -> Self {
        let settings = &sessions.settings;
        Self {
            pace: Pace::new(settings.messages_per_second, sessions.clock().steady()),
            most_text: settings.message_bytes,
            heartbeat: settings.heartbeat,
            ping_at: sessions.clock().now() + settings.heartbeat,
        }
    }
}
