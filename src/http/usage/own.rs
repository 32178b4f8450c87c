//! `GET /usage`.

use poem_openapi::payload::Json;

use super::view::{UsageView, view};
use crate::domain::limits::usage;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::session::Sessions;

pub(super) async fn own(sessions: &Sessions, op: &Op) -> Result<Json<UsageView>, Problem> {
    let connections = sessions.count_of_tenant(op.scope.tenant_id());
    Ok(Json(view(usage::own(op, connections).await?)))
}
