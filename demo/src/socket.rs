//! A user's socket, from the client's side: the demo receives what any front end would.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, header};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async};
use url::form_urlencoded::Serializer;

pub(crate) struct SocketClient(WebSocketStream<TcpStream>);

impl SocketClient {
    /// Connects with the credential `token`. With `since`, missed messages come first.
    pub(crate) async fn connect(
        address: SocketAddr,
        token: &str,
        since: Option<&str>,
    ) -> Result<Self, String> {
        let mut url = format!("ws://{address}/ws");
        if let Some(since) = since {
            let query = Serializer::new(String::new()).append_pair("since", since).finish();
            url = format!("{url}?{query}");
        }
        let mut request = url.into_client_request().map_err(error_line)?;
        // In the header rather than in the address, where logs of proxies would show it.
        let bearer = HeaderValue::try_from(format!("Bearer {token}")).map_err(error_line)?;
        request.headers_mut().insert(header::AUTHORIZATION, bearer);
        let stream = TcpStream::connect(address).await.map_err(error_line)?;
        let (socket, _) = client_async(request, stream).await.map_err(error_line)?;
        Ok(Self(socket))
    }

    /// Subscribes to a feed; the confirmation is one of the received messages.
    pub(crate) async fn subscribe(&mut self, feed: &str, since: Option<&str>) -> Result<(), String> {
        let mut request = json!({"type": "subscribe", "subscription": feed});
        if let Some(since) = since {
            request["since"] = json!(since);
        }
        self.0.send(Message::text(request.to_string())).await.map_err(error_line)
    }

    /// The next message. An error says how the connection ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Value, String> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).map_err(error_line),
                Some(Ok(Message::Close(Some(close)))) => {
                    return Err(format!("closed with {} {}", u16::from(close.code), close.reason));
                }
                // Pings are answered by the library while it reads.
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error_line(error)),
                None => return Err("closed".to_owned()),
            }
        }
    }

    pub(crate) async fn close(mut self) {
        // The server may have closed first.
        let _ = self.0.close(None).await;
    }
}

fn error_line(error: impl std::fmt::Display) -> String {
    error.to_string()
}
