//! A socket whose every message is sent back.

use std::io;
use std::ops::ControlFlow;

use super::incoming::{self, Incoming, Read};
use super::socket::{End, Socket, others_first};
use crate::protocol::websocket::encode::{self, TextFrame};
use crate::session::connection::quiet_mailbox;

pub(super) async fn run(mut socket: Socket, mut early: Vec<u8>) -> io::Result<()> {
    let mailbox = quiet_mailbox(socket.sessions(), &socket.seat.connection);
    let mut read = incoming::decode(&mut early, &mut socket.decoder);
    loop {
        if let ControlFlow::Break(end) = send_back(&mut socket, read) {
            return socket.end(end).await;
        }
        socket.write()?;
        read = tokio::select! {
            closing = mailbox.closed() => return socket.end(End::Closing(closing)).await,
            ready = socket.ready(true) => match ready?.is_readable() {
                true => {
                    others_first().await;
                    socket.read()?
                }
                false => Read::Messages(Vec::new()),
            }
        };
    }
}

fn send_back(socket: &mut Socket, read: Read) -> ControlFlow<End> {
    let (messages, violation) = match read {
        Read::End => return ControlFlow::Break(End::Gone { code: None }),
        Read::Messages(messages) => (messages, None),
        Read::Broken(messages, violation) => (messages, Some(violation)),
    };
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
    violation.map_or(ControlFlow::Continue(()), |violation| ControlFlow::Break(violation.into()))
}
