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
    /// Public rooms and one's own, in the order of their making; for admins all.
    #[oai(path = "/rooms", method = "get", operation_id = "list_rooms")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<ReadRooms>,
        /// Those that take nothing more, instead of those that do.
        archived: Query<Option<bool>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Room>, Problem> {
        let archived = archived.0.unwrap_or(false);
        list::list(request, &caller.op, archived, limit.0, cursor.0.as_deref()).await
    }

    /// Make a room
    ///
    /// For admins. A private room's id is made by the server.
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
    /// Its members go on reading what was said; nothing is added. For owners of the room and admins.
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
    /// In the order of their joining; in the lobby, everybody. For those who are in the room, and for those who may read the
    /// directory: who is in the lobby, or in a public room that one is not in, is what the directory says.
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

    /// Bring somebody into a room
    ///
    /// Or say whether a member is an owner. For owners of the room and admins.
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

    /// Put somebody out of a room
    ///
    /// For owners of the room and admins; anybody may leave by it.
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
