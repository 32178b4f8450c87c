//! A socket that follows its tenant's log: one arm for each source of wake-up. Most sockets wait most of the time, so
//! their waiting state is small, and everything rare (a command, a replay, a close) is boxed for as long as it lasts.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::incoming::Incoming;
use super::message_rate::{MessageRate, RateVerdict};
use super::socket::{ReadBatch, Socket, SocketEnd, yield_to_others};
use crate::domain::limits::TenantRate;
use crate::hub::{ControlMessage, Item, Mailbox};
use crate::protocol::message::{ErrorMessage, MessagePayload, ServerMessage};
use crate::protocol::problem::{CloseCode, Code};
use crate::protocol::websocket::encode;
use crate::session::admission::Permit;
use crate::session::commands::Commands;
use crate::session::connect_request::ConnectRequest;

pub(super) struct FollowSocket {
    socket: Socket,
    commands: Commands,
    mailbox: Arc<Mailbox>,
    message_rate: MessageRate,
}

impl FollowSocket {
    /// Joins the log and serves what the client has sent already. `None`: the socket was closed.
    pub(super) async fn begin(
        socket: Socket,
        join_permit: Option<Permit>,
        request: &ConnectRequest,
        early: Vec<u8>,
    ) -> io::Result<Option<Box<Self>>> {
        let registry = Arc::clone(socket.registry());
        let Some(commands) = Commands::join(&socket.guard, join_permit, request).await else {
            socket.close(SocketEnd::of(CloseCode::Overloaded, "the log cannot be read")).await?;
            return Ok(None);
        };
        let pace = MessageRate::new(registry.settings.messages_per_second, registry.clock().steady());
        let mailbox = Arc::clone(commands.follower.mailbox());
        let mut following = Box::new(Self { socket, commands, mailbox, message_rate: pace });
        let first = following.socket.decode_early(early);
        match following.serve(first).await {
            ControlFlow::Continue(()) => Ok(Some(following)),
            ControlFlow::Break(end) => following.socket.close(end).await.map(|()| None),
        }
    }

    /// Runs until either side ends it.
    pub(super) async fn run(mut self: Box<Self>) -> io::Result<()> {
        loop {
            if let ControlFlow::Break(end) = self.step().await? {
                return Box::pin(self.socket.close(end)).await;
            }
        }
    }

    /// Waits for one source of wake-up, and handles it.
    async fn step(&mut self) -> io::Result<ControlFlow<SocketEnd>> {
        let Self { socket, commands, mailbox, message_rate: pace } = self;
        let clock = socket.registry().clock();
        let rest = pace.read_pause(clock.steady());
        let rested = async {
            match rest {
                Some(span) => Box::pin(clock.sleep(span)).await,
                None => std::future::pending().await,
            }
        };
        let idle = socket.out.is_empty();
        if !idle {
            commands.follower.release_replay_permit();
        }
        let due = async {
            // While something is unwritten nothing more is taken; only a close is noticed.
            if idle { commands.follower.next().await } else { Err(mailbox.closed().await) }
        };
        tokio::select! {
            batch = due => match batch {
                Ok(items) => self.write_batch(&items).map(ControlFlow::Continue),
                Err(closing) => Ok(ControlFlow::Break(SocketEnd::Closing(closing))),
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
                        yield_to_others().await;
                        Ok(step)
                    }
                    false => Ok(ControlFlow::Continue(())),
                }
            }
        }
    }

    /// Writes a batch, or queues what the socket does not take.
    fn write_batch(&mut self, items: &[Item]) -> io::Result<()> {
        let Socket { out, stream, guard, .. } = &mut self.socket;
        let traffic = &guard.connection.traffic;
        traffic.record_batch_start(items);
        if let [only] = items {
            let frame = frame_of(only);
            traffic.record_sent(1, frame.len() as u64);
            out.send(frame, stream)?;
        } else {
            let before = out.bytes();
            items.iter().for_each(|item| out.push(frame_of(item)));
            traffic.record_sent(items.len() as u64, (out.bytes() - before) as u64);
            out.write_to(stream)?;
        }
        traffic.record_unwritten(out.bytes());
        Ok(())
    }

    /// Serves what was read, in order.
    async fn serve(&mut self, batch: ReadBatch) -> ControlFlow<SocketEnd> {
        let ReadBatch { messages, end } = batch;
        let said = messages.iter().any(Incoming::is_data);
        self.socket.record_received(&messages);
        for message in messages {
            match message {
                Incoming::Text(text) => self.serve_text(&text).await?,
                Incoming::Binary(_) => {
                    let words = "this socket takes text only";
                    return ControlFlow::Break(SocketEnd::of(CloseCode::UnsupportedData, words));
                }
                Incoming::PongReply(pong) => match self.check_rate() {
                    RateVerdict::Allowed | RateVerdict::TooFast => self.socket.out.push(pong),
                    RateVerdict::Flood => {}
                    RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
                },
                Incoming::Pong => match self.check_rate() {
                    RateVerdict::Allowed | RateVerdict::TooFast | RateVerdict::Flood => {}
                    RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
                },
                Incoming::Close { code } => return ControlFlow::Break(SocketEnd::Gone { code: Some(code) }),
            }
        }
        if said {
            self.socket.resume_reading();
        }
        end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
    }

    async fn serve_text(&mut self, text: &str) -> ControlFlow<SocketEnd> {
        match self.check_rate() {
            RateVerdict::Allowed => match self.is_within_quota().await {
                true => self.commands.serve(text).await,
                false => self.mailbox.offer(quota_used_up()),
            },
            RateVerdict::TooFast => self.mailbox.offer(too_many_messages()),
            RateVerdict::Flood => {}
            RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
        }
        ControlFlow::Continue(())
    }

    /// Counts a message against the client's rate.
    fn check_rate(&mut self) -> RateVerdict {
        let now = self.socket.registry().clock().steady();
        self.message_rate.count(now)
    }

    /// Counts a message against the quota of the tenant's sockets.
    async fn is_within_quota(&self) -> bool {
        let (registry, tenant_id) = (self.socket.registry(), self.socket.guard.connection.scope.tenant_id());
        let now = registry.clock().steady();
        let level = registry.services.limits.take(tenant_id, TenantRate::Messages, now).await;
        level.is_none_or(|level| level.retry_after_secs.is_none())
    }
}

/// An item as a frame.
pub(super) fn frame_of(item: &Item) -> bytes::Bytes {
    match item {
        Item::Event(envelope) => envelope.frame.frame().clone(),
        Item::Message { frame, .. } => frame.frame().clone(),
        Item::Heartbeat(_) => encode::ping(&[]),
    }
}

fn too_many_messages() -> ControlMessage {
    rate_limited("Too many messages: slow down")
}

fn quota_used_up() -> ControlMessage {
    rate_limited("Your tenant has used up its quota of messages a second; try again in a second")
}

fn rate_limited(words: &str) -> ControlMessage {
    let message = words.to_owned();
    ControlMessage::control(&ServerMessage::Error(ErrorMessage {
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
    fn an_idle_socket_stays_within_its_size_limits() {
        let parts = [
            ("its run", future_bytes(FollowSocket::run), 512),
            ("the task", future_bytes(crate::session::ws::run::run), 544),
            ("the socket and its follower", size_of::<FollowSocket>(), 544),
            ("the connection", size_of::<Connection>(), 408),
            ("the mailbox", size_of::<Mailbox>(), 320),
        ];

        let fat: Vec<_> = parts.iter().filter(|(_, bytes, most)| bytes > most).collect();

        assert_eq!(fat, Vec::<&(&str, usize, usize)>::new(), "bytes of {parts:?}");
    }
}
