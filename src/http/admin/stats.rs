//! `GET /stats`: a tenant's live statistics for its admin, the node's for an operator.

use std::sync::Arc;

use poem_openapi::payload::Json;

use crate::http::caller::StatsCaller;
use crate::protocol::problem::Problem;
use crate::protocol::stats::Stats;
use crate::session::{ConnectionRegistry, tenant_stats};

pub(super) async fn get(
    registry: &Arc<ConnectionRegistry>,
    observer: &StatsCaller,
) -> Result<Json<Stats>, Problem> {
    Ok(Json(match observer {
        StatsCaller::Tenant(op) => Stats::Tenant(tenant_stats::load_tenant_stats(registry, op).await?),
        StatsCaller::Platform => Stats::Node(registry.node_stats()),
    }))
}
