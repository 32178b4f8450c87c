//! One live connection of a member: a WebSocket or a stream of server-sent events.

use futures_util::StreamExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::Outcome;
use crate::environment::Environment;

/// Connections that are opened at once.
const OPENING: usize = 50;

#[derive(Clone, Copy, Debug)]
pub enum Carrier {
    WebSocket,
    Sse,
}

/// The server's address, and the client for its streams.
#[derive(Clone)]
pub struct Endpoint {
    pub http: reqwest::Client,
    pub url: String,
}

pub enum Feed {
    WebSocket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Sse(Box<reqwest::Response>),
}

impl Feed {
    /// Connects with the token in the query, followed by `more`.
    pub async fn connect(carrier: Carrier, endpoint: &Endpoint, token: &str, more: &str) -> Outcome<Self> {
        match carrier {
            Carrier::WebSocket => {
                let url = endpoint.url.replacen("http://", "ws://", 1);
                // Thousands of default buffers would take more memory than the server.
                let config = WebSocketConfig::default().read_buffer_size(4_096).write_buffer_size(0);
                let url = format!("{url}/ws?token={token}{more}");
                let (socket, _) = connect_async_with_config(url, Some(config), true).await?;
                Ok(Self::WebSocket(Box::new(socket)))
            }
            Carrier::Sse => {
                let url = format!("{}/sse/events?token={token}{more}", endpoint.url);
                let answer = endpoint.http.get(url).send().await?;
                Ok(Self::Sse(Box::new(answer.error_for_status()?)))
            }
        }
    }

    /// The next message; the end of the connection is a failure.
    pub async fn next(&mut self) -> Outcome<Bytes> {
        match self {
            Self::WebSocket(socket) => loop {
                match socket.next().await.ok_or("the socket ended")?? {
                    Message::Text(text) => return Ok(text.into()),
                    Message::Close(frame) => return Err(format!("the socket was closed: {frame:?}").into()),
                    _ => {}
                }
            },
            Self::Sse(answer) => Ok(answer.chunk().await?.ok_or("the stream ended")?),
        }
    }

    /// Waits for the first message, which confirms the connection.
    pub async fn established(&mut self) -> Outcome<()> {
        let first = self.next().await?;
        let first = String::from_utf8_lossy(&first);
        if first.contains("connection_established") {
            return Ok(());
        }
        Err(format!("the first message is {first}").into())
    }

    /// Closes a socket and waits for the server's close frame; a stream is only dropped.
    pub async fn close(self) -> Outcome<()> {
        let Self::WebSocket(mut socket) = self else { return Ok(()) };
        socket.close(None).await?;
        while let Some(Ok(_)) = socket.next().await {}
        Ok(())
    }
}

/// Opens connections of all members in turn, all of them established.
pub async fn open_all(stage: &Environment, carrier: Carrier, count: u32) -> Outcome<Vec<Feed>> {
    let (mut opening, mut feeds) = (JoinSet::new(), Vec::new());
    for number in 0..count as usize {
        if opening.len() >= OPENING
            && let Some(opened) = opening.join_next().await
        {
            feeds.push(opened??);
        }
        let token = stage.member(number).to_owned();
        opening.spawn(open(carrier, stage.endpoint.clone(), token));
    }
    while let Some(opened) = opening.join_next().await {
        feeds.push(opened??);
    }
    Ok(feeds)
}

/// One established connection at the head of the log.
pub async fn open(carrier: Carrier, endpoint: Endpoint, token: String) -> Outcome<Feed> {
    let mut feed = Feed::connect(carrier, &endpoint, &token, "").await?;
    feed.established().await?;
    Ok(feed)
}
