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
pub struct ReadBody {
    message_id: String,
}

body_rules! {
    ReadBody: |_body, _now| Vec::new();
}

impl Example for ReadBody {
    fn example() -> Self {
        Self { message_id: examples::UUID.to_owned() }
    }
}

/// Noted.
#[derive(Debug, ApiResponse)]
pub enum Noted {
    /// Everything up to the message is read. A marker never moves back.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn room(op: &Op, room_id: &str, body: ReadBody) -> Result<Noted, Problem> {
    messages::read_room(op, room_id, id(&body.message_id)?).await?;
    Ok(Noted::Done)
}

pub(super) async fn person(op: &Op, user_id: i64, body: ReadBody) -> Result<Noted, Problem> {
    messages::read_person(op, UserId(user_id), id(&body.message_id)?).await?;
    Ok(Noted::Done)
}
