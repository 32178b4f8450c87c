//! Metrics of single tenants: for their own admins, and for operators on a path of its own, because there the number
//! of series grows with the number of tenants.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::cells::Counter;
use super::row::Row;
use super::text::Text;
use crate::base::ids::TenantId;

/// The most tenants with metrics. At the limit, those without a connection are dropped and start again at 0.
const MAX_TENANTS: usize = 10_000;
/// The period over which events are averaged.
const WINDOW_SECONDS: usize = 60;

/// The counts of one tenant's connections and changes, since the node started.
#[derive(Debug, Default)]
pub struct TenantMeter {
    pub frames_out: Counter,
    pub bytes_out: Counter,
    pub messages_in: Counter,
    pub dropped: Counter,
    pub events: Counter,
    recent: Mutex<SlidingWindow>,
}

/// Events of the last minute, second by second.
#[derive(Debug)]
struct SlidingWindow {
    counts: [u32; WINDOW_SECONDS],
    /// The second of the newest count.
    second: i64,
}

impl Default for SlidingWindow {
    fn default() -> Self {
        Self { counts: [0; WINDOW_SECONDS], second: 0 }
    }
}

impl SlidingWindow {
    /// Drops the seconds that are over a minute old. If the clock is set back, counting continues in the newest
    /// second.
    fn advance_to(&mut self, second: i64) {
        let passed = usize::try_from(second - self.second).unwrap_or(0).min(WINDOW_SECONDS);
        for step in 1..=passed {
            let slot = (second - passed as i64 + step as i64).rem_euclid(WINDOW_SECONDS as i64);
            self.counts[slot as usize] = 0;
        }
        self.second = self.second.max(second);
    }
}

impl TenantMeter {
    /// Counts committed events.
    pub fn record_appended(&self, count: u64, now: DateTime<Utc>) {
        self.events.add(count);
        let mut recent = self.recent.lock();
        recent.advance_to(now.timestamp());
        let slot = recent.second.rem_euclid(WINDOW_SECONDS as i64) as usize;
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        recent.counts[slot] = recent.counts[slot].saturating_add(count);
    }

    /// Events per second, over the last minute.
    pub fn events_per_second(&self, now: DateTime<Utc>) -> f64 {
        let mut recent = self.recent.lock();
        recent.advance_to(now.timestamp());
        let sum: u64 = recent.counts.iter().map(|count| u64::from(*count)).sum();
        sum as f64 / WINDOW_SECONDS as f64
    }
}

/// The meters of all tenants that were active on this node.
#[derive(Debug, Default)]
pub struct TenantMeters(Mutex<HashMap<TenantId, Arc<TenantMeter>>>);

impl TenantMeters {
    /// A tenant's meter; a connection keeps it for its lifetime.
    pub fn of(&self, tenant_id: TenantId) -> Arc<TenantMeter> {
        let mut meters = self.0.lock();
        if meters.len() >= MAX_TENANTS && !meters.contains_key(&tenant_id) {
            meters.retain(|_, meter| Arc::strong_count(meter) > 1);
        }
        Arc::clone(meters.entry(tenant_id).or_default())
    }

    /// All meters, the busiest first.
    pub fn busiest_first(&self) -> Vec<(TenantId, Arc<TenantMeter>)> {
        let meters = self.0.lock().iter().map(|(id, meter)| (*id, Arc::clone(meter))).collect::<Vec<_>>();
        let mut meters: Vec<_> = meters
            .into_iter()
            .map(|(id, meter)| (meter.bytes_out.get() + meter.events.get(), id, meter))
            .collect();
        meters.sort_by_key(|(weight, id, _)| (std::cmp::Reverse(*weight), *id));
        meters.into_iter().map(|(_, id, meter)| (id, meter)).collect()
    }
}

/// One metric of a tenant.
struct TenantMetric {
    name: &'static str,
    help: &'static str,
    value: fn(&TenantMeter) -> u64,
}

const TENANT_METRICS: [TenantMetric; 5] = [
    TenantMetric {
        name: "lotline_tenant_events_appended_total",
        help: "Events of the tenant committed by this node.",
        value: |meter| meter.events.get(),
    },
    TenantMetric {
        name: "lotline_tenant_frames_delivered_total",
        help: "Frames delivered to the tenant's connections.",
        value: |meter| meter.frames_out.get(),
    },
    TenantMetric {
        name: "lotline_tenant_delivered_bytes_total",
        help: "Bytes of these frames.",
        value: |meter| meter.bytes_out.get(),
    },
    TenantMetric {
        name: "lotline_tenant_messages_received_total",
        help: "Messages from the tenant's clients.",
        value: |meter| meter.messages_in.get(),
    },
    TenantMetric {
        name: "lotline_tenant_passing_dropped_total",
        help: "Ephemeral messages dropped because the tenant's readers were slow.",
        value: |meter| meter.dropped.get(),
    },
];

/// The rows of the per-tenant path.
pub(super) fn rows() -> Vec<Row> {
    let row = |figure: &TenantMetric| Row {
        name: figure.name,
        kind: "counter",
        labels: vec!["tenant"],
        help: figure.help,
    };
    TENANT_METRICS.iter().map(row).collect()
}

/// The text of these tenants, under the given names; `rest` is summed up as `other`.
pub fn render(named: &[(String, Arc<TenantMeter>)], rest: &[(TenantId, Arc<TenantMeter>)]) -> String {
    let mut text = Text::default();
    for TenantMetric { name, help, value } in TENANT_METRICS {
        let of_rest: u64 = rest.iter().map(|(_, meter)| value(meter)).sum();
        let values = named.iter().map(|(slug, meter)| (slug.as_str(), value(meter) as f64));
        text.series(name, help, "counter", "tenant", values.chain([("other", of_rest as f64)]));
    }
    text.into_string()
}
