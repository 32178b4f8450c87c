//! Counts failed sign-ins: the first of an account becomes an audit entry at once, those of the next hour are
//! summarised in one more entry. Everything that is counted is bounded. Each node summarises the failures that it saw:
//! this is a way to write the log, and limits nothing.

use std::collections::{HashMap, HashSet};
use std::mem;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::audit::{Actor, entry};
use crate::base::clock::rfc3339;
use crate::base::ids::TenantId;
use crate::base::ip_prefix::IpPrefix;
use crate::domain::op::Origin;
use crate::storage::audit_log::NewAuditEntry;
use crate::storage::sessions::Owner;

/// How long failures are summarised after the first.
const WINDOW: TimeDelta = TimeDelta::hours(1);
/// Bounded: accounts of one tenant with a window of their own; the failures of others share one.
const MAX_WINDOWS_PER_TENANT: usize = 500;
/// Bounded: windows of all tenants; beyond it a tenant has one for all of its accounts.
const MAX_WINDOWS: usize = 20_000;
/// Bounded: distinct addresses that are counted in one window; beyond it their number is a lower bound.
const MAX_ADDRESSES: usize = 1_000;
/// Bounded: entries of one tenant a day about single accounts. Later failures are in the entries of its other
/// accounts, of which there are two a window.
const MAX_ENTRIES_PER_DAY: u32 = 1_000;

/// The target of a password attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Target {
    Account(Owner),
    /// Names in a tenant, or in none, that have no account; and accounts beyond a bound.
    Others(Option<TenantId>),
}

impl Target {
    fn tenant_id(self) -> Option<TenantId> {
        match self {
            Self::Account(owner) => owner.tenant_id(),
            Self::Others(tenant) => tenant,
        }
    }
}

/// One failed attempt.
pub(super) struct FailedSignIn<'a> {
    pub(super) target: Target,
    /// The name as it was typed.
    pub(super) typed: &'a str,
    pub(super) client: IpAddr,
    pub(super) origin: &'a Origin,
    /// The time that the entry shows.
    pub(super) at: DateTime<Utc>,
    /// On the steady clock.
    pub(super) steady: DateTime<Utc>,
}

/// An entry with the tenant of its log.
pub(super) type PendingEntry = (Option<TenantId>, NewAuditEntry);

/// Recent failures that are not in the audit log yet.
#[derive(Default)]
pub(super) struct FailedSignIns {
    windows: Mutex<Windows>,
    /// Notified when an entry is pending.
    pub(super) pending: Notify,
}

#[derive(Default)]
struct Windows {
    /// Pending entries; bounded, because a window has two.
    pending: Vec<PendingEntry>,
    open: HashMap<Target, Window>,
    of_tenant: HashMap<Option<TenantId>, TenantUsage>,
}

/// A tenant's usage of the bounds.
#[derive(Default)]
struct TenantUsage {
    windows: usize,
    day_began: Option<DateTime<Utc>>,
    entries: u32,
}

struct Window {
    began: DateTime<Utc>,
    since: DateTime<Utc>,
    typed: String,
    /// Attempts after the first, which has an entry of its own.
    tries: u64,
    addresses: HashSet<IpPrefix>,
}

impl FailedSignIns {
    /// Counts a failure; the first of a window becomes a pending entry at once.
    pub(super) fn count(&self, failure: &FailedSignIn<'_>) {
        let mut windows = self.windows.lock();
        let target = windows.target(failure);
        if let Some(window) = windows.open.get_mut(&target) {
            window.tries += 1;
            if window.addresses.len() < MAX_ADDRESSES {
                window.addresses.insert(IpPrefix::of(failure.client));
            }
            return;
        }
        windows.begin(target, failure);
        let entry = entry(Actor::typed(failure.typed), "login.failed", None, failure.origin, failure.at);
        windows.pending.push((target.tenant_id(), entry));
        drop(windows);
        self.pending.notify_one();
    }

    /// Closes windows and queues their summaries.
    pub(super) fn close_windows(&self, wanted: CloseWindows, at: DateTime<Utc>) {
        let mut windows = self.windows.lock();
        let Windows { open, of_tenant, pending } = &mut *windows;
        let over = open.extract_if(|_, window| match wanted {
            CloseWindows::Expired(steady) => steady - window.began >= WINDOW,
            CloseWindows::All => true,
        });
        let over: Vec<(Target, Window)> = over.collect();
        for (target, _) in &over {
            if let Some(share) = of_tenant.get_mut(&target.tenant_id()) {
                share.windows = share.windows.saturating_sub(1);
            }
        }
        if let CloseWindows::Expired(steady) = wanted {
            of_tenant.retain(|_, share| share.windows > 0 || !share.is_old(steady));
        }
        let told = over.into_iter().filter(|(_, window)| window.tries > 0);
        pending.extend(told.map(|(target, window)| (target.tenant_id(), window.summary(at))));
    }

    pub(super) fn take_pending(&self) -> Vec<PendingEntry> {
        mem::take(&mut self.windows.lock().pending)
    }

    /// Requeues what could not be written, for the next attempt.
    pub(super) fn requeue(&self, mut due: Vec<PendingEntry>) {
        let pending = &mut self.windows.lock().pending;
        due.append(pending);
        *pending = due;
    }
}

#[derive(Clone, Copy)]
pub(super) enum CloseWindows {
    /// Those that have expired at this time of the steady clock.
    Expired(DateTime<Utc>),
    All,
}

impl Windows {
    /// The target that a failure is counted under: its account if there is room for one more.
    fn target(&mut self, failure: &FailedSignIn<'_>) -> Target {
        let tenant_id = failure.target.tenant_id();
        if self.open.contains_key(&failure.target) || matches!(failure.target, Target::Others(_)) {
            return failure.target;
        }
        let share = self.of_tenant.entry(tenant_id).or_default();
        share.reset_daily(failure.steady);
        let has_room = share.windows < MAX_WINDOWS_PER_TENANT && share.entries + 2 <= MAX_ENTRIES_PER_DAY;
        if has_room && self.open.len() < MAX_WINDOWS { failure.target } else { Target::Others(tenant_id) }
    }

    fn begin(&mut self, target: Target, failure: &FailedSignIn<'_>) {
        let share = self.of_tenant.entry(target.tenant_id()).or_default();
        share.reset_daily(failure.steady);
        share.windows += 1;
        // The first failure and the summary.
        share.entries += 2;
        let window = Window {
            began: failure.steady,
            since: failure.at,
            typed: failure.typed.chars().take(200).collect(),
            tries: 0,
            addresses: HashSet::from([IpPrefix::of(failure.client)]),
        };
        self.open.insert(target, window);
    }
}

impl TenantUsage {
    fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.day_began.is_none_or(|began| now - began >= TimeDelta::days(1))
    }

    fn reset_daily(&mut self, now: DateTime<Utc>) {
        if self.is_old(now) {
            self.day_began = Some(now);
            self.entries = 0;
        }
    }
}

impl Window {
    fn summary(mut self, at: DateTime<Utc>) -> NewAuditEntry {
        let actor = Actor::typed(&mem::take(&mut self.typed));
        let detail = serde_json::json!({
            "attempts": self.tries,
            "addresses": self.addresses.len(),
            "since": rfc3339(self.since),
        });
        let summed = entry(actor, "login.failed", None, &Origin::default(), at);
        NewAuditEntry { detail: Some(detail.to_string()), ..summed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::UserId;
    use crate::storage::micros;

    const TENANT: TenantId = TenantId(1);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + seconds, 0).unwrap()
    }

    /// Fails once and returns the pending entries.
    fn fail(failed: &FailedSignIns, target: Target, from: u8, seconds: i64) -> Vec<PendingEntry> {
        let client = IpAddr::from([192, 0, 2, from]);
        let origin = Origin::default();
        let (at, steady) = (at(seconds), at(seconds));
        failed.count(&FailedSignIn { target, typed: "acme/ann", client, origin: &origin, at, steady });
        failed.take_pending()
    }

    fn due(failed: &FailedSignIns, wanted: CloseWindows, seconds: i64) -> Vec<PendingEntry> {
        failed.close_windows(wanted, at(seconds));
        failed.take_pending()
    }

    fn account(user: i64) -> Target {
        Target::Account(Owner::User(TENANT, UserId(user)))
    }

    #[test]
    fn an_hour_of_failures_is_two_entries() {
        let failed = FailedSignIns::default();

        let first = fail(&failed, account(1), 1, 0);
        let others = (0..3_000).flat_map(|n| fail(&failed, account(1), (n % 200) as u8, 1));
        assert_eq!(others.count(), 0);
        assert!(due(&failed, CloseWindows::Expired(at(3_599)), 3_599).is_empty());
        let summed = due(&failed, CloseWindows::Expired(at(3_600)), 3_600);

        assert!(matches!(&first[..], [(Some(TENANT), entry)] if entry.detail.is_none()));
        let detail = summed[0].1.detail.clone().unwrap();
        assert_eq!((summed.len(), summed[0].1.actor_name.as_deref()), (1, Some("acme/ann")));
        assert!(detail.contains("\"attempts\":3000") && detail.contains("\"addresses\":200"), "{detail}");
        assert_eq!(fail(&failed, account(1), 1, 3_601).len(), 1);
    }

    #[test]
    fn a_day_of_a_tenant_has_a_bound_and_another_tenant_its_own() {
        let failed = FailedSignIns::default();
        let mut entries = 0;
        for hour in 0..24 {
            let now = hour * 3_600;
            entries += due(&failed, CloseWindows::Expired(at(now)), now).len();
            for user in 0..2_000 {
                for _ in 0..2 {
                    entries += fail(&failed, account(user), 1, now).len();
                }
            }
        }

        assert!(entries <= 1_000 + 2 * 24, "{entries}");
        assert!(failed.windows.lock().open.len() <= MAX_WINDOWS_PER_TENANT + 1);
        let elsewhere = Target::Account(Owner::User(TenantId(2), UserId(9)));
        assert_eq!(fail(&failed, elsewhere, 1, 90_000).len(), 1);
    }

    #[test]
    fn open_windows_are_written_at_shutdown() {
        let failed = FailedSignIns::default();
        fail(&failed, Target::Others(None), 1, 0);
        fail(&failed, Target::Others(None), 2, 1);

        assert_eq!(due(&failed, CloseWindows::All, 2).len(), 1);
        assert_eq!(due(&failed, CloseWindows::All, 2).len(), 0);
    }

    #[test]
    fn what_could_not_be_written_waits_in_its_order() {
        let failed = FailedSignIns::default();
        let first = fail(&failed, account(1), 1, 0);
        failed.requeue(first);

        let both = fail(&failed, account(2), 1, 1);

        assert_eq!(
            both.iter().map(|(_, entry)| entry.at).collect::<Vec<_>>(),
            [micros(at(0)), micros(at(1))]
        );
    }
}
