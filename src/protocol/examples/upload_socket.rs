//! One example of every message of the upload socket.

use serde_json::{Value, json};

use super::commands::TOKEN;
use super::messages::{REQUEST, error};
use super::uploads::{CONTENT, SHA256};
use super::{UUID, after, now};
use crate::base::clock::epoch_seconds;
use crate::protocol::message::{GoingAway, PongPayload, TokenExpiring, TokenRefreshed};
use crate::protocol::upload::{
    CHUNK_BYTES, CREDIT, ChunkReceived, CompleteUpload, ResumeUpload, UploadAck, UploadClientMessage,
    UploadMetadata, UploadPing, UploadPong, UploadRefreshToken, UploadServerMessage, UploadSuccess,
};

const NAME: &str = "remarks.txt";

fn size() -> i64 {
    i64::try_from(CONTENT.len()).unwrap_or_default()
}

/// Every message of the server, once.
pub fn file_answers() -> Vec<UploadServerMessage> {
    let reply_to: Option<Value> = Some(json!(REQUEST));
    vec![
        UploadServerMessage::Ack(UploadAck {
            upload_id: UUID.to_owned(),
            offset: 0,
            chunk_size: i64::try_from(CHUNK_BYTES).unwrap_or_default(),
            credit: i64::from(CREDIT),
            message: "Metadata received, send chunks".to_owned(),
            reply_to: reply_to.clone(),
        }),
        UploadServerMessage::ChunkReceived(ChunkReceived {
            chunk_number: 1,
            offset: size(),
            credit: i64::from(CREDIT),
        }),
        UploadServerMessage::Success(UploadSuccess {
            upload_id: UUID.to_owned(),
            size: size(),
            sha256: SHA256.to_owned(),
            message: format!("File {NAME} uploaded"),
            reply_to: reply_to.clone(),
        }),
        UploadServerMessage::Error(error(reply_to.clone())),
        UploadServerMessage::Pong(UploadPong {
            timestamp: epoch_seconds(now()),
            payload: PongPayload { timestamp: after(0) },
            reply_to: reply_to.clone(),
        }),
        UploadServerMessage::TokenExpiring(TokenExpiring { expires_in: 60 }),
        UploadServerMessage::TokenRefreshed(TokenRefreshed { expires_at: after(15), reply_to }),
        UploadServerMessage::GoingAway(GoingAway { reconnect_after_ms: 1500 }),
    ]
}

/// Every text message of a client, once.
pub fn file_commands() -> Vec<UploadClientMessage> {
    let id: Option<Value> = Some(json!(REQUEST));
    vec![
        UploadClientMessage::Metadata(UploadMetadata {
            id: id.clone(),
            filename: NAME.to_owned(),
            size: Some(size()),
            content_type: Some("text/plain".to_owned()),
            sha256: Some(SHA256.to_owned()),
        }),
        UploadClientMessage::Complete(CompleteUpload { id: id.clone() }),
        UploadClientMessage::Resume(ResumeUpload { id: id.clone(), upload_id: UUID.to_owned() }),
        UploadClientMessage::Ping(UploadPing { id: id.clone() }),
        UploadClientMessage::RefreshToken(UploadRefreshToken { id, token: TOKEN.to_owned() }),
    ]
}
