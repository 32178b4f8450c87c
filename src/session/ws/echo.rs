//! A socket whose every message is sent back.

use std::io;
use std::ops::ControlFlow;

use super::incoming::Incoming;
use super::socket::{End, Heard, Socket, others_first};
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::connection::quiet_mailbox;

pub(super) async fn run(mut socket: Socket, early: Vec<u8>) -> io::Result<()> {
    let mailbox = quiet_mailbox(socket.sessions(), &socket.seat.connection);
    let mut heard = socket.take_early(early);
    loop {
        if let ControlFlow::Break(end) = send_back(&mut socket, heard) {
            return socket.end(end).await;
        }
        socket.write()?;
        if let Err(end) = socket.charge() {
            return socket.end(end).await;
        }
        heard = tokio::select! {
            closing = mailbox.closed() => return socket.end(End::Closing(closing)).await,
            ready = socket.ready(true) => match ready?.is_readable() {
                true => {
                    others_first().await;
                    socket.read()?
                }
                false => Heard::default(),
            }
        };
    }
}

fn send_back(socket: &mut Socket, heard: Heard) -> ControlFlow<End> {
    let Heard { messages, end } = heard;
    socket.count_in(&messages);
    for message in messages {
        match message {
            Incoming::Text(text) => socket.out.push(TextFrame::new(&text).frame().clone()),
            Incoming::Binary(bytes) => socket.out.push(encode::binary(&bytes)),
            Incoming::Answer(pong) => socket.out.push(pong),
            Incoming::Pong => {}
            Incoming::Close { code } => return ControlFlow::Break(End::Gone { code: Some(code) }),
        }
    }
    end.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}
