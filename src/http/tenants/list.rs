//! `GET /tenants`.

use poem::Request;

use super::view::{TenantView, view};
use crate::domain::identity::platform::PlatformOp;
use crate::domain::identity::tenants;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;

pub(super) async fn list(
    request: &Request,
    op: &PlatformOp,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<TenantView>, Problem> {
    let page = tenants::list(op, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(view)))
}
