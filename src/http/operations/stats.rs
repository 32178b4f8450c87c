//! `GET /stats`: a tenant's live figures for its admin, the node's for an operator.

use std::sync::Arc;

use poem_openapi::payload::Json;

use crate::http::caller::Observer;
use crate::protocol::problem::Problem;
use crate::protocol::stats::Stats;
use crate::session::{Sessions, stats};

pub(super) async fn get(sessions: &Arc<Sessions>, observer: &Observer) -> Result<Json<Stats>, Problem> {
    Ok(Json(match observer {
        Observer::Tenant(op) => Stats::Tenant(stats::of_tenant(sessions, op).await?),
        Observer::Platform => Stats::Node(sessions.node_stats()),
    }))
}
