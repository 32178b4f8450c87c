//! Sending a message: the same code for sockets and requests.

use serde::{Deserialize, Serialize};

use super::conversation::{ConversationRef, lock_between, lock_room};
use super::view::{payload, sender};
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, MessageId, UserId};
use crate::base::text::has_length;
use crate::cluster::presence_store::TenantUser;
use crate::domain::error::Result;
use crate::domain::idempotency::{AnswerSubject, Begin};
use crate::domain::jobs::validation::FieldErrors;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::domain::uploads::attach;
use crate::eventlog;
use crate::protocol::event::Event;
use crate::protocol::message::{ChatMessage, ChatPayload, DirectMessage, Logged, Sender};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::storage::messages::{self, MessageRow};
use crate::storage::rooms::LOBBY;
use crate::storage::upload_attachments::AttachmentTarget;
use crate::storage::{TenantTx, micros, users};

/// Maximum characters of a message, and of the sender's own id for it.
const MAX_TEXT: usize = 1_000;
const MAX_NAME: usize = 64;
/// The field of the text.
const TEXT: &str = "text";
/// Maximum number of files attached to one message.
const MAX_FILES: usize = 10;

/// The recipient of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Recipient {
    /// A room; the lobby when none is named.
    Room(Option<String>),
    User(UserId),
}

pub struct NewMessage {
    pub to: Recipient,
    pub text: String,
    /// The sender's own id for the message: a repetition stores nothing and answers with the stored message.
    pub client_message_id: Option<String>,
    /// Files of the sender that are attached to it.
    pub upload_ids: Vec<String>,
    /// The connection that it came from, which does not receive it.
    pub connection: Option<ConnectionId>,
}

/// The stored message.
#[derive(Debug, Serialize, Deserialize)]
pub struct SentMessage {
    pub payload: ChatPayload,
    /// After the message; of one that was stored before, the log's position at the repetition.
    pub position: Position,
}

/// Stores a message and publishes it, once.
pub async fn send(op: &Op, new: NewMessage) -> Result<SentMessage> {
    op.require(Permission::Chat)?;
    refuse(validate(&new.text, new.client_message_id.as_deref(), &new.upload_ids))?;
    let me = require_user(op)?;
    let mut change = match op.begin_idempotent().await? {
        Begin::Execute(change) => change,
        Begin::Replay(answer) => return Ok(answer),
    };
    let conversation = match &new.to {
        Recipient::Room(room_id) => lock_room(op, &change.tx, room_id.as_deref().unwrap_or(LOBBY)).await?,
        Recipient::User(other) => lock_between(op, &change.tx, *other).await?,
    };
    let target = conversation.target_of(me);
    if let Some(stored) = find_duplicate(&change.tx, me, &new, &conversation).await? {
        let position = eventlog::read_head(&change.tx).await?.position();
        let sent = SentMessage { payload: payload(&stored, conversation.slug(), target), position };
        let subject = AnswerSubject::message(MessageId(stored.message_id));
        return op.commit_idempotent_about(change, &subject, |_| Ok(sent)).await;
    }
    if let ConversationRef::Room(room) = &conversation {
        room.require_open()?;
    }
    let files = attach::lock_own_files(&change.tx, me, &new.upload_ids).await?;
    let row = messages::insert(
        &change.tx,
        messages::NewMessage {
            room_id: conversation.room_id(),
            message_id: MessageId::new(&op.services.clock),
            sender_id: me,
            text: &new.text,
            client_message_id: new.client_message_id.as_deref(),
            attachments: attach::to_json(&files),
            now: micros(op.now()),
        },
    );
    let row = row.await?;
    attach::bind(&change.tx, &files, AttachmentTarget::Message { id: row.id, room: conversation.room_id() })
        .await?;
    let author = users::find(&change.tx, me).await?.ok_or_else(Problem::not_found)?;
    let payload = payload(&row, conversation.slug(), target);
    change.emit(event(&conversation, new.connection, me, sender(&author), payload.clone()));
    let sent = op
        .commit_idempotent_about(change, &AnswerSubject::message(MessageId(row.message_id)), |position| {
            Ok(SentMessage { payload, position: position.ok_or_else(Problem::internal)? })
        })
        .await?;
    if let ConversationRef::Room(room) = &conversation {
        let person = TenantUser { tenant: op.scope.tenant_id(), user: me };
        op.services.ephemeral.typing.stop_in_room(&op.services.publisher, person, room.id());
    }
    Ok(sent)
}

fn event(
    conversation: &ConversationRef,
    connection: Option<ConnectionId>,
    me: UserId,
    sender: Sender,
    payload: ChatPayload,
) -> Event {
    let (sender_id, logged) = (me.0, Logged::default());
    match conversation {
        ConversationRef::Room(room) => Event::Chat {
            conversation: room.conversation(),
            connection,
            message: ChatMessage { sender_id, sender, payload, logged },
        },
        ConversationRef::Between { users, .. } => Event::Direct {
            between: *users,
            connection,
            message: DirectMessage { sender_id, sender, payload, logged },
        },
    }
}

/// The message to which the sender has given this id before. Another text or place under the same id is refused.
async fn find_duplicate(
    tx: &TenantTx,
    me: UserId,
    new: &NewMessage,
    conversation: &ConversationRef,
) -> Result<Option<MessageRow>> {
    let Some(name) = &new.client_message_id else { return Ok(None) };
    let Some(stored) = messages::find_named(tx, me, name).await? else { return Ok(None) };
    let is_same_text = stored.text == new.text || stored.edited_at.is_some() || stored.deleted_at.is_some();
    if stored.room_id == conversation.room_id().0 && is_same_text {
        return Ok(Some(stored));
    }
    Err(Problem::new(Code::Conflict, "You have given this client_message_id to another message."))
}

/// All invalid fields of a message.
pub fn validate(text: &str, client_message_id: Option<&str>, upload_ids: &[String]) -> Vec<FieldError> {
    let mut faults = FieldErrors::default();
    let words = "must have 1 to 1,000 characters, none of them NUL";
    faults.require(has_length(text, 1, MAX_TEXT), TEXT, "length", words);
    faults.require(upload_ids.len() <= MAX_FILES, "upload_ids", "max_items", "must have at most 10 files");
    let is_named = client_message_id.is_none_or(|name| has_length(name, 1, MAX_NAME));
    faults.require(
        is_named,
        "client_message_id",
        "invalid",
        "must have 1 to 64 characters, none of them NUL",
    );
    faults.into_errors()
}

/// Refuses an invalid message. Where only the text is invalid, the detail is the exact phrase that old clients match.
pub(super) fn refuse(errors: Vec<FieldError>) -> Result<()> {
    match errors.as_slice() {
        [] => Ok(()),
        [only] if only.pointer == format!("/{TEXT}") => {
            Err(Problem { errors, ..Problem::new(Code::ValidationFailed, "Invalid message length") })
        }
        _ => Err(Problem::validation(errors)),
    }
}
