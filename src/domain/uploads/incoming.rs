//! A file that is on its way in. Its bytes go to the store as they come; where it has got to is noted every few
//! megabytes, and when its sender pauses.

use bytes::Bytes;

use super::begin::{is_sha256, too_large};
use super::error::is_retryable;
use super::locks::UploadLock;
use super::remove::discard;
use super::{key, quota};
use crate::base::ids::UploadId;
use crate::blobs::{BlobKey, BlobWriter, Checkpoint};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::storage::micros;
use crate::storage::uploads::{self, UploadProgress, UploadRow};

/// Bytes between two notes of where the file has got to: what is sent again after a crash, at most.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;
/// What a file of unknown size takes of the quota at a time.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// A file and the right to send it.
pub struct IncomingUpload {
    pub(super) op: Op,
    pub(super) row: UploadRow,
    pub(super) blob_writer: BlobWriter,
    pub(super) received: u64,
    /// Up to here it is noted as stored.
    checkpointed: u64,
    reserved: u64,
    lock: UploadLock,
}

pub(super) struct IncomingUploadParts {
    pub op: Op,
    pub lock: UploadLock,
    pub blob_writer: BlobWriter,
    pub row: UploadRow,
    pub stored: u64,
}

impl IncomingUpload {
    pub(super) fn new(parts: IncomingUploadParts) -> Self {
        let IncomingUploadParts { op, lock, blob_writer, row, stored } = parts;
        let reserved = u64::try_from(row.reserved).unwrap_or_default();
        Self { op, row, blob_writer, received: stored, checkpointed: stored, reserved, lock }
    }

    pub fn upload_id(&self) -> UploadId {
        UploadId(self.row.upload_id)
    }

    pub fn filename(&self) -> &str {
        &self.row.filename
    }

    /// Bytes that came in so far; right after a beginning, those that are stored.
    pub fn offset(&self) -> u64 {
        self.received
    }

    /// Waits until another connection wants the file: then this one is to pause.
    pub async fn takeover_requested(&self) {
        self.lock.takeover_requested().await;
    }

    /// What the sender says of it later than at the beginning.
    pub fn expect_sha256(&mut self, sha256: &str) -> Result<()> {
        if !is_sha256(sha256) {
            let path = [PathSegment::Name("sha256".to_owned())];
            let words = "must be the 64 hexadecimal digits of a SHA-256";
            return Err(Problem::validation(vec![FieldError::in_body(&path, "invalid", words)]));
        }
        self.row.declared_sha256 = Some(sha256.to_ascii_lowercase());
        Ok(())
    }

    /// Takes a piece in. After a refusal the file is to be ended with [`Receiving::fail`].
    pub async fn append(&mut self, bytes: Bytes) -> Result<()> {
        if self.lock.is_takeover_requested() {
            return Err(taken_over());
        }
        let after = self.received + bytes.len() as u64;
        self.check_size(after)?;
        if after > self.reserved {
            self.reserve(after).await?;
        }
        self.blob_writer.append(bytes).await?;
        self.received = after;
        if self.received - self.checkpointed >= CHECKPOINT_BYTES {
            let reached = self.blob_writer.checkpoint().await?;
            // A bucket that waits for the rest of a part has nothing new to note.
            if reached.stored > self.checkpointed {
                self.save_checkpoint(&reached).await?;
            }
        }
        Ok(())
    }

    fn check_size(&self, bytes: u64) -> Result<()> {
        let most = self.op.services.uploads.max_bytes();
        let said = self.row.declared_size.map(|size| size.unsigned_abs());
        match said {
            Some(said) if bytes > said => Err(wrong_size(said)),
            _ if bytes > most => Err(too_large(most)),
            _ => Ok(()),
        }
    }

    /// Takes a step more of the quota, or near its end just what is needed.
    async fn reserve(&mut self, bytes: u64) -> Result<()> {
        let most = self.op.services.uploads.max_bytes();
        let step = (self.reserved + STEP_BYTES).min(most).max(bytes);
        let change = self.op.begin().await?;
        let row = uploads::lock(&change.tx, self.upload_id()).await?;
        let row = row.filter(|row| self.is_ours(row)).ok_or_else(taken_over)?;
        let reserved = if quota::try_reserve(&self.op, &change.tx, step - self.reserved).await? {
            quota::record_usage(&self.op, &change.tx).await?;
            step
        } else {
            quota::reserve(&self.op, &change.tx, bytes - self.reserved).await?;
            bytes
        };
        uploads::set_reserved(&change.tx, row.id, quota::signed(reserved)).await?;
        self.op.commit(change).await?;
        self.reserved = reserved;
        Ok(())
    }

    /// Writes down where the file has got to.
    pub(super) async fn save_checkpoint(&mut self, reached: &Checkpoint) -> Result<()> {
        let now = self.op.now();
        let noted = UploadProgress {
            stored: quota::signed(reached.stored),
            hash_state: &reached.hash_state,
            progress: reached.progress.as_deref(),
            now: micros(now),
            expires_at: micros(now + self.op.services.uploads.settings.abandoned_after),
        };
        let change = self.op.begin().await?;
        let ours = uploads::advance(&change.tx, self.upload_id(), self.row.writer, noted).await?;
        self.op.commit(change).await?;
        if !ours {
            return Err(taken_over());
        }
        self.checkpointed = reached.stored;
        Ok(())
    }

    /// The sender goes on later, perhaps: notes what is stored.
    pub async fn pause(mut self) {
        let upload_id = self.upload_id();
        let paused = async {
            let reached = self.blob_writer.checkpoint().await?;
            self.save_checkpoint(&reached).await
        };
        if let Err(problem) = paused.await {
            // What was noted before holds; the rest is sent again.
            tracing::debug!(%problem, upload.id = %upload_id, "an upload was not noted when it paused");
        }
    }

    /// The end after a refusal: of what broke a rule nothing is kept, what only met trouble waits for its sender.
    pub async fn fail(self, problem: &Problem) {
        if is_retryable(problem) {
            return drop(self);
        }
        self.discard().await;
    }

    /// Nothing of the file is kept.
    pub async fn discard(self) {
        discard(&self.op, self.upload_id(), self.row.writer).await;
    }

    pub(super) fn is_ours(&self, row: &UploadRow) -> bool {
        row.state == uploads::RECEIVING && row.writer == self.row.writer
    }

    pub(super) fn key(&self) -> BlobKey {
        key(&self.op, self.upload_id())
    }
}

pub fn wrong_size(said: u64) -> Problem {
    let words =
        format!("The file was said to have {said} bytes and has another number; nothing of it was kept.");
    Problem::new(Code::SizeMismatch, words)
}

/// The file was deleted, or another connection goes on with it.
pub fn taken_over() -> Problem {
    Problem::new(
        Code::Conflict,
        "This connection has the file no longer: it goes on elsewhere, or was deleted.",
    )
}
