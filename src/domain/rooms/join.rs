//! Joining and leaving a room. A membership is permanent, independent of the connection that asked for it.
//! With `create_on_join`, joining a room that does not exist creates it.

use super::access::{RoomAccess, is_room_id, lock, require_user};
use super::announcement::audit_entry;
use super::members::{add_member, refuse_lobby, remove_member};
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::EventTx;
use crate::protocol::problem::Problem;
use crate::protocol::room::Visibility;
use crate::storage::{micros, room_members, rooms, users};

/// Members that are named in the answer to a join.
const MAX_NAMED_MEMBERS: u64 = 1_000;

/// The answer to a join.
pub struct Joined {
    pub room_id: String,
    /// User ids, the first 1,000.
    pub members: Vec<i64>,
}

/// Makes the caller a member; a member stays one.
pub async fn join(op: &Op, room_id: &str) -> Result<Joined> {
    let mut change = op.begin().await?;
    let created = op.services.ephemeral.create_on_join && create_if_absent(op, &change, room_id).await?;
    let room = lock(op, &change.tx, room_id).await?;
    if created {
        add_first_owner(op, &mut change, &room).await?;
    } else if !room.is_member() {
        op.require(Permission::JoinRooms)?;
        // An admin sees private rooms, and still has to be added to them like any other user.
        if room.row.visibility != Visibility::Public.name() {
            return Err(Problem::not_found());
        }
        room.require_open()?;
        add_member(op, &mut change, &room, require_user(op)?, false).await?;
    }
    let members = if room.row.everyone && !op.may(Permission::ReadDirectory) {
        vec![require_user(op)?.0]
    } else if room.row.everyone {
        users::list(&change.tx, true, None, MAX_NAMED_MEMBERS)
            .await?
            .into_iter()
            .map(|user| user.id)
            .collect()
    } else {
        let rows = room_members::list(&change.tx, room.id(), None, MAX_NAMED_MEMBERS).await?;
        rows.into_iter().map(|row| row.user_id).collect()
    };
    op.commit(change).await?;
    Ok(Joined { room_id: room.row.slug, members })
}

/// Creates a public room of this id for a caller that may join rooms, unless there is one; returns whether it did.
/// UUIDs, the ids of private rooms, are refused: the answer must not reveal whether such a room exists.
async fn create_if_absent(op: &Op, change: &EventTx, room_id: &str) -> Result<bool> {
    let is_private = uuid::Uuid::try_parse(room_id).is_ok();
    if !op.may(Permission::JoinRooms) || !is_room_id(room_id) || is_private {
        return Ok(false);
    }
    if rooms::find(&change.tx, room_id).await?.is_some() {
        return Ok(false);
    }
    let new = rooms::NewRoom {
        slug: room_id,
        name: room_id,
        topic: None,
        visibility: Visibility::Public.name(),
        created_by: require_user(op)?,
        now: micros(op.now()),
    };
    // Two users may be the first to join it concurrently: the later one finds the row.
    Ok(rooms::insert_new(&change.tx, new).await?)
}

/// Adds the creator as the room's first owner.
async fn add_first_owner(op: &Op, change: &mut EventTx, room: &RoomAccess) -> Result<()> {
    add_member(op, change, room, require_user(op)?, true).await?;
    op.audit(&change.tx, audit_entry("room.created", &room.row.slug)).await
}

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
