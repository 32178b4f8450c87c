//! Rates of requests, messages, connects and sign-ins, over all nodes. A node's own by nature, and not here: the message
//! rate of one socket (`session/ws/message_rate.rs`), since a socket is on one node; the bytes delivered to a tenant
//! (`domain/limits/meter.rs`), since a delivery never waits for another machine; guesses of passwords
//! (`auth/throttle.rs`) and the summaries of failed sign-ins (`domain/identity/failure_windows.rs`), which are no rates.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use parking_lot::Mutex;

use super::answer::{Answer, answer};
use crate::base::gcra::{Bucket, Rate, RateState};
use crate::base::ids::{KeyId, OperatorId, SessionId, TenantId, UserId};
use crate::base::ip_prefix::IpPrefix;

/// What is counted. Each has counters of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimit {
    AddressRequests,
    CallerRequests,
    TenantRequests,
    TenantMessages,
    TenantConnects,
    AccountSignIns,
    AccountSignInsAtAddress,
    TenantSignIns,
    /// Answers to a refresh token that is presented again at once.
    RefreshRepeats,
}

impl RateLimit {
    const COUNT: usize = Self::RefreshRepeats as usize + 1;
}

/// Whose units are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateSubject {
    Address(IpPrefix),
    Tenant(TenantId),
    User(UserId),
    UserAt(UserId, IpPrefix),
    Key(KeyId),
    Operator(OperatorId),
    OperatorAt(OperatorId, IpPrefix),
    Session(SessionId),
}

/// One counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RateKey {
    pub limit: RateLimit,
    pub subject: RateSubject,
}

/// The counters of all rates. Each is a cell of the generic cell rate algorithm: one number, which a shared store reads
/// and writes in one step, with an expiry when the cell is full. The rate is no part of the counter: it may change while
/// the counter is in use. No call fails: while a shared store does not answer, a node counts for itself.
///
/// `now` is the caller's clock, and a counter is always used with the same one, the wall clock or the steady one. Clocks
/// of nodes differ by little, and a cell holds at most one window of debt.
pub trait RateCounters: Send + Sync {
    /// Takes one unit, or leaves the counter unchanged. Of several concurrent calls, on any node, no more are granted
    /// than the rate allows.
    fn take(&self, key: RateKey, rate: Rate, now: DateTime<Utc>) -> Answer<'_, RateState>;

    /// The state without taking anything; refused as [`RateCounters::take`] would be.
    fn peek(&self, key: RateKey, rate: Rate, now: DateTime<Utc>) -> Answer<'_, RateState>;
}

/// Bounded: counters of one limit at once. Beyond it full cells are dropped, which changes nothing for their subjects,
/// and if that is not enough, the half that is nearest to full.
const MAX_COUNTERS: usize = 65_536;

/// The counters of a node that shares them with no other.
#[derive(Default)]
pub struct MemoryRateCounters([Mutex<HashMap<RateSubject, Bucket>>; RateLimit::COUNT]);

impl RateCounters for MemoryRateCounters {
    fn take(&self, key: RateKey, rate: Rate, now: DateTime<Utc>) -> Answer<'_, RateState> {
        let mut cells = self.0[key.limit as usize].lock();
        if cells.len() >= MAX_COUNTERS && !cells.contains_key(&key.subject) {
            evict(&mut cells, now);
        }
        answer(cells.entry(key.subject).or_default().take(rate, now))
    }

    fn peek(&self, key: RateKey, rate: Rate, now: DateTime<Utc>) -> Answer<'_, RateState> {
        let cells = self.0[key.limit as usize].lock();
        let state = cells.get(&key.subject).map(|cell| cell.peek(rate, now));
        answer(state.unwrap_or_else(|| Bucket::default().peek(rate, now)))
    }
}

fn evict(cells: &mut HashMap<RateSubject, Bucket>, now: DateTime<Utc>) {
    cells.retain(|_, cell| !cell.is_full(now));
    if cells.len() < MAX_COUNTERS {
        return;
    }
    let mut ends: Vec<i64> = cells.values().map(Bucket::full_at_ns).collect();
    let middle = ends.len() / 2;
    let (_, median, _) = ends.select_nth_unstable(middle);
    let median = *median;
    cells.retain(|_, cell| cell.full_at_ns() > median);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;
    use crate::cluster::contract;

    #[tokio::test]
    async fn the_memory_counters_keep_the_contract() {
        contract::rate_counters(|| Arc::new(MemoryRateCounters::default())).await;
    }

    #[test]
    fn a_flood_of_callers_does_not_grow_the_memory_nor_free_the_one_who_is_at_the_limit() {
        let (counters, rate) = (MemoryRateCounters::default(), Rate::per_second(10));
        let now = DateTime::from_timestamp(1_764_000_000, 0).unwrap();
        let take = |user| {
            let key = RateKey { limit: RateLimit::CallerRequests, subject: RateSubject::User(UserId(user)) };
            counters.take(key, rate, now).now_or_never().unwrap()
        };
        (0..10).for_each(|_| _ = take(0));

        (1..=MAX_COUNTERS as i64 * 2).for_each(|user| _ = take(user));

        assert!(counters.0[RateLimit::CallerRequests as usize].lock().len() <= MAX_COUNTERS);
        assert_eq!(take(0).retry_after_secs, Some(1));
    }

    #[test]
    fn what_is_only_looked_at_is_not_kept() {
        let counters = MemoryRateCounters::default();
        let key = RateKey { limit: RateLimit::TenantRequests, subject: RateSubject::Tenant(TenantId(1)) };

        let state = counters.peek(key, Rate::per_second(5), DateTime::UNIX_EPOCH).now_or_never().unwrap();

        assert_eq!((state.remaining, state.retry_after_secs), (5, None));
        assert!(counters.0.iter().all(|cells| cells.lock().is_empty()));
    }
}
