//! `POST /rooms`.

use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use crate::domain::op::Op;
use crate::domain::rooms;
use crate::http::router::BASE;
use crate::protocol::problem::Problem;
use crate::protocol::room::{NewRoom, Room};

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

pub(super) async fn create(op: &Op, new: NewRoom) -> Result<Created, Problem> {
    let room = rooms::create(op, new).await?;
    // An id has no character that must be escaped in a URL.
    let location = format!("{BASE}/rooms/{}", room.room_id);
    Ok(Created::Room(Json(room), location))
}
