//! What is counted of a tenant's rows for its dashboards, at most a second old: any number of them costs one query.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;

use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::{jobs, properties};

/// How old the counts may be.
const CACHE_TTL: TimeDelta = TimeDelta::seconds(1);
/// Cached tenants; beyond that the cache is cleared.
const MAX_TENANTS: usize = 10_000;

/// The counts of all tenants with dashboards.
#[derive(Default)]
pub(super) struct TenantCounts {
    totals: TenantCache<Totals>,
    by_status: TenantCache<Arc<CountsByStatus>>,
}

/// The counts of `status_update`.
#[derive(Clone, Copy)]
pub(super) struct Totals {
    pub active_jobs: u64,
    pub properties: u64,
}

/// The counts of `GET /stats`.
pub(super) struct CountsByStatus {
    pub jobs: BTreeMap<String, u64>,
    pub properties: BTreeMap<String, u64>,
}

impl TenantCounts {
    pub(super) async fn totals(&self, op: &Op) -> Result<Totals> {
        let load = async || {
            let active_jobs = jobs::read::count_active(op).await?;
            Ok(Totals { active_jobs, properties: properties::read::count(op).await? })
        };
        self.totals.get_or_load(op, load).await
    }

    pub(super) async fn by_status(&self, op: &Op) -> Result<Arc<CountsByStatus>> {
        let load = async || {
            let jobs = jobs::read::count_by_status(op).await?;
            Ok(Arc::new(CountsByStatus { jobs, properties: properties::read::count_by_status(op).await? }))
        };
        self.by_status.get_or_load(op, load).await
    }
}

/// A value for each tenant, and the time at which it was loaded.
struct TenantCache<T>(Mutex<HashMap<TenantId, (DateTime<Utc>, T)>>);

impl<T> Default for TenantCache<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> TenantCache<T> {
    async fn get_or_load(&self, op: &Op, load: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
        let (tenant_id, now) = (op.scope.tenant_id(), op.now());
        let cached = self.0.lock().get(&tenant_id).cloned();
        if let Some((at, value)) = cached
            // A clock that was set back makes an entry of the future, which is not used.
            && (TimeDelta::zero()..CACHE_TTL).contains(&(now - at))
        {
            return Ok(value);
        }
        let value = load().await?;
        let mut cache = self.0.lock();
        if cache.len() >= MAX_TENANTS {
            cache.clear();
        }
        cache.insert(tenant_id, (now, value.clone()));
        Ok(value)
    }
}
