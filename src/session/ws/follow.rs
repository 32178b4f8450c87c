//! A socket that follows its tenant's log: one arm for each source of wake-up. Most sockets wait most of the time, so
//! what they wait in is lean, and everything rare (a command, a replay, a farewell) is boxed for as long as it lasts.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::incoming::Incoming;
use super::pace::{Pace, Verdict};
use super::socket::{End, Heard, Socket, others_first};
use crate::domain::limits::quota::Quota;
use crate::hub::{Item, Mailbox, Offer};
use crate::protocol::message::{ErrorMessage, MessagePayload, ServerMessage};
use crate::protocol::problem::{CloseCode, Code};
use crate::protocol::websocket::encode;
use crate::session::commands::Commands;
use crate::session::wish::Wish;

pub(super) struct Following {
    socket: Socket,
    commands: Commands,
    mailbox: Arc<Mailbox>,
    pace: Pace,
}

impl Following {
    /// Joins the log and serves what the client said already. `None`: the socket has ended over it.
    pub(super) async fn begin(socket: Socket, wish: &Wish, early: Vec<u8>) -> io::Result<Option<Box<Self>>> {
        let sessions = Arc::clone(socket.sessions());
        let Some(commands) = Commands::join(&sessions, &socket.seat.connection, wish).await else {
            socket.end(End::of(CloseCode::Overloaded, "the log cannot be read")).await?;
            return Ok(None);
        };
        let pace = Pace::new(sessions.settings.messages_per_second, sessions.clock().steady());
        let mailbox = Arc::clone(commands.follower.mailbox());
        let mut following = Box::new(Self { socket, commands, mailbox, pace });
        let first = following.socket.take_early(early);
        match following.serve(first).await {
            ControlFlow::Continue(()) => Ok(Some(following)),
            ControlFlow::Break(end) => following.socket.end(end).await.map(|()| None),
        }
    }

    /// Runs until either side ends it.
    pub(super) async fn run(mut self: Box<Self>) -> io::Result<()> {
        loop {
            if let ControlFlow::Break(end) = self.turn().await? {
                return Box::pin(self.socket.end(end)).await;
            }
        }
    }

    /// Waits for one thing to happen, and does what it asks for.
    async fn turn(&mut self) -> io::Result<ControlFlow<End>> {
        let Self { socket, commands, mailbox, pace } = self;
        let clock = socket.sessions().clock();
        let rest = pace.rest(clock.steady());
        let rested = async {
            match rest {
                Some(span) => Box::pin(clock.sleep(span)).await,
                None => std::future::pending().await,
            }
        };
        let idle = socket.out.is_empty();
        if !idle {
            commands.follower.pause();
        }
        let due = async {
            // While something is unwritten nothing more is taken; only an end is heard.
            if idle { commands.follower.next().await } else { Err(mailbox.closed().await) }
        };
        tokio::select! {
            batch = due => match batch {
                Ok(items) => self.give(&items).map(ControlFlow::Continue),
                Err(closing) => Ok(ControlFlow::Break(End::Closing(closing))),
            },
            () = rested => Ok(ControlFlow::Continue(())),
            ready = socket.ready(rest.is_none()) => {
                let ready = ready?;
                if ready.is_writable() {
                    socket.write()?;
                }
                match ready.is_readable() && rest.is_none() {
                    true => {
                        let read = socket.read()?;
                        let step = Box::pin(self.serve(read)).await;
                        others_first().await;
                        Ok(step)
                    }
                    false => Ok(ControlFlow::Continue(())),
                }
            }
        }
    }

    /// Puts a batch on its way.
    fn give(&mut self, items: &[Item]) -> io::Result<()> {
        let Socket { out, stream, seat, .. } = &mut self.socket;
        let traffic = &seat.connection.traffic;
        traffic.begins(items);
        if let [only] = items {
            let frame = frame_of(only);
            traffic.gives(1, frame.len() as u64);
            out.send(frame, stream)?;
        } else {
            let before = out.bytes();
            items.iter().for_each(|item| out.push(frame_of(item)));
            traffic.gives(items.len() as u64, (out.bytes() - before) as u64);
            out.write_to(stream)?;
        }
        traffic.leaves(out.bytes());
        Ok(())
    }

    /// Serves what was read, in order.
    async fn serve(&mut self, heard: Heard) -> ControlFlow<End> {
        let Heard { messages, end } = heard;
        let said = messages.iter().any(Incoming::is_said);
        self.socket.count_in(&messages);
        for message in messages {
            match message {
                Incoming::Text(text) => self.serve_text(&text).await?,
                Incoming::Binary(_) => {
                    let words = "this socket takes text only";
                    return ControlFlow::Break(End::of(CloseCode::UnsupportedData, words));
                }
                Incoming::Answer(pong) => match self.paced() {
                    Verdict::Fine | Verdict::TooFast => self.socket.out.push(pong),
                    Verdict::Flood => {}
                    Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
                },
                Incoming::Pong => match self.paced() {
                    Verdict::Fine | Verdict::TooFast | Verdict::Flood => {}
                    Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
                },
                Incoming::Close { code } => return ControlFlow::Break(End::Gone { code: Some(code) }),
            }
        }
        if said {
            self.socket.reads_again();
        }
        end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    async fn serve_text(&mut self, text: &str) -> ControlFlow<End> {
        match self.paced() {
            Verdict::Fine if self.is_within_quota() => self.commands.serve(text).await,
            Verdict::Fine => self.mailbox.offer(quota_used_up()),
            Verdict::TooFast => self.mailbox.offer(too_fast()),
            Verdict::Flood => {}
            Verdict::FarTooLong => return ControlFlow::Break(End::far_too_fast()),
        }
        ControlFlow::Continue(())
    }

    /// Counts a message of this client.
    fn paced(&mut self) -> Verdict {
        let now = self.socket.sessions().clock().steady();
        self.pace.count(now)
    }

    /// Counts a message among those of all the tenant's sockets.
    fn is_within_quota(&self) -> bool {
        let (sessions, tenant_id) = (self.socket.sessions(), self.socket.seat.connection.scope.tenant_id());
        let now = sessions.clock().steady();
        let level = sessions.kernel.limits.take(tenant_id, Quota::MessagesPerSecond, now);
        level.is_none_or(|level| level.refused_for_secs.is_none())
    }
}

/// An item as a frame.
pub(super) fn frame_of(item: &Item) -> bytes::Bytes {
    match item {
        Item::Event(envelope) => envelope.frame.frame().clone(),
        Item::Message { frame, .. } => frame.frame().clone(),
        Item::Beat(_) => encode::ping(&[]),
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Connection;

    /// The size of the future that a function of one argument returns.
    fn future_bytes<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_socket_that_waits_is_lean() {
        let parts = [
            ("the task", future_bytes(Following::run), 512),
            ("the socket and its follower", size_of::<Following>(), 576),
            ("the connection", size_of::<Connection>(), 384),
            ("the mailbox", size_of::<Mailbox>(), 320),
        ];

        let fat: Vec<_> = parts.iter().filter(|(_, bytes, most)| bytes > most).collect();

        assert_eq!(fat, Vec::<&(&str, usize, usize)>::new(), "bytes of {parts:?}");
    }
}
