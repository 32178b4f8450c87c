//! The rooms that a caller may know of, as a list.

use super::access::{RoomAccess, require_user};
use super::get::unread;
use super::view::view;
use crate::auth::permission::Permission;
use crate::base::ids::RoomId;
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::room::Room;
use crate::storage::room_members;
use crate::storage::rooms::{self, RoomFilter};

/// Public rooms and the caller's own, in the order of creation; all rooms for admins. `archived`: the archived ones.
pub async fn list(op: &Op, archived: bool, page: PageRequest<i64>) -> Result<Page<Room, i64>> {
    op.require(Permission::ReadRooms)?;
    let reader = require_user(op)?;
    let tx = op.read().await?;
    let own: Vec<RoomId> =
        room_members::rooms_of(&tx, reader).await?.into_iter().map(|(room, _)| room).collect();
    let every_private = op.may(Permission::ManageRooms);
    let filter = RoomFilter { own: &own, every_private, archived };
    let rows = rooms::list(&tx, &filter, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let mut listed = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let member = room_members::find(&tx, RoomId(row.id), reader).await?;
        let room = RoomAccess { row, member };
        let unread = unread(op, &tx, &room).await?;
        listed.push(view(&room, unread)?);
    }
    Ok(Page { rows: listed, next: page.next })
}
