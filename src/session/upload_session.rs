//! The commands of the file socket: files one after the other, through the same use cases as REST. A panicking use
//! case costs an answer, never the socket.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use serde_json::Value;

use super::connection::Connection;
use super::refresh;
use super::registry::ConnectionRegistry;
use crate::auth::permission::Permission;
use crate::base::clock::{epoch_seconds, rfc3339};
use crate::domain::op::{Op, forbidden};
use crate::domain::uploads::{self, IncomingUpload, NewUpload, Resumed};
use crate::protocol::command::CommandError;
use crate::protocol::message::{ErrorMessage, MessagePayload, PongPayload, TokenRefreshed};
use crate::protocol::problem::{Code, Problem, join_errors};
use crate::protocol::upload::{
    CHUNK_BYTES, CREDIT, ChunkReceived, Upload, UploadAck, UploadPong, UploadServerMessage, UploadSuccess,
};
use crate::protocol::upload_command::{self, Metadata, UploadCommand};

/// The uploads of one connection.
pub struct UploadSession {
    registry: Arc<ConnectionRegistry>,
    connection: Arc<Connection>,
    state: State,
}

enum State {
    /// No file was announced.
    Idle,
    Receiving {
        file: Box<IncomingUpload>,
        chunks: i64,
    },
    /// A file was refused or taken over elsewhere. Its remaining chunks are ignored without an answer.
    Refused,
}

impl UploadSession {
    pub fn new(registry: &Arc<ConnectionRegistry>, connection: &Arc<Connection>) -> Self {
        Self { registry: Arc::clone(registry), connection: Arc::clone(connection), state: State::Idle }
    }

    /// Serves one text message.
    pub async fn serve(&mut self, text: &str) -> UploadServerMessage {
        let (reply_to, command) = upload_command::parse(text);
        let command = match command {
            Ok(command) => command,
            Err(
                CommandError::Command { code, message } | CommandError::Subscription { code, message, .. },
            ) => {
                return error(code, message, reply_to);
            }
        };
        let served = AssertUnwindSafe(self.perform(command, reply_to.clone())).catch_unwind().await;
        match served {
            Ok(Ok(answer)) => answer,
            Ok(Err(problem)) => refusal(&problem, reply_to),
            Err(_) => refusal(&self.abandon_after_panic(), reply_to),
        }
    }

    /// Appends a chunk to the file.
    pub async fn receive_chunk(&mut self, chunk: Bytes) -> Option<UploadServerMessage> {
        if matches!(self.state, State::Receiving { .. })
            && !self.connection.principal().may(Permission::Upload)
        {
            // The user's role has changed since the file was begun.
            self.pause(State::Refused).await;
            return Some(refusal(&forbidden(Permission::Upload), None));
        }
        let (file, chunks) = match &mut self.state {
            State::Idle => {
                let words = "Send metadata or resume before the first chunk".to_owned();
                return Some(error("invalid_message", words, None));
            }
            State::Refused => return None,
            State::Receiving { file, chunks } => (file, chunks),
        };
        let taken = AssertUnwindSafe(append_chunk(file, chunk)).catch_unwind().await;
        match taken {
            Ok(Ok(offset)) => {
                *chunks += 1;
                let (chunk_number, credit) = (*chunks, i64::from(CREDIT));
                Some(UploadServerMessage::ChunkReceived(ChunkReceived { chunk_number, offset, credit }))
            }
            Ok(Err(problem)) => {
                self.refuse(&problem).await;
                Some(refusal(&problem, None))
            }
            Err(_) => Some(refusal(&self.abandon_after_panic(), None)),
        }
    }

    /// Waits until another connection asks for the file.
    pub async fn wanted_elsewhere(&self) {
        match &self.state {
            State::Receiving { file, .. } => file.takeover_requested().await,
            State::Idle | State::Refused => std::future::pending().await,
        }
    }

    /// Releases the file to another connection.
    pub async fn release(&mut self) -> UploadServerMessage {
        self.pause(State::Refused).await;
        let words = "Another connection goes on with the file, or it was deleted.";
        refusal(&Problem::new(Code::Conflict, words), None)
    }

    /// The connection ends: saves a checkpoint, from which the sender may resume.
    pub async fn end(mut self) {
        self.pause(State::Idle).await;
    }

    async fn perform(
        &mut self,
        command: UploadCommand,
        reply_to: Option<Value>,
    ) -> Result<UploadServerMessage, Problem> {
        match command {
            UploadCommand::Metadata(metadata) if !metadata.faults.is_empty() => {
                Ok(error("invalid_message", explain(metadata), reply_to))
            }
            UploadCommand::Metadata(Metadata { filename, size, content_type, sha256, .. }) => {
                let new = NewUpload { filename: filename.unwrap_or_default(), size, content_type, sha256 };
                self.pause(State::Refused).await;
                let file = uploads::begin(&self.op().await?, new).await?;
                Ok(self.receive(Box::new(file), reply_to))
            }
            UploadCommand::Resume { upload_id } => {
                self.pause(State::Refused).await;
                let upload_id = upload_id.parse().map_err(|_| Problem::not_found())?;
                match uploads::resume(&self.op().await?, upload_id).await? {
                    Resumed::Receiving(file) => Ok(self.receive(file, reply_to)),
                    Resumed::Complete(upload) => Ok(success(*upload, reply_to)),
                }
            }
            UploadCommand::Complete => self.complete(reply_to).await,
            UploadCommand::Ping => Ok(self.pong(reply_to)),
            UploadCommand::RefreshToken { token } => {
                let expires_at = refresh::refresh(&self.registry, &self.connection, &token).await?;
                let expires_at = rfc3339(expires_at);
                Ok(UploadServerMessage::TokenRefreshed(TokenRefreshed { expires_at, reply_to }))
            }
        }
    }

    fn receive(&mut self, file: Box<IncomingUpload>, reply_to: Option<Value>) -> UploadServerMessage {
        let ack = UploadAck {
            upload_id: file.upload_id().to_string(),
            offset: signed(file.offset()),
            chunk_size: signed(CHUNK_BYTES as u64),
            credit: i64::from(CREDIT),
            message: "Metadata received, send chunks".to_owned(),
            reply_to,
        };
        self.state = State::Receiving { file, chunks: 0 };
        UploadServerMessage::Ack(ack)
    }

    async fn complete(&mut self, reply_to: Option<Value>) -> Result<UploadServerMessage, Problem> {
        match std::mem::replace(&mut self.state, State::Idle) {
            State::Receiving { file, .. } if self.connection.principal().may(Permission::Upload) => {
                Ok(success(file.complete().await?, reply_to))
            }
            State::Receiving { file, .. } => {
                file.pause().await;
                Err(forbidden(Permission::Upload))
            }
            State::Idle | State::Refused => {
                let words = "No file is being received; send metadata or resume first".to_owned();
                Ok(error("invalid_message", words, reply_to))
            }
        }
    }

    fn pong(&self, reply_to: Option<Value>) -> UploadServerMessage {
        let now = self.registry.clock().now();
        let payload = PongPayload { timestamp: rfc3339(now) };
        UploadServerMessage::Pong(UploadPong { timestamp: epoch_seconds(now), payload, reply_to })
    }

    async fn pause(&mut self, next: State) {
        if let State::Receiving { file, .. } = std::mem::replace(&mut self.state, next) {
            file.pause().await;
        }
    }

    async fn refuse(&mut self, problem: &Problem) {
        if let State::Receiving { file, .. } = std::mem::replace(&mut self.state, State::Refused) {
            file.fail(problem).await;
        }
    }

    /// The file may be in any state: it is released, and can be resumed at its last checkpoint.
    fn abandon_after_panic(&mut self) -> Problem {
        tracing::error!(connection.id = %self.connection.id, "receiving a file panicked");
        self.state = State::Refused;
        Problem::internal()
    }

    /// An operation of the user with its current role.
    async fn op(&self) -> Result<Op, Problem> {
        let principal = self.registry.identity.reload_principal(&self.connection.principal()).await?;
        Op::of_caller(&self.registry.services, principal, self.connection.origin.clone())
    }
}

/// Everything that is wrong with metadata of which some fields could not be read.
fn explain(metadata: Metadata) -> String {
    let Metadata { filename, size, content_type, sha256, mut faults } = metadata;
    // A name that is missing is among the faults already.
    let filename = filename.unwrap_or_else(|| "x".to_owned());
    let readable = NewUpload { filename, size, content_type, sha256 };
    faults.extend(uploads::validate(&readable).err().map(|problem| join_errors(&problem.errors)));
    faults.join("; ")
}

async fn append_chunk(file: &mut IncomingUpload, chunk: Bytes) -> Result<i64, Problem> {
    if chunk.len() > CHUNK_BYTES {
        let words = format!("A chunk may have at most {CHUNK_BYTES} bytes; nothing of the file was kept.");
        return Err(Problem::new(Code::PayloadTooLarge, words));
    }
    file.append(chunk).await?;
    Ok(signed(file.offset()))
}

fn success(upload: Upload, reply_to: Option<Value>) -> UploadServerMessage {
    UploadServerMessage::Success(UploadSuccess {
        message: format!("File {} uploaded", upload.filename),
        upload_id: upload.upload_id,
        size: upload.size,
        sha256: upload.sha256.unwrap_or_default(),
        reply_to,
    })
}

/// A problem as an answer on the socket.
pub fn refusal(problem: &Problem, reply_to: Option<Value>) -> UploadServerMessage {
    error(problem.code.row().name, problem.message(), reply_to)
}

fn error(code: &str, message: String, reply_to: Option<Value>) -> UploadServerMessage {
    let payload = MessagePayload { message: message.clone() };
    UploadServerMessage::Error(ErrorMessage { message, payload, code: code.to_owned(), reply_to })
}

fn signed(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
