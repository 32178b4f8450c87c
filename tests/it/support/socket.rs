//! A WebSocket client with timeouts that sees pings, close codes and the order of all messages.

use std::collections::VecDeque;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use super::answer::Response;
use super::app::TestApp;
use super::wait::within;

/// A socket's address with a credential and headers; to be opened, or to get the HTTP answer.
#[derive(Clone)]
pub struct SocketRequest<'a> {
    app: &'a TestApp,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    receive_bytes: Option<u32>,
}

impl<'a> SocketRequest<'a> {
    pub fn new(app: &'a TestApp, path: &str) -> Self {
        let (path, query, headers) = (path.to_owned(), Vec::new(), Vec::new());
        Self { app, path, query, headers, receive_bytes: None }
    }

    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Limits what the client's system buffers before it is read.
    pub fn receive_bytes(mut self, bytes: u32) -> Self {
        self.receive_bytes = Some(bytes);
        self
    }

    fn target(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        format!("{}?{}", self.path, query.finish())
    }

    /// The socket; it must open.
    pub async fn open(self) -> Socket {
        match self.try_open().await {
            Ok(socket) => socket,
            Err(tungstenite::Error::Http(response)) => panic!("no socket but {}", response.status()),
            Err(error) => panic!("no socket: {error}"),
        }
    }

    /// The socket, or why it does not open.
    pub async fn try_open(self) -> Result<Socket, tungstenite::Error> {
        let key = tungstenite::handshake::client::generate_key();
        let request = http::Request::get(format!("ws://{}{}", self.app.address, self.target()))
            .header("host", self.app.address.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", key);
        let headers = self.headers.iter();
        let request =
            headers.fold(request, |request, (name, value)| request.header(name, value)).body(()).unwrap();
        let stream = self.connect().await;
        let opened = within("a handshake", tokio_tungstenite::client_async(request, stream)).await;
        opened.map(|(stream, _)| Socket { stream, skipped: VecDeque::new() })
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().unwrap();
        if let Some(bytes) = self.receive_bytes {
            socket.set_recv_buffer_size(bytes).unwrap();
        }
        socket.connect(self.app.address).await.unwrap()
    }

    /// Requests a socket and returns the HTTP answer, whatever it is.
    pub async fn try_handshake(&self) -> Response {
        let request = self.plain_request().header("connection", "Upgrade").header("upgrade", "websocket");
        let key = STANDARD.encode([7; 16]);
        Response::send(request.header("sec-websocket-version", "13").header("sec-websocket-key", key)).await
    }

    /// Sends a plain GET without WebSocket headers, as from a browser's address bar.
    pub async fn get_without_upgrade(&self) -> Response {
        Response::send(self.plain_request()).await
    }

    fn plain_request(&self) -> reqwest::RequestBuilder {
        let request = self.app.http.get(self.app.url(&self.target()));
        self.headers.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// Messages that were skipped while waiting for another.
    pub skipped: VecDeque<Value>,
}

impl Socket {
    /// The next message.
    #[track_caller]
    pub fn next(&mut self) -> impl Future<Output = Value> {
        within("the next message", async {
            loop {
                match self.frame().await {
                    Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                    Message::Ping(_) | Message::Pong(_) => {}
                    other => panic!("a message was awaited, and {other:?} came"),
                }
            }
        })
    }

    /// The next message of this type; others before it are kept in `skipped`.
    #[track_caller]
    pub fn next_of_type(&mut self, wanted: &str) -> impl Future<Output = Value> {
        within("a message of a type", async move {
            loop {
                let message = self.next().await;
                if message["type"] == wanted {
                    return message;
                }
                self.skipped.push_back(message);
            }
        })
    }

    /// The next `count` messages that are durable: those with a position and a time.
    pub async fn next_durable(&mut self, count: usize) -> Vec<Value> {
        let mut frames = Vec::with_capacity(count);
        while frames.len() < count {
            let message = self.next().await;
            if message["occurred_at"].is_string() {
                frames.push(message);
            }
        }
        frames
    }

    /// Sends a message and waits for its answer.
    pub async fn request(&mut self, mut message: Value) -> Value {
        let id = json!(format!("ask-{}", self.skipped.len()));
        message["id"] = id.clone();
        self.send_json(message).await;
        loop {
            let answer = self.next().await;
            if answer["reply_to"] == id {
                return answer;
            }
            self.skipped.push_back(answer);
        }
    }

    pub async fn send_json(&mut self, message: Value) {
        self.send(Message::text(message.to_string())).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.send(Message::text(text)).await;
    }

    pub async fn send(&mut self, message: Message) {
        within("a message to go out", self.stream.send(message)).await.unwrap();
    }

    /// Like [`Socket::send`], for a socket that may have been closed meanwhile.
    pub async fn try_send(&mut self, message: Message) -> bool {
        within("a message to go out", self.stream.send(message)).await.is_ok()
    }

    /// Waits for the server's ping, which the client answers when it reads the next time.
    #[track_caller]
    pub fn expect_ping(&mut self) -> impl Future<Output = ()> {
        within("a ping", async { while !matches!(self.frame().await, Message::Ping(_)) {} })
    }

    /// Code and reason of the server's close frame, which the client answers; messages before it are kept in
    /// `skipped`.
    #[track_caller]
    pub fn expect_close(&mut self) -> impl Future<Output = (u16, String)> {
        within("the close", async {
            let close = loop {
                match self.frame().await {
                    Message::Text(text) => self.skipped.push_back(serde_json::from_str(&text).unwrap()),
                    Message::Close(Some(close)) => break (close.code.into(), close.reason.to_string()),
                    Message::Close(None) => panic!("closed without a code"),
                    _ => {}
                }
            };
            while let Some(Ok(_)) = self.stream.next().await {}
            let _ = self.stream.get_mut().shutdown().await;
            close
        })
    }

    /// Closes the socket properly, and returns the code that the server answers with.
    pub async fn close(mut self) -> u16 {
        within("a goodbye", self.stream.close(None)).await.unwrap();
        self.expect_close().await.0
    }

    /// The underlying stream, for what a proper client never does.
    pub fn into_stream(self) -> TcpStream {
        self.stream.into_inner()
    }

    async fn frame(&mut self) -> Message {
        match self.stream.next().await {
            Some(Ok(message)) => message,
            Some(Err(error)) => panic!("the socket broke: {error}"),
            None => panic!("the socket ended without a close"),
        }
    }
}
