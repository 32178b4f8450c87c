//! Read markers.

use super::conversation::ConversationRef;
use super::conversation::{lock_between, lock_room};
use crate::auth::permission::Permission;
use crate::base::ids::{MessageId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::Problem;
use crate::storage::{TenantTx, messages, micros, room_reads};

/// Marks everything in the room up to this message as read.
pub async fn mark_room_read(op: &Op, room_id: &str, message_id: MessageId) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let change = op.begin().await?;
    let conversation = lock_room(op, &change.tx, room_id).await?;
    advance_read_marker(op, &change.tx, &conversation, message_id).await?;
    op.commit(change).await?;
    Ok(())
}

/// Marks everything in the conversation with this user up to this message as read.
pub async fn mark_direct_read(op: &Op, other: UserId, message_id: MessageId) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let change = op.begin().await?;
    let conversation = lock_between(op, &change.tx, other).await?;
    advance_read_marker(op, &change.tx, &conversation, message_id).await?;
    op.commit(change).await?;
    Ok(())
}

async fn advance_read_marker(
    op: &Op,
    tx: &TenantTx,
    conversation: &ConversationRef,
    message_id: MessageId,
) -> Result<()> {
    let row = messages::find(tx, message_id).await?;
    let row = row.filter(|row| row.room_id == conversation.room_id().0).ok_or_else(Problem::not_found)?;
    Ok(room_reads::advance(tx, conversation.room_id(), require_user(op)?, row.id, micros(op.now())).await?)
}
