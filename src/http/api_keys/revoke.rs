//! `DELETE /api-keys/{key_id}`.

use poem_openapi::ApiResponse;
use uuid::Uuid;

use crate::base::ids::KeyId;
use crate::domain::identity::api_keys;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;

#[derive(Debug, ApiResponse)]
pub enum Revoked {
    /// The key has ended.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn revoke(op: &Op, id: Uuid) -> Result<Revoked, Problem> {
    api_keys::revoke(op, KeyId(id)).await?;
    Ok(Revoked::Done)
}
