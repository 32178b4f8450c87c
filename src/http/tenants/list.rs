//! `GET /tenants`.

use poem::Request;

use super::view::{TenantView, view};
use crate::base::page::Page;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::problem::Problem;

pub(super) async fn list(
    request: &Request,
    op: &PlatformOp,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<TenantView>, Problem> {
    let Page { rows, next } = tenants::list(op, page_request(limit, cursor)?).await?;
    let rows = rows.into_iter().map(view).collect::<Result<_, _>>()?;
    Ok(listed(request, Page { rows, next }))
}
