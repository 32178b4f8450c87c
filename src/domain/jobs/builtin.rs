//! One node's view of the queue of builtin jobs: it serves the tenants round-robin.

use std::collections::HashMap;
use std::time::Duration;

use super::claim;
use crate::auth::tenant_scope::SystemReason;
use crate::base::ids::TenantId;
use crate::domain::error::Result;
use crate::domain::op::{Op, Services};
use crate::protocol::spider::Runner;
use crate::protocol::worker::Claim;
use crate::storage::jobs::{self, WaitingBuiltin};

/// Tenants that are remembered as served. A tenant that is forgotten counts as never served.
const MAX_TENANTS: usize = 10_000;

/// The queue's state on one node.
pub struct BuiltinQueue {
    services: Services,
    lease: Duration,
    /// When each tenant was last served, as a number that grows.
    last_served: HashMap<TenantId, u64>,
    next_serial: u64,
    backlog: bool,
}

impl BuiltinQueue {
    /// `lease`: how long a job is held without a report.
    pub fn new(services: Services, lease: Duration) -> Self {
        Self { services, lease, last_served: HashMap::new(), next_serial: 1, backlog: false }
    }

    /// Claims a job of a tenant that `may_take` accepts: of the one served longest ago.
    pub async fn claim(&mut self, may_take: impl Fn(TenantId) -> bool) -> Result<Option<(TenantId, Claim)>> {
        let waiting = self.waiting().await?;
        self.backlog = !waiting.is_empty();
        for next in waiting.into_iter().filter(|next| may_take(next.tenant)) {
            let op = Op::of_system(&self.services, SystemReason::Crawl, next.tenant);
            let change = op.begin().await?;
            // Another node may have taken it since.
            if let Some(job) = jobs::lock_if_free(&change.tx, next.job).await?
                && job.runner == Runner::Builtin.name()
                && let Some(claim) = claim::grant_lease(&op, change, job, self.lease).await?
            {
                self.record_served(next.tenant);
                return Ok(Some((next.tenant, claim)));
            }
        }
        Ok(None)
    }

    /// Whether the last call saw waiting jobs, including those that this node may not take.
    pub fn has_backlog(&self) -> bool {
        self.backlog
    }

    async fn waiting(&self) -> Result<Vec<WaitingBuiltin>> {
        let claimer = claim::node_claimer(&self.services);
        let claiming = self.services.job_settings.claiming(&claimer, self.services.clock.now());
        let tx = self.services.db.system(SystemReason::Crawl).read().await?;
        let mut waiting = jobs::waiting_for_builtin(&tx, &claiming).await?;
        let last_served = |tenant| self.last_served.get(&tenant).copied().unwrap_or(0);
        waiting.sort_by_key(|next| (last_served(next.tenant), next.running, next.job));
        Ok(waiting)
    }

    fn record_served(&mut self, tenant: TenantId) {
        if self.last_served.len() >= MAX_TENANTS && !self.last_served.contains_key(&tenant) {
            let mut serials: Vec<u64> = self.last_served.values().copied().collect();
            let (_, middle, _) = serials.select_nth_unstable(MAX_TENANTS / 2);
            let middle = *middle;
            self.last_served.retain(|_, turn| *turn >= middle);
        }
        self.last_served.insert(tenant, self.next_serial);
        self.next_serial += 1;
    }
}
