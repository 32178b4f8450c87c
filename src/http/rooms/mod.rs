//! Rooms and their members.

mod archive;
mod create;
mod get;
mod list;
mod members;
mod patch;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;

use self::archive::Archived;
use self::create::Created;
use self::members::{MemberInput, Removed};
use self::patch::RoomPatchBody;
use super::body::{Body, OptionalBody};
use super::caller::{Caller, ManageRooms, ReadRooms};
use super::etag::{Changed, Tagged};
use super::idempotency::{IdempotencyKeyHeader, Replayable};
use super::list::Listed;
use super::tags::Tag;
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
        let archived = archived.0.unwrap_or(false);
        list::list(request, &caller.op, archived, limit.0, cursor.0.as_deref()).await
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
        Ok(Replayable::new(op.idempotency(), create::create(&op, body.0).await?))
    }

    /// Read a room
    #[oai(path = "/rooms/:room_id", method = "get", operation_id = "get_room")]
    async fn get(
        &self,
        caller: Caller<ReadRooms>,
        room_id: Path<String>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Room>, Problem> {
        get::get(&caller.op, &room_id.0, if_none_match.0.as_deref()).await
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
        patch::patch(&caller.op, &room_id.0, if_match.0.as_deref(), body.0).await
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
        archive::archive(&caller.op, &room_id.0, if_match.0.as_deref()).await
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
        members::list(request, &caller.op, &room_id.0, limit.0, cursor.0.as_deref()).await
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
        members::put(&caller.op, &room_id.0, user_id.0, body.0.unwrap_or_default()).await
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
        members::remove(&caller.op, &room_id.0, user_id.0).await
    }
}
