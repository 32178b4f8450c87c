//! `POST /workers/claim`.

use std::sync::Arc;

use poem::Request;
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;

use super::lease_length;
use crate::domain::jobs;
use crate::domain::op::Op;
use crate::protocol::problem::Problem;
use crate::protocol::worker::{Claim, ClaimRequest};
use crate::session::ConnectionRegistry;

/// A job, or none.
#[derive(Debug, ApiResponse)]
pub enum Claimed {
    /// The worker holds the job until its lease ends.
    #[oai(status = 200)]
    Job(Json<Box<Claim>>),
    /// No job became available in that time.
    #[oai(status = 204)]
    None,
}

pub(super) async fn claim(
    request: &Request,
    op: &Op,
    claim_request: ClaimRequest,
) -> Result<Claimed, Problem> {
    let length = lease_length(request)?;
    // A node that shuts down lets its waiting workers go to another one.
    let stop = request
        .data::<Arc<ConnectionRegistry>>()
        .map(|sessions| sessions.stopping().clone())
        .unwrap_or_default();
    let claim = jobs::claim::claim(op, &claim_request, length, &stop).await?;
    Ok(claim.map_or(Claimed::None, |claim| Claimed::Job(Json(Box::new(claim)))))
}
