//! `GET /usage`.

use poem::Request;

use super::view::{QuotaUsageView, list};
use crate::base::page::PageRequest;
use crate::domain::limits::usage;
use crate::domain::op::Op;
use crate::http::list::Listed;
use crate::protocol::problem::Problem;
use crate::session::ConnectionRegistry;

pub(super) async fn own(
    request: &Request,
    registry: &ConnectionRegistry,
    op: &Op,
    page: &PageRequest<usize>,
) -> Result<Listed<QuotaUsageView>, Problem> {
    let connections = registry.count_of_tenant(op.scope.tenant_id());
    Ok(list(request, usage::own(op, connections).await?, page))
}
