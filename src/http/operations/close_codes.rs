//! `GET /close-codes`.

use poem_openapi::payload::Json;

use crate::protocol::problem::CloseCodeBody;

pub(super) fn list() -> Json<Vec<CloseCodeBody>> {
    Json(crate::http::problem::close_codes())
}
