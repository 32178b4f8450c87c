//! Rooms and their members.

use poem::Request;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{ApiResponse, Object, OpenApi};

use super::base::BASE;
use super::body::{Body, OptionalBody, body_rules};
use super::caller::{Caller, ManageRooms, ReadRooms};
use super::etag::{Changed, Tagged, changed, require_match, tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::UserId;
use crate::domain::rooms::{self, RoomChange, members};
use crate::protocol::problem::Problem;
use crate::protocol::room::{Member, NewRoom, Room};

pub struct RoomsApi;

#[OpenApi(tag = "Tag::Messages")]
impl RoomsApi {
    /// List rooms
    ///
    /// Public rooms and those of the caller, in the order of creation; for admins all.
    #[oai(path = "/rooms", method = "get", operation_id = "list_rooms")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        /// Archived rooms instead of active ones.
        archived: Query<Option<bool>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Room>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, rooms::list(&caller.op, archived.0.unwrap_or(false), page).await?))
    }

    /// Create a room
    ///
    /// For admins. The server generates the id of a private room.
    #[oai(path = "/rooms", method = "post", operation_id = "create_room")]
    async fn create(
        &self,
        caller: Caller<ManageRooms>,
        #[oai(name = "Idempotency-Key")] once: IdempotencyKeyHeader,
        body: Body<NewRoom>,
    ) -> Result<Replayable<Created>, Problem> {
        let op = caller.op.with_idempotency_key(once.0);
        let room = rooms::create(&op, body.0).await?;
        // An id has no character that must be escaped in a URL.
        let location = format!("{BASE}/rooms/{}", room.room_id);
        Ok(Replayable::new(op.idempotency(), Created::Room(Json(room), location)))
    }

    /// Read a room
    #[oai(path = "/rooms/:room_id", method = "get", operation_id = "get_room")]
    async fn get(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Room>, Problem> {
        Ok(tagged(rooms::get(&caller.op, &room_id.0).await?, if_none_match.0.as_deref()))
    }

    /// Change a room
    ///
    /// For owners of the room and admins.
    #[oai(path = "/rooms/:room_id", method = "patch", operation_id = "patch_room")]
    async fn patch(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
        body: Body<RoomPatchBody>,
    ) -> Result<Changed<Room>, Problem> {
        let unchanged = |room: &_| require_match(room, if_match.0.as_deref());
        Ok(changed(rooms::update(&caller.op, &room_id.0, body.0.into(), &unchanged).await?))
    }

    /// Archive a room
    ///
    /// Its members can still read the messages; no more are accepted. For owners of the room and admins.
    #[oai(path = "/rooms/:room_id", method = "delete", operation_id = "archive_room")]
    async fn archive(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Archived, Problem> {
        let unchanged = |room: &_| require_match(room, if_match.0.as_deref());
        rooms::archive(&caller.op, &room_id.0, &unchanged).await?;
        Ok(Archived::Done)
    }

    /// List a room's members
    ///
    /// In the order of joining; for the lobby, all users. For members of the room, and for users that may read the
    /// directory, because the members of the lobby, or of a public room that one is not in, are directory data.
    #[oai(path = "/rooms/:room_id/members", method = "get", operation_id = "list_room_members")]
    async fn members(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Member>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, members::list(&caller.op, &room_id.0, page).await?))
    }

    /// Add a member to a room
    ///
    /// Or set whether a member is an owner. For owners of the room and admins.
    #[oai(path = "/rooms/:room_id/members/:user_id", method = "put", operation_id = "put_room_member")]
    async fn put_member(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        user_id: Path<i64>,
        body: OptionalBody<MemberInput>,
    ) -> Result<Json<Member>, Problem> {
        let is_owner = body.0.unwrap_or_default().is_owner;
        Ok(Json(members::put(&caller.op, &room_id.0, UserId(user_id.0), is_owner).await?))
    }

    /// Remove a member from a room
    ///
    /// For owners of the room and admins; every member may remove themselves.
    #[oai(path = "/rooms/:room_id/members/:user_id", method = "delete", operation_id = "remove_room_member")]
    async fn remove_member(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        user_id: Path<i64>,
    ) -> Result<Removed, Problem> {
        members::remove(&caller.op, &room_id.0, UserId(user_id.0)).await?;
        Ok(Removed::Done)
    }
}

/// A new room.
#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The room is created, with the caller as its owner.
    #[oai(status = 201)]
    Room(
        Json<Room>,
        /// The room's address.
        #[oai(header = "Location")]
        String,
    ),
}

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

/// Archived.
#[derive(Debug, ApiResponse)]
pub enum Archived {
    /// The room accepts no more messages.
    #[oai(status = 204)]
    Done,
}

/// The settings of a member.
#[derive(Debug, Default, Object)]
#[oai(deny_unknown_fields, example)]
pub struct MemberInput {
    /// Owners change the room and its members.
    #[oai(default)]
    pub is_owner: bool,
}

/// The answer to the removal of a member.
#[derive(Debug, ApiResponse)]
pub enum Removed {
    /// The user is not a member any more.
    #[oai(status = 204)]
    Done,
}

body_rules! {
    RoomPatchBody, emptied by null: ["topic"]: |body, _now| rooms::judge_change(&body.into());
    MemberInput: |_body, _now| Vec::new();
}

impl Example for RoomPatchBody {
    fn example() -> Self {
        Self { name: Some("Elm Street, phase two".to_owned()), topic: MaybeUndefined::Undefined }
    }
}

impl Example for MemberInput {
    fn example() -> Self {
        Self { is_owner: true }
    }
}
