//! `GET /spiders/{name}`.

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;
use crate::protocol::spider::Spider;

pub(super) async fn get(op: &Op, name: &str, if_none_match: Option<&str>) -> Result<Tagged<Spider>, Problem> {
    Ok(tagged(spiders::get(op, name).await?, if_none_match))
}
