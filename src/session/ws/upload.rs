//! The file socket: chunks are appended to the file as they are read, and nothing is read while one is written to the
//! store. That slows down a client that sends too fast, whatever it makes of its credit.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::follow::frame_of;
use super::incoming::Incoming;
use super::message_rate::{MessageRate, RateVerdict};
use super::socket::{ReadBatch, Socket, SocketEnd};
use crate::hub::{Item, Mailbox};
use crate::protocol::problem::{CloseCode, Code, Problem};
use crate::protocol::upload::UploadServerMessage;
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::registry::ConnectionRegistry;
use crate::session::upload_session::{UploadSession, refusal};

/// A socket that receives files.
struct UploadSocket {
    socket: Socket,
    upload: UploadSession,
    mailbox: Arc<Mailbox>,
    state: UploadSocketState,
}

/// The limits on a client's other messages, and the time of the next ping.
struct UploadSocketState {
    message_rate: MessageRate,
    max_text_bytes: usize,
    heartbeat: Duration,
    ping_at: DateTime<Utc>,
}

pub(super) async fn run(socket: Socket, early: Vec<u8>) -> io::Result<()> {
    let registry = Arc::clone(socket.registry());
    let files = UploadSession::new(&registry, &socket.guard.connection);
    let mailbox = socket.guard.connection.attach_control_mailbox(registry.settings.queue_bytes);
    let mut receiving =
        UploadSocket { socket, upload: files, mailbox, state: UploadSocketState::new(&registry) };
    let ended = receiving.run_until_end(early).await;
    // Whatever the end, a checkpoint is saved first, from which the client may resume.
    receiving.upload.end().await;
    receiving.socket.close(ended?).await
}

impl UploadSocket {
    async fn run_until_end(&mut self, early: Vec<u8>) -> io::Result<SocketEnd> {
        let mut batch = self.socket.decode_early(early);
        loop {
            if let ControlFlow::Break(end) = self.serve_batch(batch).await? {
                return Ok(end);
            }
            batch = match self.next().await? {
                ControlFlow::Continue(batch) => batch,
                ControlFlow::Break(end) => return Ok(end),
            };
        }
    }

    /// What comes next: bytes, a message of the supervisor, another connection's takeover, or the time to ping.
    async fn next(&mut self) -> io::Result<ControlFlow<SocketEnd, ReadBatch>> {
        self.socket.write()?;
        let Self { socket, upload: files, mailbox, state } = self;
        let clock = socket.registry().clock();
        let rest = state.message_rate.read_pause(clock.steady());
        tokio::select! {
            taken = mailbox.take() => match taken {
                // The socket has pings of its own; all other items concern the connection.
                Ok(items) => items.iter().filter(|item| !matches!(item, Item::Heartbeat(_))).for_each(|item| push(socket, frame_of(item))),
                Err(closing) => return Ok(ControlFlow::Break(SocketEnd::Closing(closing))),
            },
            () = files.wanted_elsewhere() => {
                let answer = files.release().await;
                send_answer(socket, &answer);
            }
            () = clock.sleep_until(state.ping_at) => {
                state.ping_at = socket.registry().clock().now() + state.heartbeat;
                push(socket, encode::ping(&[]));
            }
            () = clock.sleep(rest.unwrap_or_default()), if rest.is_some() => {}
            ready = socket.ready(rest.is_none()) => {
                if ready?.is_readable() && rest.is_none() {
                    return socket.read().map(ControlFlow::Continue);
                }
            }
        }
        Ok(ControlFlow::Continue(ReadBatch::default()))
    }

    /// Serves what was read, in order.
    async fn serve_batch(&mut self, batch: ReadBatch) -> io::Result<ControlFlow<SocketEnd>> {
        let ReadBatch { messages, end } = batch;
        self.socket.record_received(&messages);
        for message in messages {
            let said = message.is_data();
            if let ControlFlow::Break(end) = self.serve(message).await {
                return Ok(ControlFlow::Break(end));
            }
            // A chunk may have taken long: that time does not count as the client's silence.
            if said {
                self.socket.resume_reading();
            }
            self.socket.write()?;
        }
        Ok(end.map_or(ControlFlow::Continue(()), ControlFlow::Break))
    }

    async fn serve(&mut self, message: Incoming) -> ControlFlow<SocketEnd> {
        let now = self.socket.registry().clock().steady();
        match message {
            Incoming::Binary(chunk) => {
                if let Some(answer) = self.upload.receive_chunk(chunk).await {
                    send_answer(&mut self.socket, &answer);
                }
            }
            Incoming::Text(text) if text.len() > self.state.max_text_bytes => {
                return ControlFlow::Break(SocketEnd::of(CloseCode::TooBig, "the message is too large"));
            }
            Incoming::Text(text) => match self.state.message_rate.count(now) {
                RateVerdict::Allowed => {
                    let answer = self.upload.serve(&text).await;
                    send_answer(&mut self.socket, &answer);
                }
                RateVerdict::TooFast => {
                    let words = "Too many messages: slow down";
                    send_answer(&mut self.socket, &refusal(&Problem::new(Code::RateLimited, words), None));
                }
                RateVerdict::Flood => {}
                RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
            },
            Incoming::PongReply(pong) => match self.state.message_rate.count(now) {
                RateVerdict::Allowed | RateVerdict::TooFast => push(&mut self.socket, pong),
                RateVerdict::Flood => {}
                RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
            },
            Incoming::Pong => match self.state.message_rate.count(now) {
                RateVerdict::Allowed | RateVerdict::TooFast | RateVerdict::Flood => {}
                RateVerdict::Exceeded => return ControlFlow::Break(SocketEnd::rate_limited()),
            },
            Incoming::Close { code } => return ControlFlow::Break(SocketEnd::Gone { code: Some(code) }),
        }
        ControlFlow::Continue(())
    }
}

fn send_answer(socket: &mut Socket, answer: &UploadServerMessage) {
    push(socket, TextFrame::new(&answer.to_json()).frame().clone());
}

fn push(socket: &mut Socket, frame: bytes::Bytes) {
    socket.guard.connection.traffic.record_sent(1, frame.len() as u64);
    socket.out.push(frame);
}

impl UploadSocketState {
    fn new(registry: &ConnectionRegistry) -> Self {
        let settings = &registry.settings;
        Self {
            message_rate: MessageRate::new(settings.messages_per_second, registry.clock().steady()),
            max_text_bytes: settings.message_bytes,
            heartbeat: settings.heartbeat,
            ping_at: registry.clock().now() + settings.heartbeat,
        }
    }
}
