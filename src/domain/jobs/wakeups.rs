//! Wakes claims that wait for a job on this node. A wake-up is a hint: the woken claim queries the store, and
//! a lost wake-up costs at most the time until the next poll for jobs of other nodes.
//!
//! Each queued job wakes one waiting claim of its tenant that may take it, so that the number of queries
//! follows the number of jobs and not the number of claims. Wake-ups come from [`JobWakeups::notify`]: the
//! use cases here call it for what they commit, and a broker between nodes for what it receives.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::settings::JobSettings;
use crate::base::ids::TenantId;
pub use crate::cluster::broker::QueuedJob;

/// The waiting claims and the crawler of one node. Clones share the same state.
#[derive(Clone, Default)]
pub struct JobWakeups(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// Bounded by the settings for a key and for a tenant; a tenant without claims is removed.
    tenants: Mutex<HashMap<TenantId, Claims>>,
    builtin: Notify,
    /// Held by the one waiting claim that polls for jobs of other nodes on behalf of all.
    poll_leader: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Claims {
    next_number: u64,
    /// Longest waiting first.
    waiting: BTreeMap<u64, WaitingClaim>,
}

struct WaitingClaim {
    /// Any spider when absent.
    spiders: Option<Vec<String>>,
    claimer: String,
    wake: Arc<Notify>,
    /// The job that it was woken for and has not queried yet.
    woken_for: Option<QueuedJob>,
}

impl WaitingClaim {
    fn may_take(&self, job: &QueuedJob) -> bool {
        let QueuedJob::External { spider_name, not_for } = job else { return false };
        let named = self.spiders.as_ref().is_none_or(|names| names.contains(spider_name));
        named && not_for.as_ref() != Some(&self.claimer)
    }
}

/// The limit on waiting claims that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooManyWaiting {
    OfKey(usize),
    OfTenant(usize),
}

/// A waiting claim; dropping it ends the wait. An unused wake-up is passed to another claim.
pub(super) struct ClaimWaiter {
    wakeups: JobWakeups,
    tenant: TenantId,
    number: u64,
    wake: Arc<Notify>,
    pending_wakeup: Option<QueuedJob>,
}

impl JobWakeups {
    /// Wakes one claim that may take the job and was not woken yet. False: there is none on this node.
    pub fn notify(&self, tenant: TenantId, job: QueuedJob) -> bool {
        if job == QueuedJob::Builtin {
            self.0.builtin.notify_waiters();
            return true;
        }
        let mut tenants = self.0.tenants.lock();
        let Some(claims) = tenants.get_mut(&tenant) else { return false };
        let mut waiting = claims.waiting.values_mut();
        let Some(claim) = waiting.find(|claim| claim.woken_for.is_none() && claim.may_take(&job)) else {
            return false;
        };
        claim.woken_for = Some(job);
        claim.wake.notify_one();
        true
    }

    /// Receives every job for the crawlers from this call on, even before the first poll.
    pub fn builtin_notified(&self) -> Notified<'_> {
        self.0.builtin.notified()
    }

    /// Tenants that have waiting claims on this node.
    pub fn tenants(&self) -> Vec<TenantId> {
        self.0.tenants.lock().keys().copied().collect()
    }

    /// How many claims of a tenant wait on this node.
    pub fn waiting(&self, tenant: TenantId) -> usize {
        self.0.tenants.lock().get(&tenant).map_or(0, |claims| claims.waiting.len())
    }

    /// Held by the one that polls for jobs of other nodes; the others wait, and take over when it is dropped.
    pub(super) async fn lead_polling(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.0.poll_leader.lock().await
    }

    /// Adds a waiting claim, unless there are too many.
    pub(super) fn register(
        &self,
        tenant: TenantId,
        claimer: &str,
        spiders: Option<&[String]>,
        settings: &JobSettings,
    ) -> Result<ClaimWaiter, TooManyWaiting> {
        let mut tenants = self.0.tenants.lock();
        if let Some(claims) = tenants.get(&tenant) {
            let of_key = claims.waiting.values().filter(|claim| claim.claimer == claimer).count();
            if of_key >= settings.waiting_claims_per_key {
                return Err(TooManyWaiting::OfKey(settings.waiting_claims_per_key));
            }
            if claims.waiting.len() >= settings.waiting_claims_per_tenant {
                return Err(TooManyWaiting::OfTenant(settings.waiting_claims_per_tenant));
            }
        }
        let claims = tenants.entry(tenant).or_default();
        let (number, wake) = (claims.next_number, Arc::new(Notify::new()));
        claims.next_number += 1;
        let claim = WaitingClaim {
            spiders: spiders.map(<[String]>::to_vec),
            claimer: claimer.to_owned(),
            wake: Arc::clone(&wake),
            woken_for: None,
        };
        claims.waiting.insert(number, claim);
        Ok(ClaimWaiter { wakeups: self.clone(), tenant, number, wake, pending_wakeup: None })
    }
}

impl ClaimWaiter {
    /// Waits until it is woken, also by a wake-up before this call. The caller queries the store next.
    pub(super) async fn notified(&mut self) {
        self.wake.notified().await;
        let mut tenants = self.wakeups.0.tenants.lock();
        let claim = tenants.get_mut(&self.tenant).and_then(|claims| claims.waiting.get_mut(&self.number));
        self.pending_wakeup = claim.and_then(|claim| claim.woken_for.take());
    }

    /// The query is done, whatever it found.
    pub(super) fn clear_wakeup(&mut self) {
        self.pending_wakeup = None;
    }
}

impl Drop for ClaimWaiter {
    fn drop(&mut self) {
        let unused = {
            let mut tenants = self.wakeups.0.tenants.lock();
            let Some(claims) = tenants.get_mut(&self.tenant) else { return };
            let claim = claims.waiting.remove(&self.number);
            if claims.waiting.is_empty() {
                tenants.remove(&self.tenant);
            }
            claim.and_then(|claim| claim.woken_for)
        };
        // It may have been woken for a second job while it took the first, or its client disconnected during a query.
        for job in self.pending_wakeup.take().into_iter().chain(unused) {
            self.wakeups.notify(self.tenant, job);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    const ACME: TenantId = TenantId(1);
    const OTHER: TenantId = TenantId(2);

    fn register(wakeups: &JobWakeups, tenant: TenantId, claimer: &str, spiders: &[&str]) -> ClaimWaiter {
        let names: Vec<String> = spiders.iter().map(|name| (*name).to_owned()).collect();
        let named = (!names.is_empty()).then_some(names.as_slice());
        wakeups.register(tenant, claimer, named, &JobSettings::default()).unwrap()
    }

    fn external(name: &str) -> QueuedJob {
        QueuedJob::External { spider_name: name.to_owned(), not_for: None }
    }

    fn is_woken(claim: &mut ClaimWaiter) -> bool {
        claim.notified().now_or_never().is_some()
    }

    #[test]
    fn a_job_wakes_one_claim_of_its_tenant_that_may_take_it() {
        let wakeups = JobWakeups::default();
        let mut other = register(&wakeups, OTHER, "k", &[]);
        let mut of_another_spider = register(&wakeups, ACME, "k", &["b"]);
        let mut first = register(&wakeups, ACME, "k", &["b", "a"]);
        let mut second = register(&wakeups, ACME, "k", &[]);

        assert!(wakeups.notify(ACME, external("a")));

        let woken = [&mut other, &mut of_another_spider, &mut first, &mut second].map(is_woken);
        assert_eq!(woken, [false, false, true, false]);
        assert!(!wakeups.notify(TenantId(3), external("a")));
    }

    #[test]
    fn a_wake_up_that_was_not_used_goes_on() {
        let wakeups = JobWakeups::default();
        let mut first = register(&wakeups, ACME, "k", &[]);
        let mut second = register(&wakeups, ACME, "k", &[]);

        // The first one is woken twice: it takes one job, and is dropped before it queries for the other.
        wakeups.notify(ACME, external("a"));
        assert!(is_woken(&mut first));
        wakeups.notify(ACME, external("a"));
        first.clear_wakeup();
        drop(first);

        assert!(is_woken(&mut second));
        second.clear_wakeup();
        drop(second);
        assert_eq!(wakeups.tenants(), []);
    }

    #[test]
    fn who_lost_a_job_is_not_woken_for_it() {
        let wakeups = JobWakeups::default();
        let mut loser = register(&wakeups, ACME, "loser", &[]);
        let job = QueuedJob::External { spider_name: "a".to_owned(), not_for: Some("loser".to_owned()) };

        assert!(!wakeups.notify(ACME, job.clone()));
        let mut another = register(&wakeups, ACME, "another", &[]);
        assert!(wakeups.notify(ACME, job));

        assert_eq!([is_woken(&mut loser), is_woken(&mut another)], [false, true]);
    }

    #[test]
    fn claims_beyond_the_bounds_of_a_key_and_of_a_tenant_are_refused() {
        let wakeups = JobWakeups::default();
        let few =
            JobSettings { waiting_claims_per_key: 2, waiting_claims_per_tenant: 3, ..Default::default() };
        let register = |tenant, claimer| wakeups.register(tenant, claimer, None, &few);
        let one = register(ACME, "a").unwrap();
        let _two = register(ACME, "a").unwrap();

        assert_eq!(register(ACME, "a").err(), Some(TooManyWaiting::OfKey(2)));
        let _three = register(ACME, "b").unwrap();
        assert_eq!(register(ACME, "c").err(), Some(TooManyWaiting::OfTenant(3)));
        assert!(register(OTHER, "a").is_ok());
        drop(one);
        assert!(register(ACME, "a").is_ok());
    }
}
