//! Access to a file: for its sender, admins, and readers of a message or a job that it is attached to.

use crate::auth::permission::Permission;
use crate::base::ids::{RoomId, UploadId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::storage::rooms::DIRECT;
use crate::storage::uploads::{self, UploadRow};
use crate::storage::{TenantTx, room_members, rooms, upload_attachments};

/// The file, for a caller that may read it; for others it is not found.
pub async fn find_readable(op: &Op, tx: &TenantTx, upload_id: UploadId) -> Result<UploadRow> {
    let row = uploads::find(tx, upload_id).await?;
    let row = row.filter(|row| row.state != uploads::REMOVING).ok_or_else(Problem::not_found)?;
    if may_manage(op, &row)
        || (row.state == uploads::COMPLETE && is_attached_to_readable(op, tx, &row).await?)
    {
        return Ok(row);
    }
    Err(Problem::not_found())
}

/// Whether the caller is the sender or an admin.
pub fn may_manage(op: &Op, row: &UploadRow) -> bool {
    user_id(op).is_some_and(|user| user.0 == row.user_id) || op.may(Permission::ManageUploads)
}

async fn is_attached_to_readable(op: &Op, tx: &TenantTx, row: &UploadRow) -> Result<bool> {
    for attachment in upload_attachments::of_upload(tx, row.id).await? {
        // Jobs are readable for all users of the tenant.
        if attachment.job_id.is_some() && op.may(Permission::ReadJobs) {
            return Ok(true);
        }
        if let Some(room) = attachment.room_id
            && may_read_room(op, tx, RoomId(room)).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the caller may read the messages there.
async fn may_read_room(op: &Op, tx: &TenantTx, room_id: RoomId) -> Result<bool> {
    let Some(me) = user_id(op).filter(|_| op.may(Permission::ReadRooms)) else { return Ok(false) };
    let Some(room) = rooms::find_by_id(tx, room_id).await? else { return Ok(false) };
    if room.visibility == DIRECT {
        return Ok(room.user_low == Some(me.0) || room.user_high == Some(me.0));
    }
    Ok(room.everyone || room_members::find(tx, room_id, me).await?.is_some())
}

fn user_id(op: &Op) -> Option<UserId> {
    op.principal().and_then(|principal| principal.user_id())
}
