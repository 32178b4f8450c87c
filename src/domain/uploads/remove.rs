//! Removing a file. Its row is marked first, then the bytes are deleted, then the row: if the process ends in
//! between, the sweep continues.

use super::key;
use crate::base::ids::{TenantId, UploadId};
use crate::blobs::BlobKey;
use crate::domain::error::Result;
use crate::domain::idempotency::AnswerSubject;
use crate::domain::op::{Op, Services};
use crate::storage::uploads::{self, UploadRow};
use crate::storage::{TenantTx, micros, upload_attachments, upload_totals};

/// Marks a locked row: from here on no user can access the file, and no quota is reserved for it.
pub async fn begin_removal(op: &Op, tx: &TenantTx, row: &UploadRow) -> Result<()> {
    upload_totals::release(tx, row.reserved).await?;
    upload_attachments::delete_of_upload(tx, row.id).await?;
    AnswerSubject::upload(UploadId(row.upload_id)).clear_answers(tx).await?;
    Ok(uploads::begin_removal(tx, row.id, micros(op.now())).await?)
}

/// Deletes the bytes of a marked file, and then its row.
pub async fn finish_removal(op: &Op, row: &UploadRow) -> Result<()> {
    let upload_id = UploadId(row.upload_id);
    op.services.uploads.blobs.remove(&key(op, upload_id), row.progress.as_deref()).await?;
    let change = op.begin().await?;
    uploads::delete_removed(&change.tx, upload_id).await?;
    op.commit(change).await?;
    Ok(())
}

/// Deletes the bytes of a file and leaves its row to the caller, which deletes it next: a file without bytes cannot
/// be read by any user.
pub async fn remove_bytes(services: &Services, tenant_id: TenantId, row: &UploadRow) -> Result<()> {
    let key = BlobKey { tenant_id, upload_id: UploadId(row.upload_id) };
    Ok(services.uploads.blobs.remove(&key, row.progress.as_deref()).await?)
}

/// Removes an unfinished file that this writer still has. If this fails, the sweep tries again.
pub async fn discard(op: &Op, upload_id: UploadId, writer: i64) {
    let attempt = async {
        let change = op.begin().await?;
        let row = uploads::lock(&change.tx, upload_id).await?;
        let is_ours = |row: &UploadRow| row.state == uploads::RECEIVING && row.writer == writer;
        let Some(row) = row.filter(is_ours) else { return Ok(()) };
        begin_removal(op, &change.tx, &row).await?;
        op.commit(change).await?;
        finish_removal(op, &row).await
    };
    let discarded: Result<()> = attempt.await;
    if let Err(problem) = discarded {
        tracing::warn!(%problem, upload.id = %upload_id, "an upload could not be removed; it is tried again");
    }
}
