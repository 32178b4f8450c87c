//! What the router adds to every request.

use std::sync::Arc;

use poem::Request;

use crate::domain::identity::Identity;
use crate::protocol::problem::Problem;
use crate::session::ConnectionRegistry;

pub(super) fn identity(request: &Request) -> Result<&Arc<Identity>, Problem> {
    request.data::<Arc<Identity>>().ok_or_else(|| {
        tracing::error!("application data missing from request");
        Problem::internal()
    })
}

pub(super) fn registry(request: &Request) -> Result<&Arc<ConnectionRegistry>, Problem> {
    request.data::<Arc<ConnectionRegistry>>().ok_or_else(Problem::internal)
}
