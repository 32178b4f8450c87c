//! An upload in progress. Its bytes are written to the store as they arrive; a checkpoint is saved every few
//! megabytes, and when the sender pauses.

use bytes::Bytes;

use super::declaration::sha256_error;
use super::error::{is_retryable, taken_over, too_large, wrong_size};
use super::locks::UploadLock;
use super::quota;
use super::remove::discard;
use super::store::blob_key;
use crate::base::ids::UploadId;
use crate::blobs::{BlobKey, BlobWriter, Checkpoint};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::storage::micros;
use crate::storage::uploads::{self, UploadProgress, UploadRow};

/// Bytes between two checkpoints, which is what is sent again after a crash, at most.
const CHECKPOINT_BYTES: u64 = 8 * 1024 * 1024;
/// Quota that a file of unknown size reserves at a time.
const STEP_BYTES: u64 = 16 * 1024 * 1024;

/// A file and the lock to send it.
pub struct IncomingUpload {
    pub(super) op: Op,
    pub(super) row: UploadRow,
    pub(super) blob_writer: BlobWriter,
    pub(super) received: u64,
    /// Up to here a checkpoint is saved.
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

    /// Bytes received so far; right after begin or resume, those that are stored.
    pub fn offset(&self) -> u64 {
        self.received
    }

    /// Waits until another connection asks for the file: then this one has to pause.
    pub async fn takeover_requested(&self) {
        self.lock.takeover_requested().await;
    }

    /// Sets a SHA-256 that the sender declares only after the beginning.
    pub fn expect_sha256(&mut self, sha256: &str) -> Result<()> {
        if let Some(error) = sha256_error(sha256) {
            return Err(Problem::validation(vec![error]));
        }
        self.row.declared_sha256 = Some(sha256.to_ascii_lowercase());
        Ok(())
    }

    /// Appends bytes. After an error the upload must be ended with [`IncomingUpload::fail`].
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
            // A bucket that waits for the rest of a part has no new checkpoint.
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

    /// Reserves one more step of the quota, or near its end just what is needed.
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

    /// Saves a checkpoint.
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

    /// Saves a checkpoint, from which the sender may resume later.
    pub async fn pause(mut self) {
        let upload_id = self.upload_id();
        let paused = async {
            let reached = self.blob_writer.checkpoint().await?;
            self.save_checkpoint(&reached).await
        };
        if let Err(problem) = paused.await {
            // The previous checkpoint is valid; the rest is sent again.
            tracing::debug!(%problem, upload.id = %upload_id, "an upload was not noted when it paused");
        }
    }

    /// Ends the upload after an error: a file that broke a rule is removed, others are kept for their sender.
    pub async fn fail(self, problem: &Problem) {
        if is_retryable(problem) {
            return drop(self);
        }
        self.discard().await;
    }

    /// Removes the file.
    pub async fn discard(self) {
        discard(&self.op, self.upload_id(), self.row.writer).await;
    }

    pub(super) fn is_ours(&self, row: &UploadRow) -> bool {
        row.state == uploads::RECEIVING && row.writer == self.row.writer
    }

    pub(super) fn key(&self) -> BlobKey {
        blob_key(&self.op.scope, self.upload_id())
    }
}
