//! `PATCH` and `DELETE /messages/{message_id}`.

use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::base::ids::MessageId;
use crate::domain::messages;
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::http::etag::{Changed, changed, require_match};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::room::Message;

/// The new text; without one nothing changes.
#[derive(Debug, Object)]
#[oai(rename = "MessagePatch", deny_unknown_fields, example)]
pub struct MessagePatchBody {
    /// Absent: unchanged.
    #[oai(validator(min_length = 1, max_length = 1000))]
    text: Option<String>,
}

body_rules! {
    MessagePatchBody, emptied by null: []: |body, _now| {
        body.text.map(|text| messages::validate(&text, None, &[])).unwrap_or_default()
    };
}

impl Example for MessagePatchBody {
    fn example() -> Self {
        Self { text: Some(examples::rooms::TEXT.to_owned()) }
    }
}

/// Deleted.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The text is removed, from the history and from the log.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn edit(
    op: &Op,
    message_id: &str,
    if_match: Option<&str>,
    body: MessagePatchBody,
) -> Result<Changed<Message>, Problem> {
    let unchanged = |message: &_| require_match(message, if_match);
    Ok(changed(messages::edit(op, id(message_id)?, body.text.as_deref(), &unchanged).await?))
}

pub(super) async fn delete(op: &Op, message_id: &str, if_match: Option<&str>) -> Result<Deleted, Problem> {
    let unchanged = |message: &_| require_match(message, if_match);
    messages::delete(op, id(message_id)?, &unchanged).await?;
    Ok(Deleted::Done)
}

/// A malformed id is answered as not found.
pub(super) fn id(text: &str) -> Result<MessageId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
