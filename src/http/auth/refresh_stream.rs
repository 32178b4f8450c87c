//! `POST /auth/streams/{connection_id}/refresh`: a stream takes no messages, so its newer token comes by request.

use poem_openapi::types::Example;
use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use crate::base::clock::rfc3339;
use crate::base::ids::ConnectionId;
use crate::domain::identity::authenticate::Authenticated;
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::session::{ConnectionRegistry, refresh};

/// A refreshed stream.
#[derive(Debug, Object)]
#[oai(example)]
pub struct StreamRefreshed {
    /// When it ends unless it is refreshed again. RFC 3339.
    expires_at: String,
}

#[derive(Debug, ApiResponse)]
pub enum RefreshStreamResponse {
    /// The stream continues; it also sends a `token_refreshed` event.
    #[oai(status = 200)]
    Done(Json<StreamRefreshed>),
}

pub(super) async fn refresh_stream(
    request: &Request,
    admitted: Authenticated,
    id: Uuid,
) -> Result<RefreshStreamResponse, Problem> {
    let registry = request.data::<Arc<ConnectionRegistry>>().ok_or_else(Problem::internal)?;
    let expires_at = refresh::refresh_stream(registry, ConnectionId(id), admitted).await?;
    Ok(RefreshStreamResponse::Done(Json(StreamRefreshed { expires_at: rfc3339(expires_at) })))
}

impl Example for StreamRefreshed {
    fn example() -> Self {
        Self { expires_at: examples::after(15) }
    }
}
