//! Leaving a room.

use super::access::lock;
use super::members::{refuse_lobby, remove_member};
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;

/// Ends the caller's membership, if there is one.
pub async fn leave(op: &Op, room_id: &str) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    refuse_lobby(&room)?;
    if let Some(row) = &room.member {
        remove_member(&mut change, &room, row).await?;
    }
    op.commit(change).await?;
    Ok(())
}
