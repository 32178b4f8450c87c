//! The node's figures: metrics that are sampled on request, and the operators' statistics.

use std::collections::{HashMap, HashSet};

use chrono::TimeDelta;

use super::registry::ConnectionRegistry;
use super::tenant_stats::count_by_carrier;
use crate::auth::tenant_scope::SystemReason;
use crate::base::clock::rfc3339;
use crate::protocol::stats::NodeStats;
use crate::storage::{self, jobs};
use crate::telemetry::metrics::{Carrier, OpenJobStatus, ProcessMetrics};

/// How old the counts of jobs may be: they are counted over all tenants.
const JOB_COUNT_TTL: TimeDelta = TimeDelta::seconds(10);

impl ConnectionRegistry {
    /// The node's current figures; the metrics are updated too.
    pub fn node_stats(&self) -> NodeStats {
        self.sample_metrics();
        let Self { services, health: node, .. } = self;
        let metrics = &services.metrics;
        let (open_writes, _) = services.db.writes().count_and_oldest();
        NodeStats {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            database: services.db.engine().to_owned(),
            started_at: rfc3339(node.started_at),
            leaving: self.is_leaving(),
            connections: count_by_carrier(&self.all()),
            active_tenants: metrics.active_tenants.get() as u64,
            queued_bytes: metrics.queued_bytes.get() as u64,
            lag: metrics.lag.get() as u64,
            resident_bytes: metrics.resident.get() as u64,
            open_fds: metrics.open_fds.get() as u64,
            max_fds: metrics.max_fds.get() as u64,
            cpu_seconds: metrics.cpu.get(),
            tasks: metrics.tasks.get() as u64,
            stalled_seconds: metrics.stalled.get(),
            head_poll_age_seconds: metrics.poll_age.get(),
            open_writes: open_writes as u64,
            oldest_write_seconds: metrics.oldest_write.get(),
            disk_full: services.db.writes().is_disk_full(),
            server_time: services.clock.epoch_seconds(),
        }
    }

    /// All metrics, in the Prometheus format.
    pub async fn metrics_text(&self) -> String {
        self.sample_metrics();
        if let Err(error) = self.sample_jobs().await {
            // The other figures are needed most when the database is down.
            tracing::debug!(%error, "jobs could not be counted");
        }
        self.services.metrics.text()
    }

    /// Samples the metrics that are not counted as they change.
    fn sample_metrics(&self) {
        let metrics = &self.services.metrics;
        self.sample_connections();
        metrics.set_process(&ProcessMetrics::read());
        let now = self.clock().now();
        metrics.started.set(self.health.started_at.timestamp() as f64);
        let replays_waiting = self.services.db.replays_waiting() + self.services.log_cache.waiting();
        metrics.replays_waiting.set(replays_waiting as f64);
        metrics.poll_age.set(self.health.relay_liveness.age(now).as_secs_f64());
        metrics.stalled.set(self.health.runtime_probe.silent_for().as_secs_f64());
        metrics.leaving.set(f64::from(u8::from(self.is_leaving())));
        let (open, oldest) = self.services.db.writes().count_and_oldest();
        metrics.open_writes.set(open as f64);
        metrics.oldest_write.set(oldest.as_secs_f64());
        let (hits, misses) = self.identity.cache_counts();
        metrics.cache_hits.set(hits as f64);
        metrics.cache_misses.set(misses as f64);
        let ephemeral = &self.services.ephemeral;
        metrics.users_online.set(ephemeral.presence.user_count() as f64);
        metrics.viewers.set(ephemeral.viewing.connections() as f64);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            metrics.tasks.set(runtime.metrics().num_alive_tasks() as f64);
            metrics.workers.set(runtime.metrics().num_workers() as f64);
        }
    }

    fn sample_connections(&self) {
        let metrics = &self.services.metrics;
        let all = self.all();
        let counts = count_by_carrier(&all);
        metrics.connections.of(Carrier::Socket).set(counts.sockets as f64);
        metrics.connections.of(Carrier::Upload).set(counts.uploads as f64);
        metrics.connections.of(Carrier::Stream).set(counts.streams as f64);
        let tenants: HashSet<_> = all.iter().map(|one| one.scope.tenant_id()).collect();
        metrics.active_tenants.set(tenants.len() as f64);
        metrics.queued_bytes.set(all.iter().map(|one| one.backlog().0).sum::<usize>() as f64);
        let heads: HashMap<_, _> = self.services.hub.cursors().into_iter().collect();
        let lags = all.iter().filter_map(|one| Some(one.lag(heads.get(&one.scope.tenant_id())?.seq)));
        metrics.lag.set(lags.max().unwrap_or(0) as f64);
    }

    async fn sample_jobs(&self) -> storage::Result<()> {
        let now = self.clock().now();
        let fresh =
            self.health.jobs_counted_at.lock().is_some_and(|at| now - at < JOB_COUNT_TTL && at <= now);
        if fresh {
            return Ok(());
        }
        let tx = self.services.db.system(SystemReason::Health).read().await?;
        let counts = jobs::open_by_status(&tx).await?;
        for state in OpenJobStatus::ALL {
            let count =
                counts.iter().find(|(status, _)| status == state.word()).map_or(0, |(_, count)| *count);
            self.services.metrics.jobs.of(*state).set(count as f64);
        }
        *self.health.jobs_counted_at.lock() = Some(now);
        Ok(())
    }
}
