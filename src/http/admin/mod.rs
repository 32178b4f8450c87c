//! Administration of the server itself, for operators and clients.

mod close_codes;
mod connections;
mod stats;

use poem::Request;
use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::Json;
use uuid::Uuid;

use self::connections::{CloseConnectionResponse, ConnectionView};
use super::caller::{Caller, ManageConnections, StatsCaller};
use super::list::Listed;
use super::tags::Tag;
use crate::protocol::problem::{CloseCodeBody, Problem};
use crate::protocol::stats::Stats;

pub struct AdminApi;

#[OpenApi(tag = "Tag::Operations")]
impl AdminApi {
    /// List the close codes of WebSockets
    #[oai(path = "/close-codes", method = "get", operation_id = "list_close_codes")]
    async fn close_codes(&self) -> Result<Json<Vec<CloseCodeBody>>, Problem> {
        Ok(close_codes::list())
    }

    /// Get live statistics: the tenant's for its admin, the node's for an operator
    #[oai(path = "/stats", method = "get", operation_id = "get_stats")]
    async fn stats(&self, request: &Request, observer: StatsCaller) -> Result<Json<Stats>, Problem> {
        stats::get(connections::registry(request)?, &observer).await
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
        connections::list(request, &caller.op, limit.0, cursor.0.as_deref())
    }

    /// Close a connection of the tenant
    #[oai(path = "/connections/:connection_id", method = "delete", operation_id = "close_connection")]
    async fn close_connection(
        &self,
        request: &Request,
        caller: Caller<ManageConnections>,
        connection_id: Path<Uuid>,
    ) -> Result<CloseConnectionResponse, Problem> {
        connections::close(request, &caller.op, connection_id.0).await
    }
}
