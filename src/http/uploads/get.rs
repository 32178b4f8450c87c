//! `GET /uploads/{upload_id}`.

use crate::base::ids::UploadId;
use crate::domain::op::Op;
use crate::domain::uploads;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;

pub(super) async fn get(
    op: &Op,
    upload_id: &str,
    if_none_match: Option<&str>,
) -> Result<Tagged<Upload>, Problem> {
    Ok(tagged(uploads::get(op, id(upload_id)?).await?, if_none_match))
}

/// A malformed id is answered as not found.
pub(super) fn id(text: &str) -> Result<UploadId, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}
