//! `GET /tenants/{tenant_id}`.

use super::view::{TenantView, view};
use crate::base::ids::TenantId;
use crate::domain::identity::platform_op::PlatformOp;
use crate::domain::identity::tenants;
use crate::http::etag::{Tagged, tagged};
use crate::protocol::problem::Problem;

pub(super) async fn get(
    op: &PlatformOp,
    tenant_id: i64,
    if_none_match: Option<&str>,
) -> Result<Tagged<TenantView>, Problem> {
    Ok(tagged(view(tenants::get(op, TenantId(tenant_id)).await?)?, if_none_match))
}
