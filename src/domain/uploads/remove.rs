//! Removing a file. Its row is marked first, then the bytes are deleted, then the row: if the process ends in
//! between, the sweep continues.

use super::store::blob_key;
use super::{access, view};
use crate::auth::permission::Permission;
use crate::base::ids::{TenantId, UploadId, UserId};
use crate::blobs::BlobKey;
use crate::domain::error::Result;
use crate::domain::idempotency::AnswerSubject;
use crate::domain::op::{AuditEntry, Op, Services, forbidden};
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;
use crate::storage::uploads::{self, UploadRow};
use crate::storage::{TenantTx, micros, upload_attachments, upload_totals};

/// For the sender and admins. Messages and jobs that it is attached to keep its name; the file is not found any more.
/// `precondition` refuses when the caller read another state.
pub async fn delete(
    op: &Op,
    upload_id: UploadId,
    precondition: &(dyn Fn(&Upload) -> Result<()> + Sync),
) -> Result<()> {
    let change = op.begin().await?;
    uploads::lock(&change.tx, upload_id).await?.ok_or_else(Problem::not_found)?;
    let row = access::find_readable(op, &change.tx, upload_id).await?;
    if !access::may_manage(op, &row) {
        return Err(forbidden(Permission::ManageUploads));
    }
    precondition(&view::upload(&row)?)?;
    let (action, target_kind, target_id) = ("upload.deleted", "upload", upload_id.to_string());
    let entry = AuditEntry { action, target_kind, target_id, detail: None };
    op.audit_unless_own(&change.tx, UserId(row.user_id), entry).await?;
    begin_removal(op, &change.tx, &row).await?;
    op.commit(change).await?;
    op.services.uploads.locks.request_release(upload_id);
    // The file is gone for all callers; if its bytes cannot be removed now, the sweep tries again.
    if let Err(problem) = finish_removal(op, &row).await {
        tracing::warn!(%problem, upload.id = %upload_id, "the bytes of an upload could not be removed yet");
    }
    Ok(())
}

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
    op.services.uploads.blobs.remove(&blob_key(&op.scope, upload_id), row.progress.as_deref()).await?;
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
