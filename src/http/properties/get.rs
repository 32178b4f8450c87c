//! `GET /properties/{property_id}`.

use crate::base::ids::PropertyId;
use crate::domain::op::Op;
use crate::domain::properties;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;
use crate::protocol::property::Property;

pub(super) async fn get(
    op: &Op,
    id: PropertyId,
    if_none_match: Option<&str>,
) -> Result<Tagged<Property>, Problem> {
    Ok(tagged(properties::get::get(op, id).await?, if_none_match))
}
