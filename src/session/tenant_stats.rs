//! A tenant's live figures, for `GET /stats` and for the stream that sends them once a second. The store's counts may
//! be a second old, so that any number of dashboards costs one query.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::connection::Connection;
use super::connection_limits::Carrier;
use super::supervisor::ConnectionRegistry;
use crate::auth::permission::Permission;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::{jobs, properties};
use crate::protocol::stats::{ConnectionCounts, TenantStats};

/// How old the store's counts may be.
const CACHE_TTL: TimeDelta = TimeDelta::seconds(1);
/// Cached tenants; beyond that the cache is cleared.
const MAX_TENANTS: usize = 10_000;

/// The store's counts of the last second.
#[derive(Default)]
pub struct StatsCache(Mutex<HashMap<TenantId, CachedCounts>>);

/// Counts, and the time of their query.
type CachedCounts = (DateTime<Utc>, Arc<StoreCounts>);

struct StoreCounts {
    jobs: BTreeMap<String, u64>,
    properties: BTreeMap<String, u64>,
}

/// The figures of the caller's tenant.
pub async fn load_tenant_stats(registry: &ConnectionRegistry, op: &Op) -> Result<TenantStats> {
    op.require(Permission::ReadStats)?;
    let counted = load_counts(registry, op).await?;
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

async fn load_counts(registry: &ConnectionRegistry, op: &Op) -> Result<Arc<StoreCounts>> {
    let (tenant_id, now) = (op.scope.tenant_id(), op.now());
    let cached = registry.stats_cache.0.lock().get(&tenant_id).cloned();
    if let Some((at, counted)) = cached
        && (TimeDelta::zero()..CACHE_TTL).contains(&(now - at))
    {
        return Ok(counted);
    }
    let counted = Arc::new(StoreCounts {
        jobs: jobs::count::by_status(op).await?,
        properties: properties::get::by_status(op).await?,
    });
    let mut cache = registry.stats_cache.0.lock();
    if cache.len() >= MAX_TENANTS {
        cache.clear();
    }
    cache.insert(tenant_id, (now, Arc::clone(&counted)));
    Ok(counted)
}
