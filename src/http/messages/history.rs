//! `GET /rooms/{room_id}/messages`, `GET /direct-messages` and `GET /direct-messages/{user_id}`.

use poem::Request;
use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::base::ids::UserId;
use crate::domain::messages::{self, DirectConversation};
use crate::domain::op::Op;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::protocol::room::Message;

/// Another user that has exchanged messages with the caller.
#[derive(Debug, Object)]
#[oai(rename = "Conversation", skip_serializing_if_is_none, example)]
pub struct ConversationView {
    user_id: i64,
    username: String,
    display_name: Option<String>,
    /// Messages of that user that the caller has not read.
    unread_count: u64,
    started_at: String,
}

impl Example for ConversationView {
    fn example() -> Self {
        Self {
            user_id: examples::USER,
            username: examples::USERNAME.to_owned(),
            display_name: None,
            unread_count: 1,
            started_at: examples::after(0),
        }
    }
}

pub(super) async fn of_room(
    request: &Request,
    op: &Op,
    room_id: &str,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Message>, Problem> {
    Ok(listed(request, messages::of_room(op, room_id, page_request(limit, cursor)?).await?))
}

pub(super) async fn of_person(
    request: &Request,
    op: &Op,
    user_id: i64,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<Message>, Problem> {
    Ok(listed(request, messages::with_user(op, UserId(user_id), page_request(limit, cursor)?).await?))
}

pub(super) async fn conversations(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<ConversationView>, Problem> {
    let page = messages::conversations(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(view)))
}

fn view(one: DirectConversation) -> ConversationView {
    ConversationView {
        user_id: one.user.id,
        username: one.user.username,
        display_name: one.user.display_name,
        unread_count: one.unread_count,
        started_at: one.started_at,
    }
}
