//! `PATCH` and `DELETE /messages/{message_id}`.

use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use crate::base::ids::MessageId;
use crate::domain::messages;
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::http::etag::{Changed, changed};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::room::Message;

/// The text from now on.
#[derive(Debug, Object)]
#[oai(rename = "MessagePatch", deny_unknown_fields, example)]
pub struct MessagePatchBody {
    #[oai(validator(min_length = 1, max_length = 1000))]
    text: String,
}

body_rules! {
    MessagePatchBody, emptied by null: []: |body, _now| messages::judge(&body.text, None, &[]);
}

impl Example for MessagePatchBody {
    fn example() -> Self {
        Self { text: examples::rooms::TEXT.to_owned() }
    }
}

/// Deleted.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The text is gone, from the history and from the log.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn edit(
    op: &Op,
    message_id: &str,
    body: MessagePatchBody,
) -> Result<Changed<Message>, Problem> {
    Ok(changed(messages::edit(op, id(message_id)?, &body.text).await?))
}

pub(super) async fn delete(op: &Op, message_id: &str) -> Result<Deleted, Problem> {
    messages::delete(op, id(message_id)?).await?;
    Ok(Deleted::Done)
}

/// What is no id names nothing.
pub(super) fn id(text: &str) -> Result<MessageId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
