//! `POST /rooms/{room_id}/read` and `POST /direct-messages/{user_id}/read`.

use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};

use super::change::id;
use crate::base::ids::UserId;
use crate::domain::messages;
use crate::domain::op::Op;
use crate::http::body::body_rules;
use crate::protocol::examples;
use crate::protocol::problem::Problem;

/// The newest message that was read.
#[derive(Debug, Object)]
#[oai(rename = "ReadMarker", deny_unknown_fields, example)]
pub struct ReadMarkerBody {
    message_id: String,
}

body_rules! {
    ReadMarkerBody: |_body, _now| Vec::new();
}

impl Example for ReadMarkerBody {
    fn example() -> Self {
        Self { message_id: examples::UUID.to_owned() }
    }
}

/// The answer to a read marker.
#[derive(Debug, ApiResponse)]
pub enum MarkReadResponse {
    /// Everything up to the message is read. A marker never moves back.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn room(op: &Op, room_id: &str, body: ReadMarkerBody) -> Result<MarkReadResponse, Problem> {
    messages::mark_room_read(op, room_id, id(&body.message_id)?).await?;
    Ok(MarkReadResponse::Done)
}

pub(super) async fn person(op: &Op, user_id: i64, body: ReadMarkerBody) -> Result<MarkReadResponse, Problem> {
    messages::mark_direct_read(op, UserId(user_id), id(&body.message_id)?).await?;
    Ok(MarkReadResponse::Done)
}
