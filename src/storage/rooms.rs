//! Rooms and who is in them.

use sea_orm::{ColumnTrait, QueryFilter};

use super::entity::room_members;
use super::{Result, TenantTx};
use crate::base::ids::{RoomId, UserId};

/// The rooms of a user, each with the sequence number that the membership began after.
pub async fn memberships(tx: &TenantTx, user_id: UserId) -> Result<Vec<(RoomId, i64)>> {
    let query = tx.select::<room_members::Entity>().filter(room_members::Column::UserId.eq(user_id.0));
    let rows = query.all(&tx.tx).await?;
    Ok(rows.into_iter().map(|row| (RoomId(row.room_id), row.joined_after)).collect())
}
