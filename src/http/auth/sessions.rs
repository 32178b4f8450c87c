//! `GET /auth/sessions`, `DELETE /auth/sessions`, `DELETE /auth/sessions/{session_id}`.

use poem::Request;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object};
use uuid::Uuid;

use crate::base::clock::rfc3339;
use crate::base::ids::SessionId;
use crate::domain::identity::{Identity, sessions};
use crate::http::caller::AccountCaller;
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::problem::Problem;
use crate::storage::sessions::SessionRow;
use crate::storage::time;

/// One sign-in.
#[derive(Debug, Object)]
#[oai(rename = "Session", skip_serializing_if_is_none, example)]
pub struct SessionView {
    id: Uuid,
    /// Whether it is the sign-in of this request.
    current: bool,
    /// The client's `User-Agent`.
    user_agent: Option<String>,
    address: Option<String>,
    created_at: String,
    last_used_at: String,
    expires_at: String,
}

#[derive(Debug, ApiResponse)]
pub enum EndSessionResponse {
    /// It has ended, with its connections.
    #[oai(status = 204)]
    Done,
}

pub(super) async fn list(
    request: &Request,
    identity: &Identity,
    account: &AccountCaller,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<SessionView>, Problem> {
    let principal = &account.admitted.principal;
    let page = sessions::list(identity, principal, page_request(limit, cursor)?).await?;
    Ok(listed(request, page.map(|row| view(row, principal.session_id()))))
}

pub(super) async fn end_others(
    identity: &Identity,
    account: &AccountCaller,
) -> Result<EndSessionResponse, Problem> {
    sessions::end_others(identity, &account.admitted.principal, &account.origin).await?;
    Ok(EndSessionResponse::Done)
}

pub(super) async fn end(
    identity: &Identity,
    account: &AccountCaller,
    id: Uuid,
) -> Result<EndSessionResponse, Problem> {
    sessions::end(identity, &account.admitted.principal, SessionId(id), &account.origin).await?;
    Ok(EndSessionResponse::Done)
}

fn view(row: SessionRow, current: Option<SessionId>) -> SessionView {
    SessionView {
        id: row.id,
        current: current == Some(SessionId(row.id)),
        user_agent: row.user_agent,
        address: row.address,
        created_at: rfc3339(time(row.created_at)),
        last_used_at: rfc3339(time(row.last_used_at)),
        expires_at: rfc3339(time(row.expires_at)),
    }
}

impl Example for SessionView {
    fn example() -> Self {
        Self {
            id: examples::uuid(),
            current: true,
            user_agent: Some("Mozilla/5.0".to_owned()),
            address: Some("192.0.2.7".to_owned()),
            created_at: examples::after(0),
            last_used_at: examples::after(5),
            expires_at: examples::after(7 * 24 * 60),
        }
    }
}
