//! `PATCH /rooms/{room_id}`.

use poem_openapi::Object;
use poem_openapi::types::{Example, MaybeUndefined};

use crate::domain::op::Op;
use crate::domain::rooms::{self, RoomChange};
use crate::http::body::body_rules;
use crate::http::etag::{Changed, changed, require_match};
use crate::protocol::problem::Problem;
use crate::protocol::room::Room;

/// The fields to change; absent ones stay unchanged.
#[derive(Debug, Object)]
#[oai(rename = "RoomPatch", deny_unknown_fields, example)]
pub struct RoomPatchBody {
    #[oai(validator(min_length = 1, max_length = 100))]
    name: Option<String>,
    /// `null` empties it.
    #[oai(validator(max_length = 500))]
    topic: MaybeUndefined<String>,
}

impl From<RoomPatchBody> for RoomChange {
    fn from(body: RoomPatchBody) -> Self {
        let topic = match body.topic {
            MaybeUndefined::Undefined => None,
            MaybeUndefined::Null => Some(None),
            MaybeUndefined::Value(topic) => Some(Some(topic)),
        };
        Self { name: body.name, topic }
    }
}

body_rules! {
    RoomPatchBody, emptied by null: ["topic"]: |body, _now| rooms::judge_change(&body.into());
}

impl Example for RoomPatchBody {
    fn example() -> Self {
        Self { name: Some("Elm Street, phase two".to_owned()), topic: MaybeUndefined::Undefined }
    }
}

pub(super) async fn patch(
    op: &Op,
    room_id: &str,
    if_match: Option<&str>,
    body: RoomPatchBody,
) -> Result<Changed<Room>, Problem> {
    let unchanged = |room: &_| require_match(room, if_match);
    Ok(changed(rooms::update(op, room_id, body.into(), &unchanged).await?))
}
