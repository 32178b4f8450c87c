//! The rules of a schedule that a request sets with a spider.

use super::timing::{parse_cron, parse_zone};
use crate::domain::jobs::validation::{FieldErrors, field_step};
use crate::protocol::schedule::{MAX_JITTER_SECS, Schedule};

/// Adds every bad field of the schedule. Its jobs start at the spider's own URLs, so there must be one.
pub(in crate::domain) fn check(
    faults: &mut FieldErrors,
    schedule: Option<&Schedule>,
    start_urls: Option<&[String]>,
) {
    let Some(schedule) = schedule else { return };
    let mut add = |field: &str, kind: &str, words: String| {
        faults.add(&[field_step("schedule"), field_step(field)], kind, words);
    };
    if let Err(words) = parse_cron(&schedule.cron) {
        add("cron", "cron", words);
    }
    if parse_zone(schedule.timezone.trim()).is_none() {
        let words = "must be the name of an IANA time zone, such as `Europe/Berlin` or `UTC`";
        add("timezone", "timezone", words.to_owned());
    }
    if schedule.jitter.is_some_and(|jitter| !(0..=MAX_JITTER_SECS).contains(&jitter)) {
        add("jitter", "range", format!("must be 0 to {MAX_JITTER_SECS} seconds"));
    }
    let words = "must have a URL, because the schedule starts jobs without target URLs";
    faults.require(start_urls.is_some_and(|urls| !urls.is_empty()), "start_urls", "required", words);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointers(cron: &str, timezone: &str, jitter: Option<i64>, start_urls: &[&str]) -> Vec<String> {
        let schedule = Schedule { cron: cron.to_owned(), timezone: timezone.to_owned(), jitter };
        let start_urls: Vec<String> = start_urls.iter().map(|url| (*url).to_owned()).collect();
        let mut faults = FieldErrors::default();
        check(&mut faults, Some(&schedule), Some(&start_urls));
        faults.into_errors().into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn every_bad_field_is_named() {
        let all = ["/schedule/cron", "/schedule/timezone", "/schedule/jitter", "/start_urls"];
        assert_eq!(pointers("0 0 3 * * *", "Berlin", Some(3_601), &[]), all);
        assert_eq!(pointers("0 0 30 2 *", "UTC", Some(-1), &["https://a.example/"]), [all[0], all[2]]);
    }

    #[test]
    fn a_good_schedule_passes() {
        let none: [&str; 0] = [];
        for jitter in [None, Some(0), Some(3_600)] {
            assert_eq!(pointers(" 0  3 * * MON ", "Europe/Berlin", jitter, &["https://a.example/"]), none);
        }
    }
}
