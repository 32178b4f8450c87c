//! Saying something: the one way, whether it comes by socket or by request.

use serde::{Deserialize, Serialize};

use super::spot::{Spot, lock_between, lock_room};
use super::view::{payload, sender};
use crate::auth::permission::Permission;
use crate::base::ids::{ConnectionId, MessageId, UserId};
use crate::base::text::fits;
use crate::cluster::attendance::Person;
use crate::domain::error::Result;
use crate::domain::idempotency::{Begun, Subject};
use crate::domain::jobs::check::Faults;
use crate::domain::op::Op;
use crate::domain::rooms::access::caller;
use crate::domain::uploads::attach;
use crate::eventlog;
use crate::protocol::event::Event;
use crate::protocol::message::{ChatMessage, ChatPayload, DirectMessage, Sender};
use crate::protocol::position::Position;
use crate::protocol::problem::{Code, FieldError, Problem};
use crate::storage::messages::{self, MessageRow};
use crate::storage::rooms::LOBBY;
use crate::storage::upload_attachments::Host;
use crate::storage::{TenantTx, micros, users};

/// Characters of a message, and of the sender's own name for it.
const MAX_TEXT: usize = 1_000;
const MAX_NAME: usize = 64;
/// The field of what is said.
const TEXT: &str = "text";
/// Files that go with one message.
const MAX_FILES: usize = 10;

/// To whom.
#[derive(Clone, Debug, PartialEq)]
pub enum To {
    /// A room; the lobby when none is named.
    Room(Option<String>),
    Person(UserId),
}

pub struct NewMessage {
    pub to: To,
    pub text: String,
    /// The sender's own name for the message: the same again stores nothing and answers what is stored.
    pub client_message_id: Option<String>,
    /// Files of the sender that go with it.
    pub upload_ids: Vec<String>,
    /// The connection that it came from, which is not told.
    pub connection: Option<ConnectionId>,
}

/// What was stored.
#[derive(Debug, Serialize, Deserialize)]
pub struct Sent {
    pub payload: ChatPayload,
    /// After the message; of one that was stored before, where the log stood later.
    pub position: Position,
}

/// Stores a message and tells it, once.
pub async fn send(op: &Op, new: NewMessage) -> Result<Sent> {
    op.require(Permission::Chat)?;
    refuse(judge(&new.text, new.client_message_id.as_deref(), &new.upload_ids))?;
    let me = caller(op)?;
    let mut change = match op.begin_once().await? {
        Begun::First(change) => change,
        Begun::Again(answer) => return Ok(answer),
    };
    let spot = match &new.to {
        To::Room(room_id) => lock_room(op, &change.tx, room_id.as_deref().unwrap_or(LOBBY)).await?,
        To::Person(other) => lock_between(op, &change.tx, *other).await?,
    };
    let target = spot.target_of(me);
    if let Some(stored) = said_before(&change.tx, me, &new, &spot).await? {
        let position = eventlog::read_head(&change.tx).await?.position();
        let sent = Sent { payload: payload(&stored, spot.slug(), target), position };
        let subject = Subject::message(MessageId(stored.message_id));
        return op.commit_once_about(change, &subject, |_| Ok(sent)).await;
    }
    if let Spot::Room(room) = &spot {
        room.require_open()?;
    }
    let files = attach::own_files(&change.tx, me, &new.upload_ids).await?;
    let row = messages::insert(
        &change.tx,
        messages::NewMessage {
            room_id: spot.room_id(),
            message_id: MessageId::new(&op.kernel.clock),
            sender_id: me,
            text: &new.text,
            client_message_id: new.client_message_id.as_deref(),
            attachments: attach::noted(&files),
            now: micros(op.now()),
        },
    );
    let row = row.await?;
    attach::bind(&change.tx, &files, Host::Message { id: row.id, room: spot.room_id() }).await?;
    let author = users::find(&change.tx, me).await?.ok_or_else(Problem::not_found)?;
    let payload = payload(&row, spot.slug(), target);
    change.tell(event(&spot, new.connection, me, sender(&author), payload.clone()));
    let sent = op
        .commit_once_about(change, &Subject::message(MessageId(row.message_id)), |position| {
            Ok(Sent { payload, position: position.ok_or_else(Problem::internal)? })
        })
        .await?;
    if let Spot::Room(room) = &spot {
        let person = Person { tenant: op.scope.tenant_id(), user: me };
        op.kernel.together.typing.said(&op.kernel.hub, person, room.id());
    }
    Ok(sent)
}

fn event(
    spot: &Spot,
    connection: Option<ConnectionId>,
    me: UserId,
    sender: Sender,
    payload: ChatPayload,
) -> Event {
    let (sender_id, position, occurred_at) = (me.0, None, None);
    match spot {
        Spot::Room(room) => Event::Chat {
            place: room.place(),
            connection,
            message: ChatMessage { sender_id, sender, payload, position, occurred_at },
        },
        Spot::Between { users, .. } => Event::Direct {
            between: *users,
            connection,
            message: DirectMessage { sender_id, sender, payload, position, occurred_at },
        },
    }
}

/// The message that the sender has given this name before. Another text or another place under the same name is refused.
async fn said_before(tx: &TenantTx, me: UserId, new: &NewMessage, spot: &Spot) -> Result<Option<MessageRow>> {
    let Some(name) = &new.client_message_id else { return Ok(None) };
    let Some(stored) = messages::find_named(tx, me, name).await? else { return Ok(None) };
    let as_said = stored.text == new.text || stored.edited_at.is_some() || stored.deleted_at.is_some();
    if stored.room_id == spot.room_id().0 && as_said {
        return Ok(Some(stored));
    }
    Err(Problem::new(Code::Conflict, "You have given this client_message_id to another message."))
}

/// Every bad field of a message.
pub fn judge(text: &str, client_message_id: Option<&str>, upload_ids: &[String]) -> Vec<FieldError> {
    let mut faults = Faults::default();
    let words = "must have 1 to 1,000 characters, none of them NUL";
    faults.unless(fits(text, 1, MAX_TEXT), TEXT, "length", words);
    faults.unless(upload_ids.len() <= MAX_FILES, "upload_ids", "max_items", "must have at most 10 files");
    let is_named = client_message_id.is_none_or(|name| fits(name, 1, MAX_NAME));
    faults.unless(is_named, "client_message_id", "invalid", "must have 1 to 64 characters, none of them NUL");
    faults.into_errors()
}

/// Refuses a bad message. Where the text alone is bad, the words that the seeds' clients match are the whole detail.
pub(super) fn refuse(errors: Vec<FieldError>) -> Result<()> {
    match errors.as_slice() {
        [] => Ok(()),
        [only] if only.pointer == format!("/{TEXT}") => {
            Err(Problem { errors, ..Problem::new(Code::ValidationFailed, "Invalid message length") })
        }
        _ => Err(Problem::validation(errors)),
    }
}
