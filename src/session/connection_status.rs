//! The figures of `status_update`.

use serde_json::Value;

use super::connection::Connection;
use super::registry::ConnectionRegistry;
use super::tenant_counts::Totals;
use crate::auth::tenant_scope::SystemReason;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::message::{ServerMessage, StatusUpdate};

/// The figures for one connection.
pub struct ConnectionStatus {
    counts: Totals,
    user_connections: u64,
    tenant_connections: u64,
    server_time: f64,
}

impl ConnectionStatus {
    pub fn message(&self, reply_to: Option<Value>) -> ServerMessage {
        ServerMessage::StatusUpdate(StatusUpdate {
            active_jobs: self.counts.active_jobs,
            total_properties: self.counts.properties,
            server_time: self.server_time,
            user_connections: self.user_connections,
            tenant_connections: self.tenant_connections,
            reply_to,
        })
    }
}

pub async fn load_connection_status(
    registry: &ConnectionRegistry,
    connection: &Connection,
) -> Result<ConnectionStatus> {
    let tenant_id = connection.scope.tenant_id();
    let op = Op::of_system(&registry.services, SystemReason::Health, tenant_id);
    let counts = registry.tenant_counts.totals(&op).await?;
    let (of_user, of_tenant) = registry.counts(tenant_id, &connection.principal());
    Ok(ConnectionStatus {
        counts,
        user_connections: of_user as u64,
        tenant_connections: of_tenant as u64,
        server_time: registry.clock().epoch_seconds(),
    })
}
