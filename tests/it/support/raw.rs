//! Raw bytes to and from a port, for what no HTTP client would send.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::wait::within;

pub struct RawConnection {
    pub stream: TcpStream,
    received: Vec<u8>,
}

/// The head of a response, and the body as far as its length was given.
#[derive(Debug)]
pub struct RawResponse {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl RawConnection {
    pub async fn connect(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).await.unwrap())
    }

    /// The same on an existing connection.
    pub fn over(stream: TcpStream) -> Self {
        Self { stream, received: Vec::new() }
    }

    /// The next text of a WebSocket; pings and pongs are skipped. `None`: it has ended.
    pub async fn message(&mut self) -> Option<String> {
        loop {
            match self.frame_of_any_kind().await? {
                (0x81, payload) => return Some(String::from_utf8_lossy(&payload).into_owned()),
                (0x88, _) => return None,
                _ => {}
            }
        }
    }

    /// The close code of a WebSocket; everything before it is skipped.
    pub async fn close_code(&mut self) -> u16 {
        loop {
            match self.frame_of_any_kind().await {
                Some((0x88, payload)) => return u16::from_be_bytes([payload[0], payload[1]]),
                Some(_) => {}
                None => panic!("the stream ended without a close frame"),
            }
        }
    }

    /// Waits for a pong; everything before it is skipped.
    pub async fn expect_pong(&mut self) {
        loop {
            match self.frame_of_any_kind().await {
                Some((0x8a, _)) => return,
                Some(_) => {}
                None => panic!("the stream ended without a pong"),
            }
        }
    }

    async fn frame_of_any_kind(&mut self) -> Option<(u8, Vec<u8>)> {
        while self.received.is_empty() {
            self.read().await?;
        }
        let first = self.received[0];
        self.frame().await.map(|payload| (first, payload))
    }

    /// Sends; an error means that the server has closed already, as its answer will show.
    pub async fn send(&mut self, bytes: &[u8]) {
        let _ = within("bytes to go out", self.stream.write_all(bytes)).await;
    }

    /// Reads one response. `None`: the connection was closed without one.
    pub async fn response(&mut self) -> Option<RawResponse> {
        let end = loop {
            if let Some(at) = find(&self.received, b"\r\n\r\n") {
                break at;
            }
            self.read().await?;
        };
        let head = String::from_utf8_lossy(&self.received[..end]).into_owned();
        self.received.drain(..end + 4);
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
        });
        let length = length.unwrap_or(0);
        while self.received.len() < length {
            self.read().await?;
        }
        let body: Vec<u8> = self.received.drain(..length).collect();
        Some(RawResponse { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }

    /// The payload of the next frame as text.
    pub async fn text_frame(&mut self) -> Option<String> {
        self.frame().await.map(|payload| String::from_utf8_lossy(&payload).into_owned())
    }

    /// The payload of the next short, unmasked frame.
    pub async fn frame(&mut self) -> Option<Vec<u8>> {
        loop {
            if let [_, length, rest @ ..] = self.received.as_slice() {
                let (start, length) = match *length {
                    126 if rest.len() >= 2 => (4, usize::from(u16::from_be_bytes([rest[0], rest[1]]))),
                    short if short < 126 => (2, usize::from(short)),
                    _ => (2, usize::MAX),
                };
                if length != usize::MAX && self.received.len() >= start + length {
                    let frame: Vec<u8> = self.received.drain(..start + length).collect();
                    return Some(frame[start..].to_vec());
                }
            }
            self.read().await?;
        }
    }

    /// Whether the server closes the connection.
    pub async fn is_closed(&mut self) -> bool {
        while self.read().await.is_some() {}
        true
    }

    async fn read(&mut self) -> Option<()> {
        let mut buffer = [0; 4096];
        match within("bytes", self.stream.read(&mut buffer)).await {
            Ok(0) | Err(_) => None,
            Ok(count) => {
                self.received.extend_from_slice(&buffer[..count]);
                Some(())
            }
        }
    }
}

/// A client's frame: final, masked with zeros.
pub fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126, "short frames only");
    let mut frame = vec![0x80 | opcode, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
