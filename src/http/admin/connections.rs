//! `GET /connections`, `DELETE /connections/{connection_id}`.

use poem_openapi::types::Example;
use std::sync::Arc;

use poem::Request;
use poem_openapi::{ApiResponse, Enum, Object};
use uuid::Uuid;

use crate::base::clock::rfc3339;
use crate::base::ids::ConnectionId;
use crate::base::page::{Page, PageRequest};
use crate::domain::op::{AuditEntry, Op};
use crate::http::list::{Listed, listed, page_request};
use crate::protocol::examples;
use crate::protocol::problem::{CloseCode, Problem};
use crate::session::connection_limits::Carrier;
use crate::session::{Connection, ConnectionRegistry};

/// An open connection.
#[derive(Debug, Object)]
#[oai(rename = "Connection", skip_serializing_if_is_none, example)]
pub struct ConnectionView {
    connection_id: String,
    carrier: CarrierName,
    user_id: Option<i64>,
    key_id: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    opened_at: String,
    /// The last sign of life: a message, a ping or a pong. A stream gives none after its start.
    last_heard_at: String,
    /// Bytes that are queued for the client.
    queued_bytes: u64,
    /// How many events the client is behind the log's head; 0 when nothing is queued.
    lag: u64,
    /// Ephemeral messages that were dropped because the client read slowly.
    dropped: u64,
    /// Messages of the client.
    messages_in: u64,
    frames_out: u64,
    bytes_out: u64,
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
pub enum CloseConnectionResponse {
    /// The connection gets the close code 4403.
    #[oai(status = 204)]
    Done,
}

/// In the order of their ids, which is that of their start to the millisecond.
pub(super) fn list(
    request: &Request,
    op: &Op,
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<Listed<ConnectionView>, Problem> {
    let page: PageRequest<ConnectionId> = page_request(limit, cursor)?;
    let registry = registry(request)?;
    let mut open = registry.of_tenant(op.scope.tenant_id());
    open.retain(|one| page.after.is_none_or(|after| one.id > after));
    open.sort_by_key(|one| one.id);
    let head = registry.services.hub.head(op.scope.tenant_id()).unwrap_or(0);
    Ok(listed(request, Page::from_rows(open, page.limit, |one| one.id).map(|one| view(&one, head))))
}

/// The audit entry is written first: a connection that is closed without an entry would be worse than an entry for a
/// connection that had just ended by itself.
pub(super) async fn close(request: &Request, op: &Op, id: Uuid) -> Result<CloseConnectionResponse, Problem> {
    let found = registry(request)?.find(ConnectionId(id));
    let own = found.filter(|one| one.scope == op.scope).ok_or_else(Problem::not_found)?;
    let change = op.begin().await?;
    let detail = serde_json::json!({ "user_id": own.user_id().map(|user| user.0) });
    let entry = AuditEntry {
        action: "connection.closed",
        target_kind: "connection",
        target_id: own.id.to_string(),
        detail: Some(detail),
    };
    op.audit(&change.tx, entry).await?;
    op.commit(change).await?;
    own.close(CloseCode::Forbidden, "closed by an admin");
    Ok(CloseConnectionResponse::Done)
}

pub(super) fn registry(request: &Request) -> Result<&Arc<ConnectionRegistry>, Problem> {
    request.data::<Arc<ConnectionRegistry>>().ok_or_else(Problem::internal)
}

fn view(one: &Connection, head: i64) -> ConnectionView {
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
        last_heard_at: rfc3339(one.last_activity_at()),
        queued_bytes: queued_bytes as u64,
        lag: one.lag(head),
        dropped,
        messages_in: one.traffic.messages_in(),
        frames_out: one.traffic.frames_out(),
        bytes_out: one.traffic.bytes_out(),
    }
}

impl Example for ConnectionView {
    fn example() -> Self {
        Self {
            connection_id: examples::UUID.to_owned(),
            carrier: CarrierName::Socket,
            user_id: Some(examples::USER),
            key_id: None,
            address: Some("192.0.2.7".to_owned()),
            user_agent: Some("Mozilla/5.0".to_owned()),
            opened_at: examples::after(0),
            last_heard_at: examples::after(5),
            queued_bytes: 0,
            lag: 0,
            dropped: 0,
            messages_in: 14,
            frames_out: 120,
            bytes_out: 48_000,
        }
    }
}
