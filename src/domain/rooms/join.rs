//! Joining a public room: a lasting membership, whatever the connection that asked for it.

use super::access::{caller, lock};
use super::members::add;
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::room::Visibility;
use crate::storage::{room_members, users};

/// Members that are named to somebody who joins.
const NAMED: u64 = 1_000;

/// What somebody who joined is told.
pub struct Joined {
    pub room_id: String,
    /// User ids, the first 1,000.
    pub members: Vec<i64>,
}

/// Makes the caller a member; a member stays one.
pub async fn join(op: &Op, room_id: &str) -> Result<Joined> {
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    if !room.is_member() {
        op.require(Permission::JoinRooms)?;
        // An admin sees private rooms, and still is brought in like everybody else.
        if room.row.visibility != Visibility::Public.name() {
            return Err(Problem::not_found());
        }
        room.require_open()?;
        add(op, &mut change, &room, caller(op)?, false).await?;
    }
    let members = if room.row.everyone {
        users::list(&change.tx, true, None, NAMED).await?.into_iter().map(|user| user.id).collect()
    } else {
        let rows = room_members::list(&change.tx, room.id(), None, NAMED).await?;
        rows.into_iter().map(|row| row.user_id).collect()
    };
    op.commit(change).await?;
    Ok(Joined { room_id: room.row.slug, members })
}
