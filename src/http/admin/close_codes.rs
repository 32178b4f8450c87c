//! `GET /close-codes`.

use poem_openapi::payload::Json;

use crate::protocol::problem::{CloseCode, CloseCodeBody};

pub(super) fn list() -> Json<Vec<CloseCodeBody>> {
    Json(CloseCode::ALL.iter().map(|code| code.row().into()).collect())
}
