//! Administration of the server itself, for operators and clients.

use poem::Request;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Enum, Object, OpenApi};
use uuid::Uuid;

use super::caller::{Caller, ManageConnections, StatsCaller};
use super::list::{Listed, listed, page_request};
use super::request_data::registry;
use super::tags::Tag;
use crate::base::clock::rfc3339;
use crate::base::ids::ConnectionId;
use crate::base::page::{Page, PageRequest};
use crate::domain::op::{AuditEntry, Op};
use crate::protocol::examples;
use crate::protocol::problem::{CloseCode, CloseCodeBody, Problem};
use crate::protocol::stats::Stats;
use crate::session::connection_limits::Carrier;
use crate::session::{Connection, ConnectionRegistry, tenant_stats};

pub struct AdminApi;

#[OpenApi(tag = "Tag::Operations")]
impl AdminApi {
    /// List the close codes of WebSockets
    #[oai(path = "/close-codes", method = "get", operation_id = "list_close_codes")]
    async fn close_codes(&self) -> Result<Json<Vec<CloseCodeBody>>, Problem> {
        Ok(Json(CloseCode::ALL.iter().map(|code| code.row().into()).collect()))
    }

    /// Get live statistics: the tenant's for its admin, the node's for an operator
    #[oai(path = "/stats", method = "get", operation_id = "get_stats")]
    async fn stats(&self, request: &Request, observer: StatsCaller) -> Result<Json<Stats>, Problem> {
        let registry = registry(request)?;
        Ok(Json(match &observer {
            StatsCaller::Tenant(op) => Stats::Tenant(tenant_stats::load_tenant_stats(registry, op).await?),
            StatsCaller::Platform => Stats::Node(registry.node_stats()),
        }))
    }

    /// List the tenant's open connections
    #[oai(path = "/connections", method = "get", operation_id = "list_connections")]
    async fn connections(
        &self,
        request: &Request,
        caller: Caller<ManageConnections>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<ConnectionView>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        Ok(listed(request, open_connections(registry(request)?, &caller.op, &page)))
    }

    /// Close a connection of the tenant
    #[oai(path = "/connections/:connection_id", method = "delete", operation_id = "close_connection")]
    async fn close_connection(
        &self,
        request: &Request,
        caller: Caller<ManageConnections>,
        connection_id: Path<Uuid>,
    ) -> Result<CloseConnectionResponse, Problem> {
        close(registry(request)?, &caller.op, ConnectionId(connection_id.0)).await?;
        Ok(CloseConnectionResponse::Done)
    }
}

/// In the order of their ids, which is that of their start to the millisecond.
fn open_connections(
    registry: &ConnectionRegistry,
    op: &Op,
    page: &PageRequest<ConnectionId>,
) -> Page<ConnectionView, ConnectionId> {
    let mut open = registry.of_tenant(op.scope.tenant_id());
    open.retain(|one| page.after.is_none_or(|after| one.id > after));
    open.sort_by_key(|one| one.id);
    let head = registry.services.hub.head(op.scope.tenant_id()).unwrap_or(0);
    Page::from_rows(open, page.limit, |one| one.id).map(|one| view(&one, head))
}

/// The audit entry is written first: a connection that is closed without an entry would be worse than an entry for a
/// connection that had just ended by itself.
async fn close(registry: &ConnectionRegistry, op: &Op, id: ConnectionId) -> Result<(), Problem> {
    let found = registry.find(id);
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
    Ok(())
}

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
