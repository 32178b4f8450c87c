//! A socket that sends every message back.

use std::io;
use std::ops::ControlFlow;

use super::incoming::Incoming;
use super::socket::{ReadBatch, Socket, SocketEnd, yield_to_others};
use crate::protocol::websocket::encode::{self, TextFrame};

pub(super) async fn run(mut socket: Socket, early: Vec<u8>) -> io::Result<()> {
    let mailbox = socket.guard.connection.attach_control_mailbox(socket.registry().settings.queue_bytes);
    let mut batch = socket.decode_early(early);
    loop {
        if let ControlFlow::Break(end) = echo_batch(&mut socket, batch) {
            return socket.close(end).await;
        }
        socket.write()?;
        if let Err(end) = socket.charge() {
            return socket.close(end).await;
        }
        batch = tokio::select! {
            closing = mailbox.closed() => return socket.close(SocketEnd::Closing(closing)).await,
            ready = socket.ready(true) => match ready?.is_readable() {
                true => {
                    yield_to_others().await;
                    socket.read()?
                }
                false => ReadBatch::default(),
            }
        };
    }
}

fn echo_batch(socket: &mut Socket, batch: ReadBatch) -> ControlFlow<SocketEnd> {
    let ReadBatch { messages, end } = batch;
    socket.record_received(&messages);
    for message in messages {
        match message {
            Incoming::Text(text) => socket.out.push(TextFrame::new(&text).frame().clone()),
            Incoming::Binary(bytes) => socket.out.push(encode::binary(&bytes)),
            Incoming::PongReply(pong) => socket.out.push(pong),
            Incoming::Pong => {}
            Incoming::Close { code } => return ControlFlow::Break(SocketEnd::Gone { code: Some(code) }),
        }
    }
    end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}
