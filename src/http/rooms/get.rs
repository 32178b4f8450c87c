//! `GET /rooms/{room_id}`.

use crate::domain::op::Op;
use crate::domain::rooms;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;
use crate::protocol::room::Room;

pub(super) async fn get(
    op: &Op,
    room_id: &str,
    if_none_match: Option<&str>,
) -> Result<Tagged<Room>, Problem> {
    Ok(tagged(rooms::get(op, room_id).await?, if_none_match))
}
