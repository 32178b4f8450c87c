//! Rate limits and quotas of callers, addresses and tenants, and what they have used. Each node counts for itself, in
//! memory; only the operators' overrides of quotas are stored.

pub mod alert;
pub mod meter;
pub mod overrides;
pub mod quota;
pub mod rate_limiter;
pub mod usage;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

use self::meter::Meter;
use self::quota::{Quota, Quotas};
use self::rate_limiter::RateLimiter;
use crate::auth::principal::Principal;
use crate::base::gcra::RateState;
use crate::base::ids::{KeyId, OperatorId, TenantId, UserId};
use crate::base::ip_prefix::IpPrefix;
use crate::protocol::problem::{Code, Problem};

/// Bounded: tenants metered at once; beyond it idle meters are dropped.
const MAX_METERS: usize = 10_000;
/// Bounded: alerts that wait to be raised; beyond it the next use near the limit tries again.
const MAX_ALERTS: usize = 10_000;

/// The configured limits.
#[derive(Clone, Copy, Debug, Default)]
pub struct LimitSettings {
    /// Requests a second of one user, key or operator; `None`: no limit.
    pub requests_per_caller: Option<u64>,
    /// Requests a second from one address; `None`: no limit.
    pub requests_per_address: Option<u64>,
    /// Quotas of a tenant without an operator's override; absent and 0: no limit.
    pub quotas: Quotas,
}

/// The caller that a request is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Requester {
    User(UserId),
    Key(KeyId),
    Operator(OperatorId),
}

impl Requester {
    pub fn of(principal: &Principal) -> Self {
        match principal {
            Principal::User(user) => Self::User(user.user_id()),
            Principal::Key(key) => Self::Key(key.key_id()),
            Principal::Operator(operator) => Self::Operator(operator.operator_id()),
        }
    }
}

/// All limits and meters of a node.
pub struct Limits {
    defaults: Quotas,
    overrides: RwLock<HashMap<TenantId, Quotas>>,
    meters: Mutex<HashMap<TenantId, Arc<Meter>>>,
    callers: RateLimiter<Requester>,
    addresses: RateLimiter<IpPrefix>,
    alerts: Mutex<Vec<(TenantId, Quota)>>,
}

impl Default for Limits {
    /// Without limits.
    fn default() -> Self {
        Self::new(LimitSettings::default())
    }
}

impl Limits {
    pub fn new(settings: LimitSettings) -> Self {
        Self {
            defaults: settings.quotas,
            overrides: RwLock::default(),
            meters: Mutex::default(),
            callers: RateLimiter::new(settings.requests_per_caller),
            addresses: RateLimiter::new(settings.requests_per_address),
            alerts: Mutex::default(),
        }
    }

    /// The limit in force; `None`: no limit.
    pub fn limit(&self, tenant_id: TenantId, quota: Quota) -> Option<u64> {
        self.override_for(tenant_id, quota).or(self.defaults.get(quota)).filter(|number| *number > 0)
    }

    /// The operators' override, 0 for no limit; `None`: no override.
    pub fn override_for(&self, tenant_id: TenantId, quota: Quota) -> Option<u64> {
        self.overrides.read().get(&tenant_id).and_then(|quotas| quotas.get(quota))
    }

    /// Counts a request from an address, before its caller is known.
    pub fn count_address_request(&self, address: IpPrefix, now: DateTime<Utc>) -> Option<RateState> {
        self.addresses.take(address, now)
    }

    /// Counts a request of a verified caller.
    pub fn count_caller_request(&self, caller: Requester, now: DateTime<Utc>) -> Option<RateState> {
        self.callers.take(caller, now)
    }

    /// Takes one unit of a quota that is counted by the second; `None` when there is no limit.
    pub fn take(&self, tenant_id: TenantId, quota: Quota, now: DateTime<Utc>) -> Option<RateState> {
        let per_second = self.limit(tenant_id, quota)?;
        let meter = self.meter(tenant_id, now);
        let level = meter.bucket(quota).take(per_second, now);
        if level.retry_after_secs.is_some() {
            meter.count_refusal(quota);
        }
        self.alert_if_near(tenant_id, &meter, quota, level.used(), per_second, now);
        Some(level)
    }

    /// Records bytes that were sent to the tenant's readers.
    pub fn record_sent(&self, tenant_id: TenantId, bytes: usize, now: DateTime<Utc>) {
        let quota = Quota::BytesOutPerSecond;
        let Some(per_second) = self.limit(tenant_id, quota) else { return };
        let meter = self.meter(tenant_id, now);
        let level = meter.bucket(quota).spend(bytes as u64, per_second, now);
        if level.remaining == 0 {
            meter.count_refusal(quota);
        }
        self.alert_if_near(tenant_id, &meter, quota, level.used(), per_second, now);
    }

    /// Until when delivery to the tenant has to wait; `None`: it need not.
    pub fn send_blocked_until(&self, tenant_id: TenantId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let quota = Quota::BytesOutPerSecond;
        self.limit(tenant_id, quota)?;
        self.meter(tenant_id, now).bucket(quota).pays_at(now)
    }

    /// Whether one more is allowed where `held` are; counts the refusal, and alerts near the limit.
    pub fn allows_one_more(&self, tenant_id: TenantId, quota: Quota, held: u64, now: DateTime<Utc>) -> bool {
        let Some(most) = self.limit(tenant_id, quota) else { return true };
        let meter = self.meter(tenant_id, now);
        let fits = held < most;
        if !fits {
            meter.count_refusal(quota);
        }
        self.alert_if_near(tenant_id, &meter, quota, held + u64::from(fits), most, now);
        fits
    }

    /// Records that `used` of a quota are held now, or that this amount was refused unless it `fits`.
    pub fn record_usage(&self, tenant_id: TenantId, quota: Quota, used: u64, fits: bool, now: DateTime<Utc>) {
        let Some(most) = self.limit(tenant_id, quota) else { return };
        let meter = self.meter(tenant_id, now);
        if !fits {
            meter.count_refusal(quota);
        }
        self.alert_if_near(tenant_id, &meter, quota, used, most, now);
    }

    /// The tenant's meter; created if it has none.
    pub(super) fn meter(&self, tenant_id: TenantId, now: DateTime<Utc>) -> Arc<Meter> {
        let mut meters = self.meters.lock();
        if meters.len() >= MAX_METERS && !meters.contains_key(&tenant_id) {
            meters.retain(|_, meter| !meter.is_idle(now));
        }
        Arc::clone(meters.entry(tenant_id).or_default())
    }

    fn alert_if_near(
        &self,
        tenant_id: TenantId,
        meter: &Meter,
        quota: Quota,
        used: u64,
        most: u64,
        now: DateTime<Utc>,
    ) {
        let near = u128::from(used) * 10 >= u128::from(most) * 9;
        if !near || !quota.warns() {
            return;
        }
        let mut alerts = self.alerts.lock();
        if alerts.len() < MAX_ALERTS && meter.claim_alert(quota, now) {
            alerts.push((tenant_id, quota));
        }
    }
}

/// The error for a tenant that has used up a quota.
pub fn quota_exceeded(quota: Quota, most: u64, retry_after: u64) -> Problem {
    let words = format!("Your tenant has used up its quota of {most} {}.", quota.words());
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(retry_after).unwrap_or(u32::MAX))
}
