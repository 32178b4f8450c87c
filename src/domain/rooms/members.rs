//! The members of a room, and adding and removing them.

use super::access::{RoomAccess, load, lock, require_user};
use super::announcement::{audit_entry, system_message};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::{RoomId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::eventlog::{self, EventTx};
use crate::protocol::event::Event;
use crate::protocol::message::RoomEvent;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::room::Member;
use crate::storage::room_members::{self, MemberRow, NewMember};
use crate::storage::rooms;
use crate::storage::users::{self, UserRow};
use crate::storage::{micros, time};

/// The members of a room in the order of joining; in the lobby all users, for callers that may read the directory.
pub async fn list(op: &Op, room_id: &str, page: PageRequest<i64>) -> Result<Page<Member, i64>> {
    op.require(Permission::ReadRooms)?;
    let tx = op.read().await?;
    let room = load(op, &tx, room_id).await?;
    // Only members may list a room without access to the directory. The lobby's list is the directory itself.
    if room.member.is_none() {
        op.require(Permission::ReadDirectory)?;
    }
    if room.row.everyone {
        let rows = users::list(&tx, true, page.after, page.limit + 1).await?;
        return Ok(Page::from_rows(rows, page.limit, |row| row.id).map(|user| member(&user, None)));
    }
    let rows = room_members::list(&tx, room.id(), page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let ids: Vec<i64> = page.rows.iter().map(|row| row.user_id).collect();
    let people = users::find_all(&tx, &ids).await?;
    let named = |row: &MemberRow| {
        let person = people.iter().find(|user| user.id == row.user_id);
        person.map(|user| member(user, Some(row)))
    };
    Ok(Page { rows: page.rows.iter().filter_map(named).collect(), next: page.next })
}

fn member(user: &UserRow, row: Option<&MemberRow>) -> Member {
    Member {
        user_id: user.id,
        username: user.username.clone(),
        display_name: user.display_name.clone(),
        is_owner: row.is_some_and(|row| row.owner),
        joined_at: row.map(|row| rfc3339(time(row.joined_at))),
    }
}

/// Adds a user, or sets whether a member is an owner. For owners of the room and admins.
pub async fn put(op: &Op, room_id: &str, user_id: UserId, owner: bool) -> Result<Member> {
    op.require(Permission::ReadRooms)?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    room.require_moderator(op)?;
    refuse_lobby(&room)?;
    room.require_open()?;
    let user = users::find(&change.tx, user_id).await?.filter(|user| user.is_active);
    let user = user.ok_or_else(Problem::not_found)?;
    match room_members::find(&change.tx, room.id(), user_id).await? {
        Some(row) if row.owner == owner => {}
        Some(row) => room_members::set_owner(&change.tx, row.id, owner).await?,
        None => add_member(op, &mut change, &room, user_id, owner).await?,
    }
    op.audit(&change.tx, audit_entry("room.member_put", room_id)).await?;
    let row = room_members::find(&change.tx, room.id(), user_id).await?;
    op.commit(change).await?;
    Ok(member(&user, row.as_ref()))
}

/// Removes a member. For owners of the room and admins; all users may remove themselves.
pub async fn remove(op: &Op, room_id: &str, user_id: UserId) -> Result<()> {
    op.require(Permission::ReadRooms)?;
    let mut change = op.begin().await?;
    let room = lock(op, &change.tx, room_id).await?;
    if require_user(op)? != user_id {
        room.require_moderator(op)?;
    }
    refuse_lobby(&room)?;
    let row = room_members::find(&change.tx, room.id(), user_id).await?.ok_or_else(Problem::not_found)?;
    remove_member(&mut change, &room, &row).await?;
    op.audit(&change.tx, audit_entry("room.member_removed", room_id)).await?;
    op.commit(change).await?;
    Ok(())
}

/// Makes a user a member and publishes it. To be called while the room is locked, or new, and the user is no member.
pub(super) async fn add_member(
    op: &Op,
    change: &mut EventTx,
    room: &RoomAccess,
    user_id: UserId,
    owner: bool,
) -> Result<()> {
    // Read while the room is locked: later messages in it have a greater sequence number.
    let joined_after = eventlog::read_head(&change.tx).await?.seq;
    let now = micros(op.now());
    let new = NewMember { room_id: room.id(), user_id, owner, joined_after, now };
    room_members::insert(&change.tx, new).await?;
    let message = system_message(room, RoomEvent::UserJoined, user_id);
    change.emit(Event::Joined { room: room.id(), user: user_id, message });
    Ok(())
}

/// Removes a user from all rooms, when the user is removed.
pub(in crate::domain) async fn remove_from_all_rooms(change: &mut EventTx, user_id: UserId) -> Result<()> {
    for member in room_members::of_user(&change.tx, user_id).await? {
        let row =
            rooms::lock_by_id(&change.tx, RoomId(member.room_id)).await?.ok_or_else(Problem::internal)?;
        let room = RoomAccess { row, member: None };
        remove_member(change, &room, &member).await?;
    }
    Ok(())
}

/// Ends a membership and publishes it. To be called while the room is locked.
pub(super) async fn remove_member(change: &mut EventTx, room: &RoomAccess, row: &MemberRow) -> Result<()> {
    room_members::delete(&change.tx, row.id).await?;
    let user = UserId(row.user_id);
    change.emit(Event::Left {
        room: room.id(),
        user,
        message: system_message(room, RoomEvent::UserLeft, user),
    });
    Ok(())
}

pub(super) fn refuse_lobby(room: &RoomAccess) -> Result<()> {
    if room.row.everyone {
        return Err(Problem::new(Code::Conflict, "Everybody of the tenant is in the lobby, and stays."));
    }
    Ok(())
}
