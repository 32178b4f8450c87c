//! The last step: the file is whole, is what it was said to be, and is told of.

use bytes::Bytes;
use futures_util::TryStreamExt;

use super::receiving::{Receiving, taken, wrong_size};
use super::{quota, sniff, view};
use crate::base::clock::epoch_seconds;
use crate::base::ids::UserId;
use crate::blobs::Checkpoint;
use crate::domain::error::Result;
use crate::domain::idempotency::{Begun, Subject};
use crate::domain::op::Op;
use crate::protocol::event::Event;
use crate::protocol::message::UploadCompleted;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::upload::Upload;
use crate::storage::uploads::{self, UploadRow, Whole};
use crate::storage::{micros, upload_totals};

impl Receiving {
    /// Checks the file against what was said of it, makes it readable and tells its owner. After a refusal nothing of a
    /// file that broke a rule is kept; one that met trouble waits.
    pub async fn complete(self) -> Result<Upload> {
        self.complete_for(|op, _| op).await.map(|(upload, _)| upload)
    }

    /// The same under what `context` makes of the work once the file's SHA-256 is known, which is given back.
    pub async fn complete_for(mut self, context: impl FnOnce(Op, &str) -> Op) -> Result<(Upload, Op)> {
        if let Err(problem) = self.check_whole() {
            self.fail(&problem).await;
            return Err(problem);
        }
        match self.seal_and_save(context).await {
            Ok((Done::Stored(upload), op)) => Ok((upload, op)),
            Ok((Done::Before(upload), op)) => {
                // The same file was stored under the same key meanwhile: this copy is not needed.
                self.discard().await;
                Ok((upload, op))
            }
            Err(problem) => {
                self.fail(&problem).await;
                Err(problem)
            }
        }
    }

    fn check_whole(&self) -> Result<()> {
        match self.row.declared_size.map(|size| size.unsigned_abs()) {
            Some(said) if said != self.received => Err(wrong_size(said)),
            _ => Ok(()),
        }
    }

    async fn seal_and_save(&mut self, context: impl FnOnce(Op, &str) -> Op) -> Result<(Done, Op)> {
        let (whole, sha256) = self.growing.seal().await?;
        if self.row.declared_sha256.as_ref().is_some_and(|said| *said != sha256) {
            return Err(wrong_checksum());
        }
        // Up to here the store can be gone on with; from here on it is only to be published, as often as need be.
        self.note(&whole).await?;
        self.op.kernel.uploads.blobs.publish(&self.key(), &whole).await?;
        let content_type = self.content_type(whole.stored).await?;
        let op = context(self.op.clone(), &sha256);
        let done = self.save(&op, &whole, &content_type, &sha256).await?;
        Ok((done, op))
    }

    /// What the first bytes say, as they stand in the store: those of an earlier sitting are not in memory.
    async fn content_type(&self, size: u64) -> Result<String> {
        let head = 0..size.min(sniff::HEAD_BYTES);
        let blobs = &self.op.kernel.uploads.blobs;
        let pieces: Vec<Bytes> = blobs.read(&self.key(), head).await?.try_collect().await?;
        let whole = size <= sniff::HEAD_BYTES;
        Ok(sniff::content_type(&pieces.concat(), self.row.declared_type.as_deref(), whole))
    }

    async fn save(&self, op: &Op, whole: &Checkpoint, content_type: &str, sha256: &str) -> Result<Done> {
        let mut change = match op.begin_once().await? {
            Begun::First(change) => change,
            Begun::Again(answer) => return Ok(Done::Before(answer)),
        };
        let row = uploads::lock(&change.tx, self.upload_id()).await?;
        let row = row.filter(|row| self.is_ours(row)).ok_or_else(taken)?;
        // Of what was reserved in steps the rest is free again.
        upload_totals::give_back(&change.tx, row.reserved - quota::signed(whole.stored)).await?;
        let facts = Whole { content_type, sha256, now: micros(op.now()) };
        let row = uploads::complete(&change.tx, &row, facts).await?;
        change.tell(completed_event(op, &row));
        let upload = view::upload(&row)?;
        let subject = Subject::upload(self.upload_id());
        op.commit_once_about(change, &subject, |_| Ok(upload)).await.map(Done::Stored)
    }
}

enum Done {
    Stored(Upload),
    /// It was stored before, under the same key.
    Before(Upload),
}

/// The file that was stored under the key of `op`, when the key is one of the same file.
pub async fn stored_before(op: &Op) -> Result<Upload> {
    match op.begin_once().await? {
        Begun::Again(upload) => Ok(upload),
        // Its time was over in between.
        Begun::First(_) => {
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
            position: None,
            occurred_at: None,
        },
    }
}

fn wrong_checksum() -> Problem {
    Problem::new(
        Code::ChecksumMismatch,
        "The file does not have the SHA-256 that was said; nothing of it was kept.",
    )
}
