//! One example of every message of the file socket.

use serde_json::{Value, json};

use super::commands::TOKEN;
use super::messages::{REQUEST, error};
use super::uploads::{CONTENT, SHA256};
use super::{UUID, after, now};
use crate::base::clock::epoch_seconds;
use crate::protocol::message::{GoingAway, PongPayload, TokenExpiring, TokenRefreshed};
use crate::protocol::upload::{
    CHUNK_BYTES, CREDIT, ChunkReceived, UploadAck, UploadAnswer, UploadCommand, UploadComplete,
    UploadMetadata, UploadPing, UploadPong, UploadRefreshToken, UploadResume, UploadSuccess,
};

const NAME: &str = "remarks.txt";

fn size() -> i64 {
    i64::try_from(CONTENT.len()).unwrap_or_default()
}

/// Every message of the server, once.
pub fn file_answers() -> Vec<UploadAnswer> {
    let reply_to: Option<Value> = Some(json!(REQUEST));
    vec![
        UploadAnswer::Ack(UploadAck {
            upload_id: UUID.to_owned(),
            offset: 0,
            chunk_size: i64::try_from(CHUNK_BYTES).unwrap_or_default(),
            credit: i64::from(CREDIT),
            message: "Metadata received, send chunks".to_owned(),
            reply_to: reply_to.clone(),
        }),
        UploadAnswer::ChunkReceived(ChunkReceived {
            chunk_number: 1,
            offset: size(),
            credit: i64::from(CREDIT),
        }),
        UploadAnswer::Success(UploadSuccess {
            upload_id: UUID.to_owned(),
            size: size(),
            sha256: SHA256.to_owned(),
            message: format!("File {NAME} uploaded"),
            reply_to: reply_to.clone(),
        }),
        UploadAnswer::Error(error(reply_to.clone())),
        UploadAnswer::Pong(UploadPong {
            timestamp: epoch_seconds(now()),
            payload: PongPayload { timestamp: after(0) },
            reply_to: reply_to.clone(),
        }),
        UploadAnswer::TokenExpiring(TokenExpiring { expires_in: 60 }),
        UploadAnswer::TokenRefreshed(TokenRefreshed { expires_at: after(15), reply_to }),
        UploadAnswer::GoingAway(GoingAway { reconnect_after_ms: 1500 }),
    ]
}

/// Every text message of a client, once.
pub fn file_commands() -> Vec<UploadCommand> {
    let id: Option<Value> = Some(json!(REQUEST));
    vec![
        UploadCommand::Metadata(UploadMetadata {
            id: id.clone(),
            filename: NAME.to_owned(),
            size: Some(size()),
            content_type: Some("text/plain".to_owned()),
            sha256: Some(SHA256.to_owned()),
        }),
        UploadCommand::Complete(UploadComplete { id: id.clone() }),
        UploadCommand::Resume(UploadResume { id: id.clone(), upload_id: UUID.to_owned() }),
        UploadCommand::Ping(UploadPing { id: id.clone() }),
        UploadCommand::RefreshToken(UploadRefreshToken { id, token: TOKEN.to_owned() }),
    ]
}
