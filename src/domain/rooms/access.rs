//! A room and the caller's access to it. A room that the caller may not know of is reported as not found.

use crate::auth::permission::Permission;
use crate::base::ids::{RoomId, UserId};
use crate::base::text::is_slug;
use crate::domain::error::Result;
use crate::domain::op::{Op, forbidden, not_a_user};
use crate::protocol::event::Conversation;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::room::Visibility;
use crate::storage::room_members::{self, MemberRow};
use crate::storage::rooms::{self, RoomRow};
use crate::storage::{TenantTx, rooms::DIRECT};

/// Maximum characters of a public room's id.
pub const MAX_ROOM_ID: usize = 64;

/// A room, and the caller's membership.
pub struct RoomAccess {
    pub row: RoomRow,
    pub member: Option<MemberRow>,
}

impl RoomAccess {
    pub fn id(&self) -> RoomId {
        RoomId(self.row.id)
    }

    /// Where its events are published.
    pub fn conversation(&self) -> Conversation {
        if self.row.everyone { Conversation::Lobby(self.id()) } else { Conversation::Room(self.id()) }
    }

    pub fn is_member(&self) -> bool {
        self.row.everyone || self.member.is_some()
    }

    pub fn is_owner(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.owner)
    }

    /// Refuses callers that are not members of a room which they may know of.
    pub fn require_member(&self) -> Result<()> {
        if self.is_member() {
            return Ok(());
        }
        Err(Problem::new(Code::Forbidden, "Only members of the room may do this; join it first."))
    }

    /// Refuses callers that neither own the room nor are admins.
    pub fn require_moderator(&self, op: &Op) -> Result<()> {
        if self.is_owner() || op.may(Permission::ManageRooms) {
            Ok(())
        } else {
            Err(forbidden(Permission::ManageRooms))
        }
    }

    /// Refuses additions to an archived room.
    pub fn require_open(&self) -> Result<()> {
        if self.row.archived_at.is_none() {
            return Ok(());
        }
        Err(Problem::new(Code::Conflict, "The room is archived and takes nothing more."))
    }
}

/// Loads a room.
pub async fn load(op: &Op, tx: &TenantTx, room_id: &str) -> Result<RoomAccess> {
    let row = if is_room_id(room_id) { rooms::find(tx, room_id).await? } else { None };
    authorize(op, tx, row).await
}

/// Loads a room and locks it until the transaction ends: changes in a room are serialised, so that its messages have
/// the order of the log.
pub async fn lock(op: &Op, tx: &TenantTx, room_id: &str) -> Result<RoomAccess> {
    let row = if is_room_id(room_id) { rooms::lock(tx, room_id).await? } else { None };
    authorize(op, tx, row).await
}

/// The same by the row's id.
pub async fn lock_by_id(op: &Op, tx: &TenantTx, room_id: RoomId) -> Result<RoomAccess> {
    authorize(op, tx, rooms::lock_by_id(tx, room_id).await?).await
}

async fn authorize(op: &Op, tx: &TenantTx, row: Option<RoomRow>) -> Result<RoomAccess> {
    let row = row.filter(|row| row.visibility != DIRECT).ok_or_else(Problem::not_found)?;
    let member = room_members::find(tx, RoomId(row.id), require_user(op)?).await?;
    let is_visible = row.visibility == Visibility::Public.name() || member.is_some();
    if is_visible || op.may(Permission::ManageRooms) {
        Ok(RoomAccess { row, member })
    } else {
        Err(Problem::not_found())
    }
}

/// The calling user: API keys have no rooms.
pub fn require_user(op: &Op) -> Result<UserId> {
    op.principal().and_then(|principal| principal.user_id()).ok_or_else(not_a_user)
}

/// Whether a room can have this id on the wire: a slug, or a UUID of a private room, which is a slug too.
pub fn is_room_id(text: &str) -> bool {
    is_slug(text, MAX_ROOM_ID)
}
