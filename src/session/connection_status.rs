//! The figures of `status_update`. The tenant's counts may be a second old: many dashboards cost one query.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use serde_json::Value;

use super::connection::Connection;
use super::supervisor::ConnectionRegistry;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::{jobs, properties};
use crate::protocol::message::{ServerMessage, StatusUpdate};

/// How old the tenant's counts may be.
const CACHE_TTL: TimeDelta = TimeDelta::seconds(1);
/// Cached tenants; beyond that the cache is cleared.
const MAX_TENANTS: usize = 10_000;

/// The tenants' counts of the last second.
#[derive(Default)]
pub struct StatusCache {
    counts: Mutex<HashMap<TenantId, (DateTime<Utc>, Counts)>>,
}

#[derive(Clone, Copy)]
struct Counts {
    active_jobs: u64,
    total_properties: u64,
}

/// The figures for one connection.
pub struct ConnectionStatus {
    counts: Counts,
    user_connections: u64,
    tenant_connections: u64,
    server_time: f64,
}

impl ConnectionStatus {
    pub fn message(&self, reply_to: Option<Value>) -> ServerMessage {
        ServerMessage::StatusUpdate(StatusUpdate {
            active_jobs: self.counts.active_jobs,
            total_properties: self.counts.total_properties,
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
    let counts = load_counts(registry, tenant_id).await?;
    let (of_user, of_tenant) = registry.counts(tenant_id, &connection.principal());
    Ok(ConnectionStatus {
        counts,
        user_connections: of_user as u64,
        tenant_connections: of_tenant as u64,
        server_time: registry.clock().epoch_seconds(),
    })
}

async fn load_counts(registry: &ConnectionRegistry, tenant_id: TenantId) -> Result<Counts> {
    let now = registry.clock().now();
    let cached = registry.status_cache.counts.lock().get(&tenant_id).copied();
    if let Some((at, counts)) = cached
        // A clock that was set back makes an entry of the future, which is not used.
        && (TimeDelta::zero()..CACHE_TTL).contains(&(now - at))
    {
        return Ok(counts);
    }
    let op = Op::of_system(&registry.services, SystemReason::Health, tenant_id);
    let active_jobs = jobs::count::active(&op).await?;
    let total_properties = properties::get::total(&op).await?;
    let counts = Counts { active_jobs, total_properties };
    let mut cache = registry.status_cache.counts.lock();
    if cache.len() >= MAX_TENANTS {
        cache.clear();
    }
    cache.insert(tenant_id, (now, counts));
    Ok(counts)
}
