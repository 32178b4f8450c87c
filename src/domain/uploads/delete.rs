//! Deleting a file, by its sender or by an admin.

use super::{access, remove, view};
use crate::auth::permission::Permission;
use crate::base::ids::{UploadId, UserId};
use crate::domain::error::Result;
use crate::domain::op::{AuditEntry, Op, forbidden};
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;
use crate::storage::uploads;

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
    remove::begin_removal(op, &change.tx, &row).await?;
    op.commit(change).await?;
    op.services.uploads.locks.request_release(upload_id);
    // The file is gone for all callers; if its bytes cannot be removed now, the sweep tries again.
    if let Err(problem) = remove::finish_removal(op, &row).await {
        tracing::warn!(%problem, upload.id = %upload_id, "the bytes of an upload could not be removed yet");
    }
    Ok(())
}
