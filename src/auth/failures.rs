//! Counters of failures, which decay over time; the wait grows with each failure.

use chrono::{DateTime, TimeDelta, Utc};

/// How the wait of one kind of counter grows.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Failures without a wait.
    pub free_failures: u32,
    /// The wait after the first failure past them; it doubles with each further one.
    pub first_wait: TimeDelta,
    pub max_wait: TimeDelta,
    /// The time after which one failure is removed from the count.
    pub forget_one_after: TimeDelta,
}

/// How attempts at one account from all addresses are paced once many of them have failed.
#[derive(Clone, Copy, Debug)]
pub struct PacingSettings {
    /// Failures, of all addresses together, that cause no delay; past them the gap between two attempts doubles from
    /// the first gap up to the widest.
    pub free_failures: u32,
    pub first_gap: TimeDelta,
    pub max_gap: TimeDelta,
    pub forget_one_after: TimeDelta,
    /// Failures at this account within a day that an address may have and is still only delayed, never refused:
    /// typing mistakes.
    pub tolerated_failures: u32,
    /// The longest delay of one attempt.
    pub max_delay: TimeDelta,
    /// Limits of the attempts that are delayed at the same time: of one account, and of all.
    pub max_delayed_per_account: u32,
    pub max_delayed: u32,
}

/// Too many failures: how long to wait before the next attempt can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait(pub TimeDelta);

/// A count of failures that decays over time. Its size is constant.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FailureCounter {
    failures: u32,
    /// The time up to which the decay is applied.
    drained_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    /// Failures without decay: they are dropped together, a day after the last.
    failures_in_window: u32,
}

/// How long a failure counts against an address while attempts at the account are paced.
const DAILY_WINDOW: TimeDelta = TimeDelta::days(1);

impl FailureCounter {
    /// Whether the next attempt is allowed.
    pub(super) fn check_wait(&mut self, allowance: &Allowance, now: DateTime<Utc>) -> Result<(), Wait> {
        self.drain(allowance.forget_one_after, now);
        let Some(failed_at) = self.failed_at else { return Ok(()) };
        let wait = backoff(self.failures, allowance.free_failures, allowance.first_wait, allowance.max_wait);
        // A clock that was set back must not lengthen a wait.
        let left = (failed_at + wait - now).min(wait);
        if left <= TimeDelta::zero() { Ok(()) } else { Err(Wait(left)) }
    }

    pub(super) fn record_failure(&mut self, allowance: &Allowance, now: DateTime<Utc>) {
        self.failures_in_window = self.failures_in_window(now).saturating_add(1);
        self.drain(allowance.forget_one_after, now);
        self.failures = self.failures.saturating_add(1);
        self.failed_at = Some(now);
    }

    pub(super) fn undo_failure(&mut self) {
        self.failures = self.failures.saturating_sub(1);
        self.failures_in_window = self.failures_in_window.saturating_sub(1);
    }

    /// The failures without decay, or 0 if the last one is a day old.
    pub(super) fn failures_in_window(&self, now: DateTime<Utc>) -> u32 {
        if self.failed_at.is_some_and(|failed_at| now - failed_at < DAILY_WINDOW) {
            self.failures_in_window
        } else {
            0
        }
    }

    fn drain(&mut self, forget_one_after: TimeDelta, now: DateTime<Utc>) {
        let since = self.drained_at.unwrap_or(now).min(now);
        let step = forget_one_after.num_milliseconds().max(1);
        let steps = (now - since).num_milliseconds() / step;
        self.failures = self.failures.saturating_sub(u32::try_from(steps).unwrap_or(u32::MAX));
        // The remainder of a step is kept; an empty counter starts its first step when it is next used.
        let rest = TimeDelta::milliseconds((now - since).num_milliseconds() % step);
        self.drained_at = Some(if self.failures == 0 { now } else { now - rest });
    }
}

/// Paces the attempts at one account from all addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountPacer {
    counter: FailureCounter,
    /// When the next attempt may run.
    next_slot_at: Option<DateTime<Utc>>,
    /// Attempts that are being delayed.
    pub(super) delayed: u32,
}

impl AccountPacer {
    fn gap(&mut self, pace: &PacingSettings, now: DateTime<Utc>) -> TimeDelta {
        self.counter.drain(pace.forget_one_after, now);
        backoff(self.counter.failures, pace.free_failures, pace.first_gap, pace.max_gap)
    }

    pub(super) fn time_until_slot(&mut self, pace: &PacingSettings, now: DateTime<Utc>) -> TimeDelta {
        if self.gap(pace, now) == TimeDelta::zero() {
            return TimeDelta::zero();
        }
        // The wait is at most the longest delay plus one gap.
        let most = pace.max_delay + pace.max_gap;
        self.next_slot_at.map_or(TimeDelta::zero(), |free_at| (free_at - now).min(most))
    }

    pub(super) fn reserve_slot(&mut self, pace: &PacingSettings, now: DateTime<Utc>) {
        let gap = self.gap(pace, now);
        self.next_slot_at = Some(now + self.time_until_slot(pace, now).max(TimeDelta::zero()) + gap);
    }

    pub(super) fn undo_failure(&mut self) {
        self.counter.undo_failure();
    }

    pub(super) fn record_failure(&mut self, pace: &PacingSettings, now: DateTime<Utc>) {
        self.counter.drain(pace.forget_one_after, now);
        // Far more than the widest gap needs, but capped so that the account recovers soon after a long attack.
        self.counter.failures = (self.counter.failures + 1).min(pace.free_failures + 20);
        self.counter.failed_at = Some(now);
    }
}

/// `first`, doubled with each failure past the free ones, up to `longest`.
fn backoff(failures: u32, free: u32, first: TimeDelta, longest: TimeDelta) -> TimeDelta {
    let Some(past) = failures.checked_sub(free + 1) else { return TimeDelta::zero() };
    let factor = 1_i32.checked_shl(past).filter(|factor| *factor > 0);
    let span = factor.and_then(|factor| first.checked_mul(factor));
    span.map_or(longest, |span| span.min(longest))
}
