//! Clients of a server in another process: what they received, their position, how they were closed.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::support::binary::serve_in;
use crate::support::stream::Stream;
use crate::support::wait::within;

const USERNAME: &str = "root";
const PASSWORD: &str = "a nightingale sang in 1915";

/// A server's command on a folder with one admin and a limit of connections that no test reaches.
pub(super) fn with_one_admin(folder: &Path) -> Command {
    let mut command = serve_in(folder);
    command
        .env("LOTLINE__BOOTSTRAP__TENANT", "acme")
        .env("LOTLINE__BOOTSTRAP__USERNAME", USERNAME)
        .env("LOTLINE__BOOTSTRAP__PASSWORD", PASSWORD)
        .env("LOTLINE__AUTH__PASSWORD_MEMORY_KIB", "64")
        .env("LOTLINE__AUTH__PASSWORD_ITERATIONS", "1")
        .env("LOTLINE__CRAWLER__ENABLED", "false")
        .env("LOTLINE__LIMITS__SOCKETS_PER_USER", "20000")
        .env("LOTLINE__LIMITS__STREAMS_PER_USER", "1000")
        .env("LOTLINE__SERVER__MAX_CONNECTIONS", "20000");
    command
}

/// A client with the admin's token.
#[derive(Clone)]
pub(super) struct Admin {
    pub(super) address: SocketAddr,
    pub(super) http: reqwest::Client,
    pub(super) token: String,
}

impl Admin {
    pub(super) async fn of(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", USERNAME), ("password", PASSWORD)])
            .finish();
        let request = http.post(format!("http://{address}/api/v1/auth/token")).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer: Value =
            serde_json::from_str(&request.send().await.unwrap().text().await.unwrap()).unwrap();
        Self { address, http, token: answer["access_token"].as_str().unwrap().to_owned() }
    }

    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// Whether it was acknowledged.
    pub(super) async fn broadcasts(&self, message: &str) -> bool {
        let request = self.http.post(format!("http://{}/api/v1/admin/broadcast", self.address));
        let request = request.bearer_auth(&self.token).json(&serde_json::json!({ "message": message }));
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    /// A socket, after its first message.
    pub(super) async fn connects(&self, since: Option<&str>) -> Client {
        let since = since.map(|since| format!("&since={since}")).unwrap_or_default();
        let url = format!("ws://{}/ws?token={}{since}", self.address, self.token);
        let (socket, _) = within("a handshake", connect_async(url)).await.unwrap();
        let mut client = Client { carrier: Carrier::Socket(Box::new(socket)), received: Received::default() };
        client.receives_until("connection_established").await;
        client
    }

    /// A stream, after its first message.
    pub(super) async fn streams(&self, since: Option<&str>) -> Client {
        let request = self.http.get(format!("http://{}/sse/events", self.address)).bearer_auth(&self.token);
        let request = since.iter().fold(request, |request, id| request.header("last-event-id", *id));
        let carrier = Carrier::Stream(Box::new(Stream::open(request).await));
        let mut client = Client { carrier, received: Received::default() };
        client.receives_until("connection_established").await;
        client
    }
}

enum Carrier {
    Socket(Box<WebSocketStream<MaybeTlsStream<TcpStream>>>),
    Stream(Box<Stream>),
}

/// What a client has received so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    /// The broadcasts' texts, in order.
    pub(super) broadcasts: Vec<String>,
    pub(super) position: String,
    /// The reconnect delay advised by `going_away`.
    pub(super) advised_ms: Option<u64>,
    /// Close code, and the seconds or milliseconds that came with it.
    pub(super) closed: Option<(u64, u64)>,
}

pub(super) struct Client {
    carrier: Carrier,
    pub(super) received: Received,
}

impl Client {
    /// Receives until a message of this type or a broadcast of this text has come.
    pub(super) async fn receives_until(&mut self, last: &str) {
        while self.receives().await.as_deref() != Some(last) {
            assert!(self.received.closed.is_none(), "closed before {last}: {:?}", self.received);
        }
    }

    /// Receives until it is closed.
    pub(super) async fn receives_until_closed(mut self) -> Received {
        while self.received.closed.is_none() {
            self.receives().await;
        }
        self.received
    }

    pub(super) async fn sends(&mut self, message: &Value) {
        if let Carrier::Socket(socket) = &mut self.carrier {
            within("a message to go out", socket.send(Message::text(message.to_string()))).await.unwrap();
        }
    }

    /// The next message's type, or a broadcast's text.
    async fn receives(&mut self) -> Option<String> {
        let (message, id) = match &mut self.carrier {
            Carrier::Socket(socket) => match within("a frame", socket.next()).await? {
                Ok(Message::Text(text)) => (serde_json::from_str::<Value>(&text).unwrap(), None),
                Ok(Message::Close(Some(close))) => {
                    let seconds = close.reason.strip_prefix("restart;retry_after=").unwrap_or("0");
                    self.received.closed = Some((u16::from(close.code).into(), seconds.parse().unwrap()));
                    return None;
                }
                Ok(_) => return None,
                Err(error) => panic!("cut: {error} after {:?}", self.received),
            },
            Carrier::Stream(stream) => {
                let block = stream.next_block().await.unwrap_or_else(|| panic!("cut: {:?}", self.received));
                let Some(_) = &block.data else {
                    self.received.position = block.id.unwrap_or_default();
                    return None;
                };
                let message = block.json();
                if block.event.as_deref() == Some("problem") {
                    let code = message["close_code"].as_u64().unwrap();
                    self.received.closed = Some((code, block.retry.unwrap_or_default()));
                }
                (message, block.id)
            }
        };
        let position = id.or_else(|| message["position"].as_str().map(str::to_owned));
        self.received.position = position.unwrap_or_else(|| std::mem::take(&mut self.received.position));
        let kind = message["type"].as_str().unwrap_or_default().to_owned();
        if kind == "going_away" {
            self.received.advised_ms = message["reconnect_after_ms"].as_u64();
        }
        if kind != "system_notification" {
            return Some(kind);
        }
        let text = message["message"].as_str().unwrap().to_owned();
        self.received.broadcasts.push(text.clone());
        Some(text)
    }
}
