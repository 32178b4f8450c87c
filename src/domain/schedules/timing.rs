//! When a schedule's runs are: occurrences of a cron expression on the wall clock of a time zone, each with a random
//! delay. Pure: the time and the random numbers are given.
//!
//! Clocks that are put forward or back: a schedule that names its hours runs once for each of its times. A time that the
//! clock skips runs at the first moment after the gap, and a time that occurs twice runs at the first of the two. A
//! schedule with `*` or a step as hour runs in even intervals: what is skipped does not run, what occurs twice runs twice.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};

use super::cron_text;

/// Days of each month, in leap years.
const LONGEST_MONTHS: [u16; 12] = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/// The longest gap of a wall clock: a zone that crosses the date line skips a day.
const MAX_GAP_MINUTES: i64 = 24 * 60;
/// Occurrences on the wall clock that may lie behind the time that was asked for: those of an hour that is repeated.
const MAX_REPEATED: usize = 24 * 60;

/// A random number below the given one.
pub(super) type Draw<'a> = &'a (dyn Fn(u64) -> u64 + Sync);

/// A cron expression in a time zone.
#[derive(Clone, Debug)]
pub(super) struct Timing {
    cron: Cron,
    zone: Tz,
}

impl Timing {
    /// The timing of a stored schedule; `None`: this version cannot read it.
    pub(super) fn parse(cron: &str, timezone: &str) -> Option<Self> {
        Some(Self { cron: parse_cron(cron).ok()?, zone: parse_zone(timezone)? })
    }

    /// The first run after `after`, with its delay of at most `jitter` seconds. The delay is shorter than the time to the
    /// occurrence that follows, so no occurrence is lost by it. `None`: there is no occurrence.
    pub(super) fn first_run(
        &self,
        after: DateTime<Utc>,
        jitter: u64,
        draw: Draw<'_>,
    ) -> Option<DateTime<Utc>> {
        let at = self.next_after(after)?;
        let following = if jitter == 0 { None } else { self.next_after(at) };
        let gap = following.map_or(u64::MAX, |next| (next - at).num_seconds().max(1).unsigned_abs());
        let delay = draw(jitter.saturating_add(1).min(gap));
        at.checked_add_signed(TimeDelta::try_seconds(i64::try_from(delay).ok()?)?)
    }

    /// The run after one that was due at `due` and is made at `now`. Runs that have passed meanwhile are not made up: the
    /// one that is made at `now` stands for all of them.
    pub(super) fn run_after(
        &self,
        due: DateTime<Utc>,
        now: DateTime<Utc>,
        jitter: u64,
        draw: Draw<'_>,
    ) -> Option<DateTime<Utc>> {
        let next = self.first_run(due, jitter, draw)?;
        if next > now { Some(next) } else { self.first_run(now.max(due), jitter, draw) }
    }

    /// The first occurrence after `after`, without delay.
    fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let hours = &self.cron.pattern.hours;
        if !hours.from_wildcard && hours.step == 1 {
            return self.next_on_wall_clock(after);
        }
        let local = after.with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&local, false).ok()?.to_utc();
        (next > after).then_some(next)
    }

    fn next_on_wall_clock(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut wall = after.with_timezone(&self.zone).naive_local();
        // In the second half of a repeated hour the times to come have occurred before.
        for _ in 0..MAX_REPEATED {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let at = self.first_instant(wall)?;
            if at > after {
                return Some(at);
            }
        }
        None
    }

    /// The first moment at which the wall clock shows this time or, if it skips it, the first one after the gap.
    fn first_instant(&self, wall: NaiveDateTime) -> Option<DateTime<Utc>> {
        (0..=MAX_GAP_MINUTES).find_map(|minutes| {
            let wall = wall.checked_add_signed(TimeDelta::minutes(minutes))?;
            Some(self.zone.from_local_datetime(&wall).earliest()?.to_utc())
        })
    }
}

/// The expression, if it has five fields and can occur. The error says what would be accepted.
pub(super) fn parse_cron(text: &str) -> Result<Cron, String> {
    let text = cron_text::normalize(text)?;
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(&text).map_err(|error| format!("must be a cron expression: {error}"))?;
    if can_occur(&cron) { Ok(cron) } else { Err("must name a day that one of its months has".to_owned()) }
}

/// Whether one of the months has one of the days. Where the day of the week is restricted, it suffices by itself.
fn can_occur(cron: &Cron) -> bool {
    let pattern = &cron.pattern;
    let days = pattern.days.values();
    let longest = |month: &u16| LONGEST_MONTHS.get(usize::from(*month).wrapping_sub(1)).copied().unwrap_or(0);
    !pattern.is_dow_wildcard()
        || pattern.months.values().iter().any(|month| days.iter().any(|day| *day <= longest(month)))
}

/// The zone of an IANA name, case and all; links such as `US/Eastern` are names, too.
pub(super) fn parse_zone(name: &str) -> Option<Tz> {
    name.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// The next runs without delay after a time, as texts.
    fn runs(cron: &str, zone: &str, after: &str, count: usize) -> Vec<String> {
        let timing = Timing::parse(cron, zone).unwrap();
        let runs = std::iter::successors(Some(utc(after)), |after| timing.first_run(*after, 0, &|_| 0));
        runs.skip(1).take(count).map(|at| at.format("%Y-%m-%d %H:%M").to_string()).collect()
    }

    #[test]
    fn a_daily_run_follows_the_wall_clock_of_its_zone() {
        assert_eq!(
            runs("0 3 * * *", "Europe/Berlin", "2026-01-10T01:59:59Z", 2),
            ["2026-01-10 02:00", "2026-01-11 02:00"]
        );
        assert_eq!(runs("0 3 * * *", "Europe/Berlin", "2026-07-10T00:00:00Z", 1), ["2026-07-10 01:00"]);
        assert_eq!(runs("30 18 * * *", "Asia/Kolkata", "2026-01-10T00:00:00Z", 1), ["2026-01-10 13:00"]);
        // The moment itself is no next run.
        assert_eq!(runs("0 3 * * *", "UTC", "2026-01-10T03:00:00Z", 1), ["2026-01-11 03:00"]);
        assert_eq!(runs("0 3 * * *", "UTC", "2026-01-10T03:00:00.250Z", 1), ["2026-01-11 03:00"]);
    }

    #[test]
    fn days_of_month_and_of_week_are_alternatives_if_both_are_restricted() {
        // 1 January 2026 is a Thursday.
        assert_eq!(
            runs("0 0 13 * FRI", "UTC", "2026-01-01T00:00:00Z", 4),
            ["2026-01-02 00:00", "2026-01-09 00:00", "2026-01-13 00:00", "2026-01-16 00:00"]
        );
        assert_eq!(
            runs("0 6 * * MON-FRI", "UTC", "2026-01-02T07:00:00Z", 2),
            ["2026-01-05 06:00", "2026-01-06 06:00"]
        );
        assert_eq!(runs("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), ["2028-02-29 00:00"]);
    }

    /// Berlin, 29 March 2026: 02:00 CET is 03:00 CEST, at 01:00 UTC.
    #[test]
    fn a_time_that_the_clock_skips_runs_at_the_first_moment_after_the_gap() {
        assert_eq!(
            runs("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
            ["2026-03-29 01:00", "2026-03-30 00:30"]
        );
        // All skipped times of a day are one run, and so is one that falls on the end of the gap.
        assert_eq!(
            runs("0,30 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3),
            ["2026-03-29 01:00", "2026-03-29 01:30", "2026-03-30 00:00"]
        );
        // Lord Howe Island is put forward by half an hour: 4 October 2026, 02:00 is 02:30, at 15:30 UTC the day before.
        assert_eq!(
            runs("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2),
            ["2026-10-03 15:30", "2026-10-04 15:15"]
        );
    }

    #[test]
    fn even_intervals_leave_out_what_the_clock_skips() {
        assert_eq!(
            runs("0 * * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 3),
            ["2026-03-29 00:00", "2026-03-29 01:00", "2026-03-29 02:00"]
        );
        assert_eq!(
            runs("0 */2 * * *", "Europe/Berlin", "2026-03-28T23:30:00Z", 2),
            ["2026-03-29 02:00", "2026-03-29 04:00"]
        );
    }

    /// New York, 1 November 2026: 02:00 EDT is 01:00 EST, at 06:00 UTC. 01:30 occurs at 05:30 and at 06:30 UTC.
    #[test]
    fn a_time_that_occurs_twice_runs_at_the_first_of_the_two() {
        assert_eq!(
            runs("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", 2),
            ["2026-11-01 05:30", "2026-11-02 06:30"]
        );
        assert_eq!(
            runs("0,30 1,2 * * *", "America/New_York", "2026-11-01T00:00:00Z", 5),
            [
                "2026-11-01 05:00",
                "2026-11-01 05:30",
                "2026-11-01 07:00",
                "2026-11-01 07:30",
                "2026-11-02 06:00"
            ]
        );
        // Asked for in the second half, it has run.
        assert_eq!(runs("30 1 * * *", "America/New_York", "2026-11-01T06:10:00Z", 1), ["2026-11-02 06:30"]);
    }

    #[test]
    fn even_intervals_run_at_both_of_two_equal_times() {
        assert_eq!(
            runs("30 * * * *", "America/New_York", "2026-11-01T05:00:00Z", 3),
            ["2026-11-01 05:30", "2026-11-01 06:30", "2026-11-01 07:30"]
        );
    }

    #[test]
    fn a_run_is_delayed_by_at_most_its_jitter_and_never_to_the_next_occurrence() {
        let hourly = Timing::parse("0 * * * *", "UTC").unwrap();
        let after = utc("2026-01-10T00:30:00Z");
        let drawn = |jitter| {
            let bound = std::sync::Mutex::new(0);
            let longest = |most: u64| {
                *bound.lock().unwrap() = most;
                most - 1
            };
            let at = hourly.first_run(after, jitter, &longest).unwrap();
            (bound.into_inner().unwrap(), (at - utc("2026-01-10T01:00:00Z")).num_seconds())
        };

        assert_eq!(drawn(0), (1, 0));
        assert_eq!(drawn(600), (601, 600));
        assert_eq!(drawn(3_600), (3_600, 3_599));
    }

    #[test]
    fn runs_that_were_missed_are_not_planned_again() {
        let hourly = Timing::parse("0 * * * *", "UTC").unwrap();
        let after = |due, now, delay: u64| {
            let next = hourly.run_after(utc(due), utc(now), 3_600, &|most| delay.min(most - 1)).unwrap();
            next.format("%d %H:%M:%S").to_string()
        };

        assert_eq!(after("2026-01-10T01:00:00Z", "2026-01-10T01:00:00.8Z", 0), "10 02:00:00");
        // A run that its delay and the timer brought past the next full hour.
        assert_eq!(after("2026-01-10T01:59:59Z", "2026-01-10T02:00:00.3Z", 60), "10 02:01:00");
        assert_eq!(after("2026-01-10T01:20:00Z", "2026-01-12T05:10:00Z", 0), "12 06:00:00");
    }

    #[test]
    fn what_can_never_occur_is_refused() {
        for bad in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            assert!(parse_cron(bad).unwrap_err().contains("day"), "{bad}");
        }
        for good in ["0 0 29 2 *", "0 0 31 4,5 *", "0 0 30 2 MON", "*/7 1-5 * * SUN"] {
            assert!(parse_cron(good).is_ok(), "{good}");
        }
    }

    #[test]
    fn only_names_of_the_time_zone_database_are_zones() {
        for good in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "US/Eastern"] {
            assert!(parse_zone(good).is_some(), "{good}");
        }
        for bad in ["", "CEST", "+02:00", "Berlin", "europe/berlin", "Europe/Berlin "] {
            assert!(parse_zone(bad).is_none(), "{bad:?}");
        }
    }
}
