//! `PUT /spiders/{name}`.

use crate::domain::op::Op;
use crate::domain::spiders;
use crate::http::etag::{Changed, changed, require_match};
use crate::protocol::problem::Problem;
use crate::protocol::spider::{Spider, SpiderInput};

pub(super) async fn put(
    op: &Op,
    name: &str,
    if_match: Option<&str>,
    change: SpiderInput,
) -> Result<Changed<Spider>, Problem> {
    let unchanged = |spider: &_| require_match(spider, if_match);
    Ok(changed(spiders::put(op, name, change, &unchanged).await?))
}
