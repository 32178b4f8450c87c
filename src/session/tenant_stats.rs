//! A tenant's live figures, for `GET /stats` and for the stream that sends them once a second.

use std::collections::HashSet;
use std::sync::Arc;

use super::connection::Connection;
use super::connection_limits::Carrier;
use super::registry::ConnectionRegistry;
use crate::auth::permission::Permission;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::stats::{ConnectionCounts, TenantStats};

/// The figures of the caller's tenant.
pub async fn load_tenant_stats(registry: &ConnectionRegistry, op: &Op) -> Result<TenantStats> {
    op.require(Permission::ReadStats)?;
    let counted = registry.tenant_counts.by_status(op).await?;
    let tenant_id = op.scope.tenant_id();
    let open = registry.of_tenant(tenant_id);
    let users: HashSet<_> = open.iter().filter_map(|one| one.user_id()).collect();
    let head = registry.services.hub.head(tenant_id).unwrap_or(0);
    let meter = registry.services.metrics.tenants.of(tenant_id);
    // What live connections have dropped is added to the tenant's count only when they end.
    let dropping: u64 = open.iter().map(|one| one.backlog().1).sum();
    Ok(TenantStats {
        connections: count_by_carrier(&open),
        users_online: users.len() as u64,
        events_per_second: meter.events_per_second(op.now()),
        frames_delivered: meter.frames_out.get(),
        bytes_delivered: meter.bytes_out.get(),
        messages_received: meter.messages_in.get(),
        passing_dropped: meter.dropped.get() + dropping,
        queued_bytes: open.iter().map(|one| one.backlog().0 as u64).sum(),
        lag: open.iter().map(|one| one.lag(head)).max().unwrap_or(0),
        jobs: counted.jobs.clone(),
        properties: counted.properties.clone(),
        server_time: registry.clock().epoch_seconds(),
    })
}

/// Number of connections by carrier.
pub(super) fn count_by_carrier(open: &[Arc<Connection>]) -> ConnectionCounts {
    open.iter().fold(ConnectionCounts::default(), |mut counts, one| {
        match one.carrier {
            Carrier::Socket => counts.sockets += 1,
            Carrier::Upload => counts.uploads += 1,
            Carrier::Stream => counts.streams += 1,
        }
        counts
    })
}
