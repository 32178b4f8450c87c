//! Room memberships. The lobby has no rows: every user is in it.

use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::room_members::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{RoomId, UserId};

pub use super::entity::room_members::Model as MemberRow;

pub struct NewMember {
    pub room_id: RoomId,
    pub user_id: UserId,
    pub owner: bool,
    /// The log's head, read while the room is locked.
    pub joined_after: i64,
    /// Microseconds since the epoch.
    pub now: i64,
}

/// The rooms of a user, each with the sequence number after which the membership began.
pub async fn rooms_of(tx: &TenantTx, user_id: UserId) -> Result<Vec<(RoomId, i64)>> {
    let rows = tx.select::<Entity>().filter(Column::UserId.eq(user_id.0)).all(&tx.tx).await?;
    Ok(rows.into_iter().map(|row| (RoomId(row.room_id), row.joined_after)).collect())
}

/// The rooms of several users.
pub async fn rooms_of_all(tx: &TenantTx, users: &[UserId]) -> Result<Vec<(UserId, RoomId)>> {
    let query = tx.select::<Entity>().filter(Column::UserId.is_in(users.iter().map(|user| user.0)));
    let rows = query.select_only().column(Column::UserId).column(Column::RoomId);
    let rows: Vec<(i64, i64)> = rows.into_tuple().all(&tx.tx).await?;
    Ok(rows.into_iter().map(|(user, room)| (UserId(user), RoomId(room))).collect())
}

/// Adds a member. To be called while the room is locked and the user is known not to be one.
pub async fn insert(tx: &TenantTx, new: NewMember) -> Result<()> {
    let row = ActiveModel {
        room_id: Set(new.room_id.0),
        user_id: Set(new.user_id.0),
        owner: Set(new.owner),
        joined_after: Set(new.joined_after),
        joined_at: Set(new.now),
        ..Default::default()
    };
    tx.insert(row).await?;
    Ok(())
}

pub async fn find(tx: &TenantTx, room_id: RoomId, user_id: UserId) -> Result<Option<MemberRow>> {
    let query = tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0));
    Ok(query.filter(Column::UserId.eq(user_id.0)).one(&tx.tx).await?)
}

/// In the order of joining, after the row with id `after`.
pub async fn list(tx: &TenantTx, room_id: RoomId, after: Option<i64>, limit: u64) -> Result<Vec<MemberRow>> {
    let query = tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0));
    let query = query.filter(Column::Id.gt(after.unwrap_or(0)));
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// The members of several rooms.
pub async fn of_rooms(tx: &TenantTx, rooms: &[RoomId], limit: u64) -> Result<Vec<MemberRow>> {
    let query = tx.select::<Entity>().filter(Column::RoomId.is_in(rooms.iter().map(|room| room.0)));
    Ok(query.order_by_asc(Column::Id).limit(limit).all(&tx.tx).await?)
}

pub async fn count(tx: &TenantTx, room_id: RoomId) -> Result<u64> {
    Ok(tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0)).count(&tx.tx).await?)
}

/// Owners of the room, besides `user_id`.
pub async fn other_owners(tx: &TenantTx, room_id: RoomId, user_id: UserId) -> Result<u64> {
    let query = tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0)).filter(Column::Owner.eq(true));
    Ok(query.filter(Column::UserId.ne(user_id.0)).count(&tx.tx).await?)
}

pub async fn set_owner(tx: &TenantTx, id: i64, owner: bool) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    query.col_expr(Column::Owner, owner.into()).exec(&tx.tx).await?;
    Ok(())
}

pub async fn delete(tx: &TenantTx, id: i64) -> Result<()> {
    tx.delete::<Entity>(Column::Id.eq(id)).exec(&tx.tx).await?;
    Ok(())
}

/// A user's memberships, in the order of the rooms, which is the order in which several rooms must be locked.
pub async fn of_user(tx: &TenantTx, user_id: UserId) -> Result<Vec<MemberRow>> {
    let query = tx.select::<Entity>().filter(Column::UserId.eq(user_id.0));
    Ok(query.order_by_asc(Column::RoomId).all(&tx.tx).await?)
}
