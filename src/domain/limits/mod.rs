//! Rate limits and quotas of callers, addresses and tenants, and what they have used. Rates are counted in
//! `cluster`, where nodes can share them, delivered bytes and refusals on each node; operators' overrides are stored.

pub mod alert;
pub mod meter;
pub mod overrides;
pub mod quota;
pub mod usage;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use parking_lot::{Mutex, RwLock};

use self::meter::Meter;
use self::quota::{Quota, Quotas};
use crate::auth::principal::Principal;
use crate::base::gcra::{Rate, RateState};
use crate::base::ids::TenantId;
use crate::base::ip_prefix::IpPrefix;
use crate::cluster::rate_counters::{RateCounters, RateKey, RateLimit, RateSubject};
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

/// A quota of a tenant that is a rate over all nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantRate {
    Requests,
    Messages,
    Connects,
}

impl TenantRate {
    pub fn quota(self) -> Quota {
        match self {
            Self::Requests => Quota::RequestsPerSecond,
            Self::Messages => Quota::MessagesPerSecond,
            Self::Connects => Quota::ConnectsPerSecond,
        }
    }

    fn key(self, tenant_id: TenantId) -> RateKey {
        let limit = match self {
            Self::Requests => RateLimit::TenantRequests,
            Self::Messages => RateLimit::TenantMessages,
            Self::Connects => RateLimit::TenantConnects,
        };
        RateKey { limit, subject: RateSubject::Tenant(tenant_id) }
    }
}

/// All limits, and a node's meters.
pub struct Limits {
    defaults: Quotas,
    overrides: RwLock<HashMap<TenantId, Quotas>>,
    meters: Mutex<HashMap<TenantId, Arc<Meter>>>,
    rates: Arc<dyn RateCounters>,
    of_callers: Option<Rate>,
    of_addresses: Option<Rate>,
    alerts: Mutex<Vec<(TenantId, Quota)>>,
}

impl Limits {
    pub fn new(settings: LimitSettings, rates: Arc<dyn RateCounters>) -> Self {
        Self {
            defaults: settings.quotas,
            overrides: RwLock::default(),
            meters: Mutex::default(),
            rates,
            of_callers: settings.requests_per_caller.map(Rate::per_second),
            of_addresses: settings.requests_per_address.map(Rate::per_second),
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
    pub async fn count_address_request(&self, address: IpPrefix, now: DateTime<Utc>) -> Option<RateState> {
        let key = RateKey { limit: RateLimit::AddressRequests, subject: RateSubject::Address(address) };
        Some(self.rates.take(key, self.of_addresses?, now).await)
    }

    /// Counts a request of a verified caller.
    pub async fn count_caller_request(&self, caller: &Principal, now: DateTime<Utc>) -> Option<RateState> {
        let subject = match caller {
            Principal::User(user) => RateSubject::User(user.user_id()),
            Principal::Key(key) => RateSubject::Key(key.key_id()),
            Principal::Operator(operator) => RateSubject::Operator(operator.operator_id()),
        };
        let key = RateKey { limit: RateLimit::CallerRequests, subject };
        Some(self.rates.take(key, self.of_callers?, now).await)
    }

    /// Takes one unit of a tenant's rate; `None` when there is no limit.
    pub async fn take(&self, tenant_id: TenantId, rate: TenantRate, now: DateTime<Utc>) -> Option<RateState> {
        let quota = rate.quota();
        let per_second = self.limit(tenant_id, quota)?;
        let level = self.rates.take(rate.key(tenant_id), Rate::per_second(per_second), now).await;
        let refused = level.retry_after_secs.is_some();
        // Most requests are far from the limit: nothing else is looked up for them.
        if refused || is_near(quota, level.used(), per_second) {
            let meter = self.meter(tenant_id, now);
            if refused {
                meter.count_refusal(quota);
            }
            self.alert_if_near(tenant_id, &meter, quota, level.used(), per_second, now);
        }
        Some(level)
    }

    /// What of a tenant's rate is used at this moment; `None` when there is no limit.
    pub(super) async fn used(
        &self,
        tenant_id: TenantId,
        rate: TenantRate,
        now: DateTime<Utc>,
    ) -> Option<u64> {
        let per_second = self.limit(tenant_id, rate.quota())?;
        let state = self.rates.peek(rate.key(tenant_id), Rate::per_second(per_second), now).await;
        Some(state.used())
    }

    /// Records bytes that were sent to the tenant's readers.
    pub fn record_sent(&self, tenant_id: TenantId, bytes: usize, now: DateTime<Utc>) {
        let quota = Quota::BytesOutPerSecond;
        let Some(per_second) = self.limit(tenant_id, quota) else { return };
        let meter = self.meter(tenant_id, now);
        let level = meter.bytes_out().spend(bytes as u64, per_second, now);
        if level.remaining == 0 {
            meter.count_refusal(quota);
        }
        self.alert_if_near(tenant_id, &meter, quota, level.used(), per_second, now);
    }

    /// Until when delivery to the tenant has to wait; `None`: it need not.
    pub fn send_blocked_until(&self, tenant_id: TenantId, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let quota = Quota::BytesOutPerSecond;
        self.limit(tenant_id, quota)?;
        self.meter(tenant_id, now).bytes_out().pays_at(now)
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
        if !is_near(quota, used, most) {
            return;
        }
        let mut alerts = self.alerts.lock();
        if alerts.len() < MAX_ALERTS && meter.claim_alert(quota, now) {
            alerts.push((tenant_id, quota));
        }
    }
}

/// Whether an alert is due: nine tenths are used.
fn is_near(quota: Quota, used: u64, most: u64) -> bool {
    quota.warns() && u128::from(used) * 10 >= u128::from(most) * 9
}

/// The error for a tenant that has used up a quota.
pub fn quota_exceeded(quota: Quota, most: u64, retry_after: u64) -> Problem {
    let words = format!("Your tenant has used up its quota of {most} {}.", quota.words());
    Problem::new(Code::RateLimited, words).retry_after(u32::try_from(retry_after).unwrap_or(u32::MAX))
}
