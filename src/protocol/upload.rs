//! Files of users, as the REST routes and the messages of the upload socket show them.

use poem_openapi::{Enum, Object, Union};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::message::{ErrorMessage, GoingAway, PongPayload, TokenExpiring, TokenRefreshed};

/// Bytes of one chunk at most.
pub const CHUNK_BYTES: usize = 1024 * 1024;
/// Maximum number of unanswered chunks.
pub const CREDIT: u32 = 8;

/// The ids of a request in the form that the file queries take.
pub fn id_texts(ids: Option<Vec<Uuid>>) -> Vec<String> {
    ids.unwrap_or_default().iter().map(ToString::to_string).collect()
}

/// The state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum, Serialize, Deserialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum UploadStatus {
    /// Incomplete; the sender may continue.
    Receiving,
    /// Complete.
    Complete,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Object, Serialize, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
pub struct Upload {
    pub upload_id: String,
    pub filename: String,
    pub status: UploadStatus,
    /// Bytes that are stored: the whole file once it is complete.
    pub size: i64,
    /// The media type, by the file's first bytes; once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The media type that the sender declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared_type: Option<String>,
    /// In hexadecimal; once it is complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The id of the user that sent it.
    pub user_id: i64,
    pub created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<String>,
    /// When it is removed unless the sender continues.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
}

/// The client's messages on the upload socket, besides the chunks, which are binary messages.
#[derive(Clone, Debug, Union)]
#[oai(discriminator_name = "type", one_of)]
pub enum UploadClientMessage {
    #[oai(mapping = "metadata")]
    Metadata(UploadMetadata),
    #[oai(mapping = "complete")]
    Complete(CompleteUpload),
    #[oai(mapping = "resume")]
    Resume(ResumeUpload),
    #[oai(mapping = "ping")]
    Ping(UploadPing),
    #[oai(mapping = "refresh_token")]
    RefreshToken(UploadRefreshToken),
}

/// Starts a file; answered with `ack`. One at a time on a socket.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadMetadata {
    /// Returned as `reply_to` on the answer; any message may have it.
    pub id: Option<Value>,
    /// 1 to 255 bytes that every system accepts as a file name: no path, no control or direction characters, none of
    /// `<>:"/\|?*`, no device name that Windows reserves.
    pub filename: String,
    /// Bytes; when it is given, the file must have exactly this size.
    pub size: Option<i64>,
    /// The media type that the sender declares.
    pub content_type: Option<String>,
    /// In hexadecimal; when it is given, the file must have it.
    pub sha256: Option<String>,
}

/// Completes a file; answered with `success`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct CompleteUpload {
    pub id: Option<Value>,
}

/// Resumes a file after a disconnect; answered with `ack` and the offset, or with `success` if it was complete.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ResumeUpload {
    pub id: Option<Value>,
    pub upload_id: String,
}

/// Asks for a `pong`.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadPing {
    pub id: Option<Value>,
}

/// Continues the connection with a newer access token of the same user.
#[derive(Clone, Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadRefreshToken {
    pub id: Option<Value>,
    pub token: String,
}

/// The server's messages on the upload socket.
#[derive(Clone, Debug, Union, Serialize)]
#[oai(discriminator_name = "type", one_of)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum UploadServerMessage {
    #[oai(mapping = "ack")]
    Ack(UploadAck),
    #[oai(mapping = "chunk_received")]
    ChunkReceived(ChunkReceived),
    #[oai(mapping = "success")]
    Success(UploadSuccess),
    #[oai(mapping = "error")]
    Error(ErrorMessage),
    #[oai(mapping = "pong")]
    Pong(UploadPong),
    #[oai(mapping = "token_expiring")]
    TokenExpiring(TokenExpiring),
    #[oai(mapping = "token_refreshed")]
    TokenRefreshed(TokenRefreshed),
    #[oai(mapping = "going_away")]
    GoingAway(GoingAway),
}

/// The client may send chunks.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadAck {
    pub upload_id: String,
    /// Bytes that are stored: the first chunk starts here.
    pub offset: i64,
    /// Bytes of a chunk at most.
    pub chunk_size: i64,
    /// Maximum number of unanswered chunks. A client that sends more is read more slowly.
    pub credit: i64,
    /// `Metadata received, send chunks`.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// A chunk was received; it is not stored durably before `success`, or before a later `ack` covers it.
#[derive(Clone, Debug, Object, Serialize)]
pub struct ChunkReceived {
    /// Counts from 1, since the last `ack`.
    pub chunk_number: i64,
    /// Bytes received in total.
    pub offset: i64,
    /// Maximum number of unanswered chunks.
    pub credit: i64,
}

/// The file is stored.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadSuccess {
    pub upload_id: String,
    pub size: i64,
    /// In hexadecimal.
    pub sha256: String,
    /// `File NAME uploaded`.
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

/// Answers a ping.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadPong {
    pub timestamp: f64,
    pub payload: PongPayload,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Value>,
}

impl UploadServerMessage {
    /// The message as one JSON object.
    pub fn to_json(&self) -> String {
        // Strings, numbers and a client's own JSON always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
