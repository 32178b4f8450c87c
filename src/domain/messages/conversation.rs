//! The conversation of a message: a room, or two users.

use crate::base::ids::{RoomId, UserId};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::{self, RoomAccess, require_user};
use crate::protocol::event::Conversation;
use crate::protocol::problem::Problem;
use crate::storage::rooms::{self, DIRECT, RoomRow};
use crate::storage::{TenantTx, micros, users};

/// A room or a direct conversation, locked until the transaction ends.
pub enum ConversationRef {
    Room(RoomAccess),
    Between { row: RoomRow, users: [UserId; 2] },
}

impl ConversationRef {
    pub fn room_id(&self) -> RoomId {
        match self {
            Self::Room(room) => room.id(),
            Self::Between { row, .. } => RoomId(row.id),
        }
    }

    pub fn conversation(&self) -> Conversation {
        match self {
            Self::Room(room) => room.conversation(),
            Self::Between { users, .. } => Conversation::Direct(*users),
        }
    }

    /// The wire's `room_id`.
    pub fn slug(&self) -> Option<&str> {
        match self {
            Self::Room(room) => Some(&room.row.slug),
            Self::Between { .. } => None,
        }
    }

    /// The user that `sender` writes to here; `None` in a room.
    pub fn target_of(&self, sender: UserId) -> Option<UserId> {
        match self {
            Self::Room(_) => None,
            Self::Between { users: [one, other], .. } => Some(if *one == sender { *other } else { *one }),
        }
    }
}

/// A room that the caller is a member of.
pub async fn lock_room(op: &Op, tx: &TenantTx, room_id: &str) -> Result<ConversationRef> {
    let room = access::lock(op, tx, room_id).await?;
    room.require_member()?;
    Ok(ConversationRef::Room(room))
}

/// The caller's conversation with an active user; created on first use.
pub async fn lock_between(op: &Op, tx: &TenantTx, other: UserId) -> Result<ConversationRef> {
    let users = [require_user(op)?, other];
    users::find(tx, other).await?.filter(|user| user.is_active).ok_or_else(Problem::not_found)?;
    let row = rooms::lock_between(tx, users, micros(op.now())).await?.ok_or_else(Problem::internal)?;
    Ok(ConversationRef::Between { row, users })
}

/// The conversation of a stored message, if the caller may know of it.
pub async fn lock_by_id(op: &Op, tx: &TenantTx, room_id: RoomId) -> Result<ConversationRef> {
    let row = rooms::lock_by_id(tx, room_id).await?.ok_or_else(Problem::not_found)?;
    if row.visibility != DIRECT {
        return Ok(ConversationRef::Room(access::lock_by_id(op, tx, room_id).await?));
    }
    let me = require_user(op)?;
    let (Some(low), Some(high)) = (row.user_low, row.user_high) else { return Err(Problem::not_found()) };
    if me.0 != low && me.0 != high {
        return Err(Problem::not_found());
    }
    Ok(ConversationRef::Between { row, users: [UserId(low), UserId(high)] })
}
