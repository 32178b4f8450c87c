//! Resuming an upload after a disconnect.

use super::incoming::{IncomingUpload, IncomingUploadParts};
use super::remove::discard;
use super::store::blob_key;
use super::view;
use crate::auth::permission::Permission;
use crate::base::ids::UploadId;
use crate::blobs::{self, Checkpoint};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;
use crate::storage::uploads::{self, UploadRow};
use crate::storage::{TenantTx, micros};

/// The state of the file to resume.
pub enum Resumed {
    /// It is incomplete.
    Receiving(Box<IncomingUpload>),
    /// It was completed.
    Complete(Box<Upload>),
}

/// Resumes one of the caller's files at its last checkpoint.
pub async fn resume(op: &Op, upload_id: UploadId) -> Result<Resumed> {
    op.require(Permission::Upload)?;
    // Checked before another connection is made to release the file.
    find_own(op, &op.read().await?, upload_id).await?;
    let lock = op.services.uploads.locks.acquire(upload_id, &op.services.clock).await?;
    let row = match take_over(op, upload_id).await? {
        row if row.state == uploads::COMPLETE => return Ok(Resumed::Complete(Box::new(view::upload(&row)?))),
        row => row,
    };
    let stored = u64::try_from(row.stored).unwrap_or_default();
    let from = Checkpoint {
        stored,
        hash_state: row.hash_state.clone().unwrap_or_default(),
        progress: row.progress.clone(),
    };
    match op.services.uploads.blobs.resume(&blob_key(&op.scope, upload_id), &from).await {
        Ok(blob_writer) => {
            let parts = IncomingUploadParts { op: op.clone(), lock, blob_writer, row, stored };
            Ok(Resumed::Receiving(Box::new(IncomingUpload::new(parts))))
        }
        Err(error) => {
            if matches!(error, blobs::Error::Lost(_) | blobs::Error::Missing) {
                discard(op, upload_id, row.writer).await;
            }
            Err(error.into())
        }
    }
}

async fn take_over(op: &Op, upload_id: UploadId) -> Result<UploadRow> {
    let change = op.begin().await?;
    uploads::lock(&change.tx, upload_id).await?;
    let mut row = find_own(op, &change.tx, upload_id).await?;
    if row.state == uploads::RECEIVING {
        let now = op.now();
        let expires_at = micros(now + op.services.uploads.settings.abandoned_after);
        row.writer = uploads::take_over(&change.tx, &row, micros(now), expires_at).await?;
    }
    op.commit(change).await?;
    Ok(row)
}

/// A file of the caller; those of others are reported as not found.
async fn find_own(op: &Op, tx: &TenantTx, upload_id: UploadId) -> Result<UploadRow> {
    let me = require_user(op)?;
    let row = uploads::find(tx, upload_id).await?;
    row.filter(|row| row.user_id == me.0 && row.state != uploads::REMOVING).ok_or_else(Problem::not_found)
}
