//! Large files and a server in its own process: its memory use, and that an upload survives its connections and the
//! process.
#![expect(clippy::print_stderr, reason = "a run by hand with a larger file says what it took")]

use std::net::SocketAddr;
use std::path::Path;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::clients::{Admin, with_one_admin};
use crate::support::binary::Server;
use crate::support::wait::within;

const CHUNK: usize = 64 * 1024;
const MIB: usize = 1024 * 1024;

/// The size of the file: 64 MiB, or that of the environment variable.
fn file_bytes() -> usize {
    std::env::var("LOTLINE_UPLOAD_MIB").ok().and_then(|text| text.parse().ok()).unwrap_or(64) * MIB
}

/// The chunk of the file at `at`: every chunk differs, and is computed when it is sent.
fn piece(at: usize, size: usize) -> Vec<u8> {
    let number = (at / CHUNK) as u64;
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(CHUNK);
    while bytes.len() < CHUNK {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(CHUNK.min(size - at));
    bytes
}

fn sha256_of(size: usize) -> String {
    let mut hash = Sha256::new();
    (0..size).step_by(CHUNK).for_each(|at| hash.update(piece(at, size)));
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A sender that respects its credit.
struct Sender {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    upload_id: String,
    at: usize,
}

impl Sender {
    async fn begins(address: SocketAddr, token: &str, size: usize) -> Self {
        let metadata = json!({ "type": "metadata", "filename": "plan.bin", "size": size });
        Self::opens(address, token, metadata).await
    }

    async fn resumes(address: SocketAddr, token: &str, upload_id: &str) -> Self {
        Self::opens(address, token, json!({ "type": "resume", "upload_id": upload_id })).await
    }

    async fn opens(address: SocketAddr, token: &str, first: Value) -> Self {
        let url = format!("ws://{address}/ws/file-upload?token={token}");
        let (mut socket, _) = within("a handshake", connect_async(url)).await.unwrap();
        socket.send(Message::text(first.to_string())).await.unwrap();
        let ack = next(&mut socket).await;
        assert_eq!(ack["type"], "ack", "{ack}");
        let at = usize::try_from(ack["offset"].as_u64().unwrap()).unwrap();
        // Starts at a chunk's beginning; bytes of it that the server has already are sent again.
        Self { socket, upload_id: ack["upload_id"].as_str().unwrap().to_owned(), at }
    }

    /// Sends up to `end`.
    async fn sends(&mut self, end: usize, size: usize) {
        let mut unanswered = 0;
        while self.at < end {
            let begin = self.at / CHUNK * CHUNK;
            let bytes = piece(begin, size).split_off(self.at - begin);
            self.at += bytes.len();
            within("a chunk to go out", self.socket.send(Message::binary(bytes))).await.unwrap();
            unanswered += 1;
            if unanswered == 8 {
                assert_eq!(next(&mut self.socket).await["type"], "chunk_received");
                unanswered -= 1;
            }
        }
        for _ in 0..unanswered {
            assert_eq!(next(&mut self.socket).await["type"], "chunk_received");
        }
    }

    async fn completes(mut self) -> Value {
        self.socket.send(Message::text(json!({ "type": "complete" }).to_string())).await.unwrap();
        next(&mut self.socket).await
    }
}

async fn next(socket: &mut WebSocketStream<MaybeTlsStream<TcpStream>>) -> Value {
    within("an answer", async {
        loop {
            if let Message::Text(text) = socket.next().await.unwrap().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    })
    .await
}

async fn start(folder: &Path) -> (Server, Admin) {
    let server = Server::start(&mut with_one_admin(folder));
    let admin = Admin::of(server.address).await;
    (server, admin)
}

/// Downloads the whole file and hashes it as it arrives.
async fn downloaded(admin: &Admin, upload_id: &str) -> String {
    let url = format!("http://{}/api/v1/uploads/{upload_id}/content", admin.address);
    let mut response = admin.http.get(url).bearer_auth(admin.token()).send().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut hash = Sha256::new();
    while let Some(bytes) = within("bytes", response.chunk()).await.unwrap() {
        hash.update(&bytes);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_file_that_is_cut_five_times_arrives_and_the_memory_does_not_grow_with_it() {
    let (folder, size) = (tempfile::tempdir().unwrap(), file_bytes());
    let (server, admin) = start(folder.path()).await;
    // The one-time cost of a first file: threads for the disk, the socket's buffer.
    let mut first = Sender::begins(server.address, admin.token(), 2 * MIB).await;
    first.sends(2 * MIB, 2 * MIB).await;
    assert_eq!(first.completes().await["type"], "success");
    let before = server.resident_bytes();

    let mut sender = Sender::begins(server.address, admin.token(), size).await;
    let upload_id = sender.upload_id.clone();
    for cut in 1..=5 {
        sender.sends(size * cut / 6 + 1_000, size).await;
        // The connection just ends, without a close frame.
        drop(sender);
        sender = Sender::resumes(server.address, admin.token(), &upload_id).await;
    }
    sender.sends(size, size).await;
    let success = sender.completes().await;
    let wanted = sha256_of(size);
    let read = downloaded(&admin, &upload_id).await;
    let grown = server.peak_resident_bytes().saturating_sub(before);

    eprintln!("{} MiB in 64 KiB chunks, cut five times: memory grew by {} KiB", size / MIB, grown / 1024);
    assert_eq!(
        (success["type"].as_str(), success["sha256"].as_str()),
        (Some("success"), Some(wanted.as_str()))
    );
    assert_eq!(read, wanted);
    assert!(grown < 16 * MIB, "memory grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_form_goes_to_the_store_as_it_comes() {
    let (folder, size) = (tempfile::tempdir().unwrap(), file_bytes());
    let (server, admin) = start(folder.path()).await;
    let before = server.resident_bytes();
    let head = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"plan.bin\"\r\n\r\n";
    let pieces = std::iter::once(head.as_bytes().to_vec())
        .chain((0..size).step_by(CHUNK).map(move |at| piece(at, size)))
        .chain([b"\r\n--edge--\r\n".to_vec()]);
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(pieces.map(Ok::<_, std::io::Error>)));

    let request =
        admin.http.post(format!("http://{}/api/v1/uploads", server.address)).bearer_auth(admin.token());
    let request = request.header("content-type", "multipart/form-data; boundary=edge").body(body);
    let answer = request.send().await.unwrap();
    let (status, text) = (answer.status(), answer.text().await.unwrap());
    let grown = server.peak_resident_bytes().saturating_sub(before);

    assert_eq!(status, 201, "{text}");
    let upload: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(upload["sha256"], sha256_of(size));
    eprintln!("{} MiB as a form: memory grew by {} KiB", size / MIB, grown / 1024);
    assert!(grown < 32 * MIB, "memory grew by {grown} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_goes_on_after_the_server_was_killed() {
    let (folder, size) = (tempfile::tempdir().unwrap(), 40 * MIB);
    let (mut server, mut admin) = start(folder.path()).await;
    let mut sender = Sender::begins(server.address, admin.token(), size).await;
    let upload_id = sender.upload_id.clone();
    let mut offsets = Vec::new();

    for end in [9 * MIB + 77, 23 * MIB, size] {
        sender.sends(end, size).await;
        server.signal(rustix::process::Signal::KILL);
        drop((sender, server));
        (server, admin) = start(folder.path()).await;
        sender = Sender::resumes(server.address, admin.token(), &upload_id).await;
        offsets.push(sender.at);
    }
    sender.sends(size, size).await;
    let success = sender.completes().await;

    let wanted = sha256_of(size);
    assert_eq!(success["sha256"], wanted, "{success}");
    assert_eq!(downloaded(&admin, &upload_id).await, wanted);
    // What was confirmed as stored existed after each kill: everything but the last few megabytes.
    assert!(
        offsets.iter().zip([9, 23, 40]).all(|(at, sent)| at + 8 * MIB + CHUNK > sent * MIB),
        "{offsets:?}"
    );
    drop(server);
}
