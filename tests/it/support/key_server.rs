//! An issuer of foreign tokens: signs with a key pair that it can change, and publishes the public key over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::{DateTime, Utc};
use lotline::auth::token::key_ring::{KeyPairKind, KeyRing, SigningKey};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// Instead of a status: no answer at all.
const NO_RESPONSE: u16 = 0;

pub struct KeyServer {
    pub address: SocketAddr,
    state: Arc<State>,
    running: JoinHandle<()>,
}

#[derive(Default)]
struct State {
    answer: Mutex<(u16, String)>,
    asked: AtomicUsize,
}

/// The key that signs an issuer's tokens at a time.
pub struct IssuerKey {
    pub kid: String,
    pub ring: KeyRing,
    encoding: jsonwebtoken::EncodingKey,
}

impl IssuerKey {
    /// A new Ed25519 key.
    pub fn new() -> Self {
        let pem = SigningKey::generate_pem(KeyPairKind::Ed25519).unwrap();
        let key = SigningKey::from_pem(&pem, DateTime::<Utc>::UNIX_EPOCH).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let der = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap();
        let encoding = jsonwebtoken::EncodingKey::from_ed_der(&der);
        Self { kid: key.kid().to_owned(), ring: KeyRing::new(vec![key]).unwrap(), encoding }
    }

    /// A token with these claims.
    pub fn token(&self, claims: &Value) -> String {
        let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
        header.kid = Some(self.kid.clone());
        jsonwebtoken::encode(&header, claims, &self.encoding).unwrap()
    }
}

impl KeyServer {
    /// A server that publishes no key yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        *state.answer.lock() = (503, String::new());
        let serving = Arc::clone(&state);
        let running = TaskTracker::new().spawn(async move {
            let mut silenced = Vec::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                serving.asked.fetch_add(1, Ordering::SeqCst);
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let (status, body) = serving.answer.lock().clone();
                if status == NO_RESPONSE {
                    // Accepted, read, and never answered.
                    silenced.push(stream);
                    continue;
                }
                let head = format!(
                    "HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { address, state, running }
    }

    pub fn url(&self) -> String {
        format!("http://{}/keys", self.address)
    }

    /// Publishes this public key, and no other.
    pub fn publishes(&self, key: &IssuerKey) {
        self.responds_with(200, key.ring.public_keys().to_string());
    }

    /// Accepts requests from now on without answering them.
    pub fn stops_responding(&self) {
        self.responds_with(NO_RESPONSE, String::new());
    }

    pub fn responds_with(&self, status: u16, body: String) {
        *self.state.answer.lock() = (status, body);
    }

    /// The number of requests.
    pub fn request_count(&self) -> usize {
        self.state.asked.load(Ordering::SeqCst)
    }
}

impl Drop for KeyServer {
    fn drop(&mut self) {
        self.running.abort();
    }
}
