//! The last step of an upload: the file is checked against its declaration, published and announced.

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::error::{taken_over, wrong_checksum, wrong_size};
use super::incoming::IncomingUpload;
use super::{quota, sniff, view};
use crate::base::clock::epoch_seconds;
use crate::base::ids::UserId;
use crate::blobs::Checkpoint;
use crate::domain::error::Result;
use crate::domain::idempotency::{AnswerSubject, Begin};
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, UploadCompleted};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::upload::Upload;
use crate::storage::uploads::{self, CompletedFile, UploadRow};
use crate::storage::{micros, upload_totals};

impl IncomingUpload {
    /// Checks the file against its declaration, makes it readable and notifies its owner. If that fails, a file that
    /// broke a rule is removed, and one with another failure is kept to be resumed.
    pub async fn complete(self) -> Result<Upload> {
        self.complete_for(|op, _| op).await.map(|(upload, _)| upload)
    }

    /// The same in the context that `context` makes once the file's SHA-256 is known; returns that context too.
    pub async fn complete_for(mut self, context: impl FnOnce(Op, &str) -> Op) -> Result<(Upload, Op)> {
        if let Err(problem) = self.check_size_matches() {
            self.fail(&problem).await;
            return Err(problem);
        }
        match self.seal_and_save(context).await {
            Ok((SaveOutcome::Stored(upload), op)) => Ok((upload, op)),
            Ok((SaveOutcome::AlreadyStored(upload), op)) => {
                // The same file was stored under the same idempotency key meanwhile: this copy is not needed.
                self.discard().await;
                Ok((upload, op))
            }
            Err(problem) => {
                self.fail(&problem).await;
                Err(problem)
            }
        }
    }

    fn check_size_matches(&self) -> Result<()> {
        match self.row.declared_size.map(|size| size.unsigned_abs()) {
            Some(said) if said != self.received => Err(wrong_size(said)),
            _ => Ok(()),
        }
    }

    async fn seal_and_save(&mut self, context: impl FnOnce(Op, &str) -> Op) -> Result<(SaveOutcome, Op)> {
        let (whole, sha256) = self.blob_writer.seal().await?;
        if self.row.declared_sha256.as_ref().is_some_and(|said| *said != sha256) {
            return Err(wrong_checksum());
        }
        // Up to here the upload can be continued; from here on the blob can only be published, as often as necessary.
        self.save_checkpoint(&whole).await?;
        self.op.services.uploads.blobs.publish(&self.key(), &whole).await?;
        let content_type = self.content_type(whole.stored).await?;
        let op = context(self.op.clone(), &sha256);
        let done = self.save(&op, &whole, &content_type, &sha256).await?;
        Ok((done, op))
    }

    /// The type by the first bytes, read from the store: those of an earlier connection are not in memory.
    async fn content_type(&self, size: u64) -> Result<String> {
        let head = 0..size.min(sniff::HEAD_BYTES);
        let blobs = &self.op.services.uploads.blobs;
        let pieces: Vec<Bytes> = blobs.read(&self.key(), head).await?.try_collect().await?;
        let whole = size <= sniff::HEAD_BYTES;
        Ok(sniff::content_type(&pieces.concat(), self.row.declared_type.as_deref(), whole))
    }

    async fn save(
        &self,
        op: &Op,
        whole: &Checkpoint,
        content_type: &str,
        sha256: &str,
    ) -> Result<SaveOutcome> {
        let mut change = match op.begin_idempotent().await? {
            Begin::Execute(change) => change,
            Begin::Replay(answer) => return Ok(SaveOutcome::AlreadyStored(answer)),
        };
        let row = uploads::lock(&change.tx, self.upload_id()).await?;
        let row = row.filter(|row| self.is_ours(row)).ok_or_else(taken_over)?;
        // What was reserved in steps and is not used is released.
        upload_totals::release(&change.tx, row.reserved - quota::signed(whole.stored)).await?;
        let facts = CompletedFile { content_type, sha256, now: micros(op.now()) };
        let row = uploads::complete(&change.tx, &row, facts).await?;
        change.emit(completed_event(op, &row));
        let upload = view::upload(&row)?;
        let subject = AnswerSubject::upload(self.upload_id());
        op.commit_idempotent_about(change, &subject, |_| Ok(upload)).await.map(SaveOutcome::Stored)
    }
}

enum SaveOutcome {
    Stored(Upload),
    /// It was stored before, under the same idempotency key.
    AlreadyStored(Upload),
}

/// The file that was stored under the idempotency key of `op`, when the key belongs to the same file.
pub async fn replay_stored(op: &Op) -> Result<Upload> {
    match op.begin_idempotent().await? {
        Begin::Replay(upload) => Ok(upload),
        // The stored answer has expired in between.
        Begin::Execute(_) => {
            let words = "The answer that was kept has just expired; send the file again.";
            Err(Problem::new(Code::IdempotencyInFlight, words).retry_after(1))
        }
    }
}

fn completed_event(op: &Op, row: &UploadRow) -> Event {
    Event::UploadCompleted {
        owner: UserId(row.user_id),
        message: UploadCompleted {
            upload_id: row.upload_id.to_string(),
            filename: row.filename.clone(),
            content_type: row.content_type.clone().unwrap_or_default(),
            size: row.stored,
            sha256: row.sha256.clone().unwrap_or_default(),
            timestamp: epoch_seconds(op.now()),
            logged: Logged::default(),
        },
    }
}
