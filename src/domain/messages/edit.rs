//! Editing and deleting messages. Deleting removes the text from the log as well.

use serde_json::{Value, json};

use super::conversation::{ConversationRef, lock_by_id};
use super::send::{SentMessage, refuse, validate};
use super::view::{message, payload, sender};
use crate::auth::permission::Permission;
use crate::base::clock::rfc3339;
use crate::base::ids::{MessageId, RoomId, UserId};
use crate::domain::error::Result;
use crate::domain::idempotency::AnswerSubject;
use crate::domain::op::{AuditEntry, Op, forbidden};
use crate::domain::rooms::access::require_user;
use crate::protocol::event::Event;
use crate::protocol::message::{Logged, MessageDeleted, MessageDeletedPayload, MessageEdited};
use crate::protocol::problem::{Code, Problem};
use crate::protocol::room::Message;
use crate::storage::messages::{self, MessageRow};
use crate::storage::{TenantTx, events, micros, upload_attachments, users};

/// Checks the current message with the row locked: a precondition of the request.
pub type Precondition<'a> = &'a (dyn Fn(&Message) -> Result<()> + Sync);

/// Replaces a message's text; `None` leaves it. Only its author may edit it.
pub async fn edit(
    op: &Op,
    message_id: MessageId,
    text: Option<&str>,
    precondition: Precondition<'_>,
) -> Result<Message> {
    op.require(Permission::Chat)?;
    refuse(text.map(|text| validate(text, None, &[])).unwrap_or_default())?;
    let me = require_user(op)?;
    let mut change = op.begin().await?;
    let (row, conversation) = find(op, &change.tx, message_id).await?;
    if row.sender_id != me.0 {
        let words = "Only its author may edit a message; an admin may delete one that was said in a room.";
        return Err(Problem::new(Code::Forbidden, words));
    }
    if row.deleted_at.is_some() {
        return Err(Problem::new(Code::Conflict, "The message was deleted."));
    }
    if let ConversationRef::Room(room) = &conversation {
        room.require_open()?;
    }
    let before = view_of(&change.tx, &row, &conversation).await?;
    precondition(&before)?;
    let Some(text) = text.filter(|text| row.text != *text) else {
        // Nothing is written: neither the time of the edit nor the log changes.
        return Ok(before);
    };
    messages::edit(&change.tx, row.id, text, micros(op.now())).await?;
    let row = messages::find(&change.tx, message_id).await?.ok_or_else(Problem::not_found)?;
    let author = users::find(&change.tx, me).await?.ok_or_else(Problem::not_found)?;
    let target = conversation.target_of(me);
    rewrite_stored_responses(&change.tx, &row, &conversation).await?;
    change.emit(Event::Edited {
        conversation: conversation.conversation(),
        message: MessageEdited {
            sender_id: me.0,
            sender: sender(&author),
            payload: payload(&row, conversation.slug(), target),
            logged: Logged::default(),
        },
    });
    op.commit(change).await?;
    Ok(message(&row, sender(&author), conversation.slug(), target))
}

async fn view_of(tx: &TenantTx, row: &MessageRow, conversation: &ConversationRef) -> Result<Message> {
    let author = UserId(row.sender_id);
    let user = users::find(tx, author).await?.ok_or_else(Problem::not_found)?;
    Ok(message(row, sender(&user), conversation.slug(), conversation.target_of(author)))
}

/// Removes a message's text for good; a deleted message stays so. For its author, and for admins in rooms.
pub async fn delete(op: &Op, message_id: MessageId, precondition: Precondition<'_>) -> Result<()> {
    op.require(Permission::Chat)?;
    let me = require_user(op)?;
    let mut change = op.begin().await?;
    let (row, conversation) = find(op, &change.tx, message_id).await?;
    require_author_or_admin(op, &row, &conversation)?;
    precondition(&view_of(&change.tx, &row, &conversation).await?)?;
    if row.deleted_at.is_none() {
        let now = op.now();
        messages::delete(&change.tx, row.id, micros(now)).await?;
        upload_attachments::delete_of_message(&change.tx, row.id).await?;
        redact(&change.tx, message_id, &rfc3339(now)).await?;
        let gone = messages::find(&change.tx, message_id).await?.ok_or_else(Problem::not_found)?;
        rewrite_stored_responses(&change.tx, &gone, &conversation).await?;
        change.emit(Event::Deleted {
            conversation: conversation.conversation(),
            message: MessageDeleted {
                sender_id: me.0,
                payload: MessageDeletedPayload {
                    message_id: message_id.to_string(),
                    room_id: conversation.slug().map(str::to_owned),
                    target_user: conversation.target_of(UserId(row.sender_id)).map(|user| user.0),
                    timestamp: rfc3339(now),
                },
                logged: Logged::default(),
            },
        });
        op.audit_unless_own(&change.tx, UserId(row.sender_id), audit_entry(message_id)).await?;
    }
    op.commit(change).await?;
    // After the commit: cached pages of the log that were read before contain the text.
    op.services.log_cache.invalidate(op.scope.tenant_id());
    Ok(())
}

async fn find(op: &Op, tx: &TenantTx, message_id: MessageId) -> Result<(MessageRow, ConversationRef)> {
    let row = messages::find(tx, message_id).await?.ok_or_else(Problem::not_found)?;
    let conversation = lock_by_id(op, tx, RoomId(row.room_id)).await?;
    if let ConversationRef::Room(room) = &conversation
        && !room.is_member()
        && !op.may(Permission::ManageRooms)
    {
        return Err(Problem::not_found());
    }
    // Read again under the lock: it may have changed since.
    let row = messages::find(tx, message_id).await?.ok_or_else(Problem::not_found)?;
    Ok((row, conversation))
}

fn require_author_or_admin(op: &Op, row: &MessageRow, conversation: &ConversationRef) -> Result<()> {
    let is_author = require_user(op)?.0 == row.sender_id;
    let is_moderator = matches!(conversation, ConversationRef::Room(_)) && op.may(Permission::ManageRooms);
    if is_author || is_moderator { Ok(()) } else { Err(forbidden(Permission::ManageRooms)) }
}

/// Updates the answers that are stored for a retry of the sending, so that they contain the message as it is now.
async fn rewrite_stored_responses(
    tx: &TenantTx,
    row: &MessageRow,
    conversation: &ConversationRef,
) -> Result<()> {
    let target = conversation.target_of(UserId(row.sender_id));
    let now = |sent: &mut SentMessage| sent.payload = payload(row, conversation.slug(), target);
    AnswerSubject::message(MessageId(row.message_id)).rewrite(tx, now).await
}

/// Clears the text in every event of the log that contains it.
async fn redact(tx: &TenantTx, message_id: MessageId, deleted_at: &str) -> Result<()> {
    for event in events::about(tx, &message_id.to_string()).await? {
        let mut body: Value = serde_json::from_str(&event.body).map_err(|_| Problem::internal())?;
        if let Some(payload) = body.get_mut("payload").and_then(Value::as_object_mut) {
            payload.insert("text".to_owned(), json!(""));
            payload.insert("deleted_at".to_owned(), json!(deleted_at));
            payload.remove("attachments");
        }
        events::redact(tx, event.seq, body.to_string()).await?;
    }
    Ok(())
}

fn audit_entry(message_id: MessageId) -> AuditEntry {
    AuditEntry {
        action: "message.deleted",
        target_kind: "message",
        target_id: message_id.to_string(),
        detail: None,
    }
}
