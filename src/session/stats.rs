//! A tenant's live figures, for `GET /stats` and for the stream that brings them once a second. What the store counts
//! may be a second old: a room full of dashboards costs one query.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use super::connection::Connection;
use super::seats::Carrier;
use super::supervisor::Sessions;
use crate::auth::permission::Permission;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::{jobs, properties};
use crate::protocol::stats::{ConnectionCounts, TenantStats};

/// How old the store's counts may be.
const FRESH: TimeDelta = TimeDelta::seconds(1);
/// Tenants remembered; beyond that the map starts anew.
const MOST_TENANTS: usize = 10_000;

/// The store's counts of the last second.
#[derive(Default)]
pub struct StatsCache(Mutex<HashMap<TenantId, Known>>);

/// Counts, and when they were made.
type Known = (DateTime<Utc>, Arc<Counted>);

struct Counted {
    jobs: BTreeMap<String, u64>,
    properties: BTreeMap<String, u64>,
}

/// The figures of the caller's tenant.
pub async fn of_tenant(sessions: &Sessions, op: &Op) -> Result<TenantStats> {
    op.require(Permission::ReadStats)?;
    let counted = counted(sessions, op).await?;
    let tenant_id = op.scope.tenant_id();
    let open = sessions.of_tenant(tenant_id);
    let users: HashSet<_> = open.iter().filter_map(|one| one.user_id()).collect();
    let head = sessions.kernel.hub.head(tenant_id).unwrap_or(0);
    let meter = sessions.kernel.metrics.tenants.of(tenant_id);
    // What live connections have dropped is added to the tenant's count only when they end.
    let dropping: u64 = open.iter().map(|one| one.backlog().1).sum();
    Ok(TenantStats {
        connections: counts(&open),
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
        server_time: sessions.clock().epoch_seconds(),
    })
}

/// How many connections each carrier has.
pub(super) fn counts(open: &[Arc<Connection>]) -> ConnectionCounts {
    open.iter().fold(ConnectionCounts::default(), |mut counts, one| {
        match one.carrier {
            Carrier::Socket => counts.sockets += 1,
            Carrier::Upload => counts.uploads += 1,
            Carrier::Stream => counts.streams += 1,
        }
        counts
    })
}

async fn counted(sessions: &Sessions, op: &Op) -> Result<Arc<Counted>> {
    let (tenant_id, now) = (op.scope.tenant_id(), op.now());
    let known = sessions.stats.0.lock().get(&tenant_id).cloned();
    if let Some((at, counted)) = known
        && (TimeDelta::zero()..FRESH).contains(&(now - at))
    {
        return Ok(counted);
    }
    let counted = Arc::new(Counted {
        jobs: jobs::count::by_status(op).await?,
        properties: properties::get::by_status(op).await?,
    });
    let mut cache = sessions.stats.0.lock();
    if cache.len() >= MOST_TENANTS {
        cache.clear();
    }
    cache.insert(tenant_id, (now, Arc::clone(&counted)));
    Ok(counted)
}
