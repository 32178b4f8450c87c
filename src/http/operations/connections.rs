//! `GET /connections`, `DELETE /connections/{connection_id}`.

use std::sync::Arc;

use poem::Request;
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use crate::base::clock::rfc3339;
use crate::base::ids::ConnectionId;
use crate::domain::op::Op;
use crate::http::list::Listing;
use crate::protocol::problem::{CloseCode, Problem};
use crate::session::seats::Carrier;
use crate::session::{Connection, Sessions};

/// An open connection.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct ConnectionView {
    connection_id: String,
    carrier: CarrierName,
    user_id: Option<i64>,
    key_id: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    opened_at: String,
    /// Bytes that wait for the client to read.
    queued_bytes: u64,
    /// Passing messages that were dropped because the client read slowly.
    dropped: u64,
}

#[derive(Clone, Copy, Debug, Enum)]
#[oai(rename_all = "snake_case", rename = "Carrier")]
enum CarrierName {
    Socket,
    Upload,
    Stream,
}

/// The connection will be closed.
#[derive(Debug, ApiResponse)]
pub enum Closed {
    /// The connection is told to go (4403).
    #[oai(status = 204)]
    Done,
}

pub(super) fn list(request: &Request, op: &Op) -> Result<Json<Listing<ConnectionView>>, Problem> {
    let mut open = sessions(request)?.of_tenant(op.scope.tenant_id());
    open.sort_by_key(|one| one.id);
    let data = open.iter().map(|one| view(one)).collect();
    Ok(Json(Listing { data, next_cursor: None, has_more: false }))
}

pub(super) fn close(request: &Request, op: &Op, id: Uuid) -> Result<Closed, Problem> {
    let found = sessions(request)?.find(ConnectionId(id));
    let own = found.filter(|one| one.scope == op.scope).ok_or_else(Problem::not_found)?;
    own.close(CloseCode::Forbidden, "closed by an admin");
    Ok(Closed::Done)
}

fn sessions(request: &Request) -> Result<&Arc<Sessions>, Problem> {
    request.data::<Arc<Sessions>>().ok_or_else(Problem::internal)
}

fn view(one: &Connection) -> ConnectionView {
    let (queued_bytes, dropped) = one.backlog();
    let principal = one.principal();
    ConnectionView {
        connection_id: one.id.to_string(),
        carrier: match one.carrier {
            Carrier::Socket => CarrierName::Socket,
            Carrier::Upload => CarrierName::Upload,
            Carrier::Stream => CarrierName::Stream,
        },
        user_id: principal.user_id().map(|user| user.0),
        key_id: principal.key_id().map(|key| key.to_string()),
        address: one.origin.address.clone(),
        user_agent: one.origin.user_agent.clone(),
        opened_at: rfc3339(one.opened_at),
        queued_bytes: queued_bytes as u64,
        dropped,
    }
}
