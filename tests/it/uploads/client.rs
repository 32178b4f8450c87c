//! Upload clients, by socket and by form.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio_tungstenite::tungstenite::Message;

use crate::support::answer::Response;
use crate::support::people::{Caller, Person};
use crate::support::socket::Socket;

/// The path for new files.
pub const UPLOADS: &str = "/api/v1/uploads";
/// The boundary of a form.
const BOUNDARY: &str = "the-edge-of-a-part";

/// Bytes in hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that differ from their neighbours and match no known file type.
pub fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

/// A user's file socket.
pub async fn files(person: &Person<'_>) -> Socket {
    person.socket_request("/ws/file-upload").open().await
}

/// Sends a chunk and returns the answer.
pub async fn chunk(socket: &mut Socket, bytes: &[u8]) -> Value {
    socket.send(Message::binary(bytes.to_vec())).await;
    socket.next().await
}

/// Sends a whole file and returns the last answer.
pub async fn sends(socket: &mut Socket, metadata: Value, bytes: &[u8]) -> Value {
    let ack = socket.request(metadata).await;
    if ack["type"] != "ack" {
        return ack;
    }
    for piece in bytes.chunks(64 * 1024) {
        let answer = chunk(socket, piece).await;
        if answer["type"] != "chunk_received" {
            return answer;
        }
    }
    socket.request(json!({ "type": "complete" })).await
}

/// A user's finished file, by its id.
pub async fn has_file(person: &Person<'_>, filename: &str, bytes: &[u8]) -> String {
    let mut socket = files(person).await;
    let success = sends(&mut socket, json!({ "type": "metadata", "filename": filename }), bytes).await;
    assert_eq!(success["type"], "success", "{success}");
    socket.close().await;
    success["upload_id"].as_str().unwrap().to_owned()
}

/// A form with one file.
pub fn form(filename: &str, kind: &str, bytes: &[u8], more: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    let head = |name: &str, rest: &str| {
        format!("--{BOUNDARY}\r\ncontent-disposition: form-data; name=\"{name}\"{rest}\r\n")
    };
    body.extend(head("file", &format!("; filename=\"{filename}\"")).into_bytes());
    body.extend(format!("content-type: {kind}\r\n\r\n").into_bytes());
    body.extend(bytes);
    body.extend(b"\r\n");
    for (name, value) in more {
        body.extend(head(name, "").into_bytes());
        body.extend(format!("\r\n{value}\r\n").into_bytes());
    }
    body.extend(format!("--{BOUNDARY}--\r\n").into_bytes());
    body
}

/// Sends a form, with a key when there is one.
pub async fn posts(caller: &Caller<'_>, body: Vec<u8>, key: Option<&str>) -> Response {
    let request = caller.app.http.post(caller.app.url(UPLOADS)).bearer_auth(caller.token());
    let request = request.header("content-type", format!("multipart/form-data; boundary={BOUNDARY}"));
    Response::send(
        key.iter().fold(request, |request, key| request.header("idempotency-key", *key)).body(body),
    )
    .await
}

/// A download, with these headers.
pub async fn downloads(
    caller: &Caller<'_>,
    upload_id: &str,
    headers: &[(&str, &str)],
) -> (u16, http::HeaderMap, Vec<u8>) {
    let request = caller.app.http.get(caller.app.url(&content(upload_id))).bearer_auth(caller.token());
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    (status, headers, response.bytes().await.unwrap().to_vec())
}

pub fn content(upload_id: &str) -> String {
    format!("{UPLOADS}/{upload_id}/content")
}

pub fn page(upload_id: &str) -> String {
    format!("{UPLOADS}/{upload_id}")
}

/// The number of files in the node's folder.
pub fn files_on_disk(folder: &std::path::Path) -> usize {
    let entries = |path: std::path::PathBuf| {
        let read = std::fs::read_dir(path).into_iter().flatten();
        read.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()
    };
    let mut waiting = entries(folder.join("uploads"));
    let mut count = 0;
    while let Some(path) = waiting.pop() {
        if path.is_dir() { waiting.extend(entries(path)) } else { count += 1 }
    }
    count
}

/// The part of the quota that the tenant's files use.
pub async fn used(admin: &Caller<'_>) -> u64 {
    let usage = admin.get("/api/v1/usage").await.json();
    let quotas = usage["data"].as_array().unwrap().clone();
    quotas.iter().find(|one| one["quota"] == "upload_bytes").unwrap()["used"].as_u64().unwrap()
}
