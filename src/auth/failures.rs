//! Failures as they are counted: they drain away one by one, and what they cost grows with each.

use chrono::{DateTime, TimeDelta, Utc};

use super::throttle::Wait;

/// How one kind of counter grows.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Failures that cost nothing.
    pub free_failures: u32,
    /// The wait after the first failure past them; it doubles with each further one.
    pub first_wait: TimeDelta,
    pub max_wait: TimeDelta,
    /// How long it takes to forget one failure.
    pub forget_one_after: TimeDelta,
}

/// How the tries at one account from all addresses are spread once many of them have failed.
#[derive(Clone, Copy, Debug)]
pub struct PacingSettings {
    /// Failures, of all addresses together, that cost nothing; past them the gap between two tries doubles from the first
    /// gap up to the widest.
    pub free_failures: u32,
    pub first_gap: TimeDelta,
    pub max_gap: TimeDelta,
    pub forget_one_after: TimeDelta,
    /// Failures at this account in a day that an address may have and still is never refused, only delayed: typing mistakes.
    pub tolerated_failures: u32,
    /// How long one try is delayed at most.
    pub max_delay: TimeDelta,
    /// Tries at one account, and in all, that are being delayed at once.
    pub max_delayed_per_account: u32,
    pub max_delayed: u32,
}

/// Failures that drain away one by one. Of one size, however many they are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct FailureCounter {
    failures: u32,
    /// Until when the failures are drained.
    drained_at: Option<DateTime<Utc>>,
    failed_at: Option<DateTime<Utc>>,
    /// Those that are not drained: they go together, a day after the last.
    failures_in_window: u32,
}

/// How long a failure is held against an address where all wait in line.
const DAILY_WINDOW: TimeDelta = TimeDelta::days(1);

impl FailureCounter {
    /// Whether the next attempt may be let through.
    pub(super) fn check_wait(&mut self, allowance: &Allowance, now: DateTime<Utc>) -> Result<(), Wait> {
        self.drain(allowance.forget_one_after, now);
        let Some(failed_at) = self.failed_at else { return Ok(()) };
        let wait = backoff(self.failures, allowance.free_failures, allowance.first_wait, allowance.max_wait);
        // A clock that was set back must not stretch a wait.
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

    /// The failures of which the last is not a day ago.
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
        // The rest of a step goes on counting; an empty counter starts its first step when it is next used.
        let rest = TimeDelta::milliseconds((now - since).num_milliseconds() % step);
        self.drained_at = Some(if self.failures == 0 { now } else { now - rest });
    }
}

/// The tries at one account from all addresses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct AccountPacer {
    counter: FailureCounter,
    /// When the next try may go on.
    next_slot_at: Option<DateTime<Utc>>,
    /// Tries that are being delayed.
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
        // No line is longer than what may be delayed and one gap.
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
        // Far more than the widest gap asks for: after a long siege the account is soon forgotten again.
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
