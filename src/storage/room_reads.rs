//! How far a user has read in a room.

use sea_orm::{ActiveValue::Set, ColumnTrait, QueryFilter};

use super::entity::room_reads::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{RoomId, UserId};

/// The newest message that the user has read in each of the rooms, as (room, row id of the message).
pub async fn of_user(tx: &TenantTx, user_id: UserId, rooms: &[RoomId]) -> Result<Vec<(RoomId, i64)>> {
    let query = tx.select::<Entity>().filter(Column::UserId.eq(user_id.0));
    let rows = query.filter(Column::RoomId.is_in(rooms.iter().map(|room| room.0))).all(&tx.tx).await?;
    Ok(rows.into_iter().map(|row| (RoomId(row.room_id), row.last_read)).collect())
}

/// Moves the marker forward, never back. To be called while the room is locked.
pub async fn advance(
    tx: &TenantTx,
    room_id: RoomId,
    user_id: UserId,
    last_read: i64,
    now: i64,
) -> Result<()> {
    let query = tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0));
    let known = query.filter(Column::UserId.eq(user_id.0)).one(&tx.tx).await?;
    match known {
        Some(row) if row.last_read >= last_read => Ok(()),
        Some(row) => {
            let query = tx.update::<Entity>().filter(Column::Id.eq(row.id));
            let query = query.col_expr(Column::LastRead, last_read.into());
            query.col_expr(Column::ReadAt, now.into()).exec(&tx.tx).await?;
            Ok(())
        }
        None => {
            let row = ActiveModel {
                room_id: Set(room_id.0),
                user_id: Set(user_id.0),
                last_read: Set(last_read),
                read_at: Set(now),
                ..Default::default()
            };
            tx.insert(row).await?;
            Ok(())
        }
    }
}
