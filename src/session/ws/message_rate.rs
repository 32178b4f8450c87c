//! The limit on a client's messages: a number for each second, and no more than ten consecutive seconds above it. Far
//! above it nothing is read for the rest of the second: a flood has a bounded cost, and TCP makes its sender wait. A
//! socket is on one node, so its rate is counted here; the tenant's, over all nodes, in `cluster::rate_counters`.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// After this time above the limit the socket is closed (4429).
const MAX_OVERRUN: TimeDelta = TimeDelta::seconds(10);
const WINDOW: TimeDelta = TimeDelta::seconds(1);
/// Up to this multiple of the limit messages are refused one by one; more in a second is a flood without answers.
const MAX_ANSWERED_FACTOR: u32 = 4;

pub(super) struct MessageRate {
    per_second: u32,
    window: DateTime<Utc>,
    count: u32,
    over_since: Option<DateTime<Utc>>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum RateVerdict {
    Allowed,
    TooFast,
    /// So far above the limit that it gets no further answers.
    Flood,
    Exceeded,
}

impl MessageRate {
    pub(super) fn new(per_second: u32, now: DateTime<Utc>) -> Self {
        Self { per_second, window: now, count: 0, over_since: None }
    }

    /// Counts one message, ping or pong.
    pub(super) fn count(&mut self, now: DateTime<Utc>) -> RateVerdict {
        if now - self.window >= WINDOW {
            // A whole second below the limit ends the count of seconds above it.
            let calm = self.count <= self.per_second || now - self.window >= WINDOW * 2;
            if calm {
                self.over_since = None;
            }
            self.window = now;
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        if self.count <= self.per_second {
            return RateVerdict::Allowed;
        }
        let since = *self.over_since.get_or_insert(now);
        match () {
            () if now - since >= MAX_OVERRUN => RateVerdict::Exceeded,
            () if self.is_flood() => RateVerdict::Flood,
            () => RateVerdict::TooFast,
        }
    }

    /// How long nothing is to be read.
    pub(super) fn read_pause(&self, now: DateTime<Utc>) -> Option<Duration> {
        let left = (self.window + WINDOW - now).to_std().ok()?;
        (self.is_flood() && !left.is_zero()).then_some(left)
    }

    fn is_flood(&self) -> bool {
        self.count > self.per_second.saturating_mul(MAX_ANSWERED_FACTOR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(ms).unwrap()
    }

    #[test]
    fn the_limit_holds_within_a_second_and_starts_anew_in_the_next() {
        let mut pace = MessageRate::new(2, at(0));

        let verdicts: Vec<_> = [0, 10, 20, 1_000].map(|ms| pace.count(at(ms))).into();

        assert_eq!(
            verdicts,
            [RateVerdict::Allowed, RateVerdict::Allowed, RateVerdict::TooFast, RateVerdict::Allowed]
        );
    }

    #[test]
    fn ten_seconds_over_the_limit_exceed_it() {
        let mut pace = MessageRate::new(1, at(0));
        let ended = (0..).map(|step| step * 100).find(|ms| pace.count(at(*ms)) == RateVerdict::Exceeded);

        assert_eq!(ended, Some(10_100));
    }

    #[test]
    fn a_flood_pauses_reading_until_the_second_is_over() {
        let mut pace = MessageRate::new(1, at(0));

        let verdicts: Vec<_> = [0, 1, 2, 3].map(|ms| pace.count(at(ms))).into();
        assert_eq!(
            verdicts,
            [RateVerdict::Allowed, RateVerdict::TooFast, RateVerdict::TooFast, RateVerdict::TooFast]
        );
        assert_eq!(pace.read_pause(at(4)), None);
        assert_eq!(pace.count(at(4)), RateVerdict::Flood);

        assert_eq!(pace.read_pause(at(4)), Some(Duration::from_millis(996)));
        assert_eq!(pace.read_pause(at(1_000)), None);
        assert_eq!(pace.count(at(1_000)), RateVerdict::Allowed);
    }

    #[test]
    fn a_second_below_the_limit_resets_the_overrun() {
        let mut pace = MessageRate::new(1, at(0));
        let flood =
            |pace: &mut MessageRate, from: i64| (0..90).map(|step| pace.count(at(from + step * 100))).last();

        flood(&mut pace, 0);
        pace.count(at(9_500));
        pace.count(at(12_000));

        assert_eq!(flood(&mut pace, 13_000), Some(RateVerdict::Flood));
    }
}
