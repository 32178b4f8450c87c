//! How far somebody has read.

use super::spot::Spot;
use super::spot::{lock_between, lock_room};
use crate::auth::permission::Permission;
use crate::base::ids::{MessageId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::caller;
use crate::protocol::problem::Problem;
use crate::storage::{TenantTx, messages, micros, room_reads};

/// Everything in the room up to this message is read.
pub async fn read_room(op: &Op, room_id: &str, message_id: MessageId) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let change = op.begin().await?;
    let spot = lock_room(op, &change.tx, room_id).await?;
    mark(op, &change.tx, &spot, message_id).await?;
    op.commit(change).await?;
    Ok(())
}

/// Everything in the conversation with this user up to this message is read.
pub async fn read_person(op: &Op, other: UserId, message_id: MessageId) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let change = op.begin().await?;
    let spot = lock_between(op, &change.tx, other).await?;
    mark(op, &change.tx, &spot, message_id).await?;
    op.commit(change).await?;
    Ok(())
}

async fn mark(op: &Op, tx: &TenantTx, spot: &Spot, message_id: MessageId) -> Result<()> {
    let row = messages::find(tx, message_id).await?;
    let row = row.filter(|row| row.room_id == spot.room_id().0).ok_or_else(Problem::not_found)?;
    Ok(room_reads::advance(tx, spot.room_id(), caller(op)?, row.id, micros(op.now())).await?)
}
