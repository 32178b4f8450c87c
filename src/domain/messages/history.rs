//! Reading messages, newest first.

use std::collections::HashMap;

use super::view::{conversation, message, sender};
use crate::auth::permission::Permission;
use crate::base::ids::{RoomId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::{load, require_user};
use crate::protocol::problem::Problem;
use crate::protocol::room::{ConversationView, Message};
use crate::storage::messages::{self, MessageRow};
use crate::storage::users::UserRow;
use crate::storage::{TenantTx, room_reads, rooms, users};

/// A room's messages, for its members.
pub async fn of_room(op: &Op, room_id: &str, page: PageRequest<i64>) -> Result<Page<Message, i64>> {
    op.require(Permission::ReadRooms)?;
    let tx = op.read().await?;
    let room = load(op, &tx, room_id).await?;
    room.require_member()?;
    let rows = messages::history(&tx, room.id(), page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    to_messages(&tx, page, |_| (Some(room.row.slug.as_str()), None)).await
}

/// The caller's conversation with a user of the tenant; empty while there are no messages.
pub async fn with_user(op: &Op, other: UserId, page: PageRequest<i64>) -> Result<Page<Message, i64>> {
    op.require(Permission::ReadRooms)?;
    let me = require_user(op)?;
    let tx = op.read().await?;
    users::find(&tx, other).await?.ok_or_else(Problem::not_found)?;
    let Some(row) = rooms::find_between(&tx, [me, other]).await? else {
        return Ok(Page { rows: Vec::new(), next: None });
    };
    let rows = messages::history(&tx, RoomId(row.id), page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    to_messages(&tx, page, |row| (None, Some(if row.sender_id == me.0 { other } else { me }))).await
}

/// The caller's conversations, the latest started first.
pub async fn conversations(op: &Op, page: PageRequest<i64>) -> Result<Page<ConversationView, i64>> {
    op.require(Permission::ReadRooms)?;
    let me = require_user(op)?;
    let tx = op.read().await?;
    let rows = rooms::conversations(&tx, me, page.after, page.limit + 1).await?;
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let ids: Vec<RoomId> = page.rows.iter().map(|row| RoomId(row.id)).collect();
    let read: HashMap<RoomId, i64> = room_reads::of_user(&tx, me, &ids).await?.into_iter().collect();
    let mut found = Vec::with_capacity(page.rows.len());
    for row in page.rows {
        let other = if row.user_low == Some(me.0) { row.user_high } else { row.user_low };
        let Some(user) = users::find(&tx, UserId(other.unwrap_or(me.0))).await? else { continue };
        let room_id = RoomId(row.id);
        let last = read.get(&room_id).copied().unwrap_or(0);
        let unread_count = messages::unread(&tx, room_id, me, last).await?;
        found.push(conversation(user, unread_count, row.created_at));
    }
    Ok(Page { rows: found, next: page.next })
}

async fn to_messages<'a>(
    tx: &TenantTx,
    page: Page<MessageRow, i64>,
    addressee_of: impl Fn(&MessageRow) -> (Option<&'a str>, Option<UserId>),
) -> Result<Page<Message, i64>> {
    let mut ids: Vec<i64> = page.rows.iter().map(|row| row.sender_id).collect();
    ids.sort_unstable();
    ids.dedup();
    let people: HashMap<i64, UserRow> =
        users::find_all(tx, &ids).await?.into_iter().map(|user| (user.id, user)).collect();
    let view = |row: &MessageRow| {
        let (room_id, target) = addressee_of(row);
        // A user with messages is never removed from the store, only anonymised.
        people.get(&row.sender_id).map(|user| message(row, sender(user), room_id, target))
    };
    Ok(Page { rows: page.rows.iter().filter_map(view).collect(), next: page.next })
}
