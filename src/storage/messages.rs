//! Messages of rooms and conversations.

use sea_orm::sea_query::Expr;
use sea_orm::{ActiveValue::Set, ColumnTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect};

use super::entity::messages::{ActiveModel, Column, Entity};
use super::error::Result;
use super::tx::TenantTx;
use crate::base::ids::{MessageId, RoomId, UserId};

pub use super::entity::messages::Model as MessageRow;

pub struct NewMessage<'a> {
    pub room_id: RoomId,
    pub message_id: MessageId,
    pub sender_id: UserId,
    pub text: &'a str,
    pub client_message_id: Option<&'a str>,
    /// As JSON.
    pub attachments: Option<String>,
    /// Microseconds since the epoch.
    pub now: i64,
}

/// Stores a message. To be called while the room is locked, so that ids ascend in the order of the log.
pub async fn insert(tx: &TenantTx, new: NewMessage<'_>) -> Result<MessageRow> {
    let row = ActiveModel {
        room_id: Set(new.room_id.0),
        message_id: Set(new.message_id.0),
        sender_id: Set(new.sender_id.0),
        text: Set(new.text.to_owned()),
        client_message_id: Set(new.client_message_id.map(str::to_owned)),
        attachments: Set(new.attachments),
        created_at: Set(new.now),
        ..Default::default()
    };
    tx.insert(row).await
}

pub async fn find(tx: &TenantTx, id: MessageId) -> Result<Option<MessageRow>> {
    Ok(tx.select::<Entity>().filter(Column::MessageId.eq(id.0)).one(&tx.tx).await?)
}

/// The message with this id of its sender's client.
pub async fn find_named(
    tx: &TenantTx,
    sender_id: UserId,
    client_message_id: &str,
) -> Result<Option<MessageRow>> {
    let query = tx.select::<Entity>().filter(Column::SenderId.eq(sender_id.0));
    Ok(query.filter(Column::ClientMessageId.eq(client_message_id)).one(&tx.tx).await?)
}

/// A room's messages, newest first, before the row with id `before`.
pub async fn history(
    tx: &TenantTx,
    room_id: RoomId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<MessageRow>> {
    let query = tx.select::<Entity>().filter(Column::RoomId.eq(room_id.0));
    let query = query.filter(Column::Id.lt(before.unwrap_or(i64::MAX)));
    Ok(query.order_by_desc(Column::Id).limit(limit).all(&tx.tx).await?)
}

/// Messages of others in a room after the row with id `after`.
pub async fn unread(tx: &TenantTx, room_id: RoomId, reader: UserId, after: i64) -> Result<u64> {
    let query = tx
        .select::<Entity>()
        .filter(Column::RoomId.eq(room_id.0))
        .filter(Column::Id.gt(after))
        .filter(Column::SenderId.ne(reader.0))
        .filter(Column::DeletedAt.is_null());
    Ok(query.count(&tx.tx).await?)
}

pub async fn edit(tx: &TenantTx, id: i64, text: &str, now: i64) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    let query = query.col_expr(Column::Text, text.into()).col_expr(Column::EditedAt, now.into());
    query.exec(&tx.tx).await?;
    Ok(())
}

/// Removes the text and the files and leaves the row.
pub async fn delete(tx: &TenantTx, id: i64, now: i64) -> Result<()> {
    let query = tx.update::<Entity>().filter(Column::Id.eq(id));
    let query = query.col_expr(Column::Text, "".into());
    let query = query.col_expr(Column::Attachments, Expr::value(Option::<String>::None));
    query.col_expr(Column::DeletedAt, now.into()).exec(&tx.tx).await?;
    Ok(())
}
