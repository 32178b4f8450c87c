//! What one tenant uses at this moment, on this node. Nothing here waits or takes a lock. Delivered bytes are the
//! node's own: a delivery does not wait for another machine to count it.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};

use super::quota::Quota;
use crate::base::gcra::Bucket;

/// Minimum time between two alerts about one quota.
const ALERT_PAUSE: TimeDelta = TimeDelta::hours(1);
/// No alert has been raised yet.
const NEVER: i64 = i64::MIN;

/// A tenant's bytes and counters.
#[derive(Debug, Default)]
pub struct Meter {
    bytes_out: Bucket,
    refused: [AtomicU64; Quota::ALL.len()],
    last_alerts: [LastAlert; Quota::ALL.len()],
}

#[derive(Debug)]
struct LastAlert(AtomicI64);

impl Default for LastAlert {
    fn default() -> Self {
        Self(AtomicI64::new(NEVER))
    }
}

impl Meter {
    pub(super) fn bytes_out(&self) -> &Bucket {
        &self.bytes_out
    }

    pub(super) fn count_refusal(&self, quota: Quota) {
        self.refused[quota as usize].fetch_add(1, Ordering::Relaxed);
    }

    /// How often the quota has refused or delayed something since the node started.
    pub fn refused(&self, quota: Quota) -> u64 {
        self.refused[quota as usize].load(Ordering::Relaxed)
    }

    /// Claims the right to raise an alert: at most one an hour, for the first caller.
    pub(super) fn claim_alert(&self, quota: Quota, now: DateTime<Utc>) -> bool {
        let last = &self.last_alerts[quota as usize].0;
        let before = last.load(Ordering::Relaxed);
        let due =
            before == NEVER || now.timestamp_micros() - before >= ALERT_PAUSE.num_microseconds().unwrap_or(0);
        due && last
            .compare_exchange(before, now.timestamp_micros(), Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
    }

    /// Releases the claim: the alert could not be raised.
    pub(super) fn release_alert(&self, quota: Quota) {
        self.last_alerts[quota as usize].0.store(NEVER, Ordering::Relaxed);
    }

    /// Whether dropping the meter would change nothing for the tenant but a count of refusals.
    pub(super) fn is_idle(&self, now: DateTime<Utc>) -> bool {
        let hour_old = |alerted: &LastAlert| {
            let at = alerted.0.load(Ordering::Relaxed);
            at == NEVER || now.timestamp_micros() - at >= ALERT_PAUSE.num_microseconds().unwrap_or(0)
        };
        self.bytes_out.is_full(now) && self.last_alerts.iter().all(hour_old)
    }
}
