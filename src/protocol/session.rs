//! Sign-ins as the REST routes show them.

use poem_openapi::Object;
use uuid::Uuid;

/// One sign-in.
#[derive(Debug, Object)]
#[oai(rename = "Session", skip_serializing_if_is_none, example)]
pub struct SessionView {
    pub id: Uuid,
    /// Whether it is the sign-in of this request.
    pub current: bool,
    /// The client's `User-Agent`.
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub created_at: String,
    pub last_used_at: String,
    pub expires_at: String,
}
