//! When to try again: what the host asked for, or a delay that doubles.

use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::HeaderValue;

/// The delay before the second try.
const FIRST: Duration = Duration::from_secs(2);
/// No delay of ours is longer.
const LONGEST: Duration = Duration::from_secs(300);
/// A host's `Retry-After` is respected up to here; a page that is unavailable for longer is left to another job.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);

/// How long to wait after try number `attempt` (from 1) failed. `jitter` in `0.0..1.0` spreads the waits of many
/// workers over the upper half of the delay. A host's `Retry-After` wins, and is never undercut.
pub fn backoff(attempt: u32, retry_after: Option<Duration>, jitter: f64) -> Duration {
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.0 };
    if let Some(asked) = retry_after {
        let asked = asked.min(LONGEST_ASKED);
        // A little later than asked, so that not all clients come back in the same second.
        return asked + FIRST.mul_f64(jitter);
    }
    let doublings = attempt.saturating_sub(1).min(16);
    let whole = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    whole.mul_f64(0.5 + jitter / 2.0)
}

/// Reads a `Retry-After` header: seconds or an HTTP date (RFC 9110 section 10.2.3).
pub(super) fn retry_after(value: &HeaderValue, now: DateTime<Utc>) -> Option<Duration> {
    let text = value.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // More digits than a u64 holds is "very long", not "nothing said".
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)).min(LONGEST_ASKED));
    }
    let at = DateTime::<Utc>::from(httpdate::parse_http_date(text).ok()?);
    Some((at - now).to_std().unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        "2026-11-22T10:00:00Z".parse().unwrap()
    }

    #[test]
    fn delays_double_and_stay_bounded() {
        let delays: Vec<_> = (1..=10).map(|attempt| backoff(attempt, None, 1.0).as_secs()).collect();

        assert_eq!(delays, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(backoff(u32::MAX, None, 0.0), Duration::from_secs(150));
        assert_eq!(backoff(0, None, f64::NAN), Duration::from_secs(1));
    }

    #[test]
    fn jitter_moves_a_delay_within_its_upper_half() {
        assert_eq!(backoff(3, None, 0.0), Duration::from_secs(4));
        assert_eq!(backoff(3, None, 0.5), Duration::from_secs(6));
    }

    #[test]
    fn what_the_host_asks_for_wins_up_to_an_hour() {
        assert_eq!(backoff(9, Some(Duration::from_secs(5)), 0.0), Duration::from_secs(5));
        assert_eq!(backoff(1, Some(Duration::from_secs(90_000)), 0.0), Duration::from_secs(3_600));
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        let read = |text: &'static str| retry_after(&HeaderValue::from_static(text), now());

        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read("Sun, 22 Nov 2026 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Sunday, 22-Nov-26 10:00:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(read("Sun, 22 Nov 2026 09:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(read("99999999999999999999999"), Some(Duration::from_secs(3_600)));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-5"), None);
    }
}
