//! The time of the directive `unavailable_after`: RFC 822, RFC 850 or ISO 8601, as search engines read it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// No form of a time is longer.
const MAX_BYTES: usize = 100;
/// Forms without a time zone, which are taken as UTC.
const WITHOUT_ZONE: &[&str] =
    &["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%d %b %Y %H:%M:%S"];
const DATES: &[&str] = &["%Y-%m-%d", "%d %b %Y"];
const WEEKDAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// The time, if it can be read. A day without a time ends with the day.
pub(super) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = Some(text.trim()).filter(|text| text.len() <= MAX_BYTES)?;
    // `25-Jun-2010` is written for `25 Jun 2010`.
    let spaced = text.replace('-', " ");
    let rfc_822 =
        || [text, spaced.as_str()].into_iter().find_map(|text| DateTime::parse_from_rfc2822(text).ok());
    let in_zone = || DateTime::parse_from_rfc3339(text).ok().or_else(rfc_822).map(|time| time.to_utc());
    // RFC 850, with its two digits of a year, and ANSI C's form.
    let rfc_850 = || httpdate::parse_http_date(text).ok().map(DateTime::<Utc>::from);
    in_zone().or_else(rfc_850).or_else(|| without_zone(text)).or_else(|| without_zone(&spaced))
}

fn without_zone(text: &str) -> Option<DateTime<Utc>> {
    let time = |form: &&str| NaiveDateTime::parse_from_str(text, form).ok();
    let date = |form: &&str| NaiveDate::parse_from_str(text, form).ok()?.and_hms_opt(23, 59, 59);
    WITHOUT_ZONE.iter().find_map(time).or_else(|| DATES.iter().find_map(date)).map(|time| time.and_utc())
}

/// Whether this is a day of the week, short or long, which a comma and the date follow.
pub(super) fn is_weekday(text: &str) -> bool {
    let is_word = text.len() <= 9 && text.bytes().all(|byte| byte.is_ascii_alphabetic());
    let start = text.get(..3).filter(|_| is_word);
    start.is_some_and(|start| WEEKDAYS.iter().any(|day| day.eq_ignore_ascii_case(start)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_the_forms_that_pages_use() {
        for (text, time) in [
            ("25 Jun 2010 15:00:00 PST", "2010-06-25T23:00:00Z"),
            ("Fri, 25 Jun 2010 15:00:00 GMT", "2010-06-25T15:00:00Z"),
            ("25-Jun-2010 15:00:00 EST", "2010-06-25T20:00:00Z"),
            ("25 Jun 2010 15:00:00 +0200", "2010-06-25T13:00:00Z"),
            ("Friday, 25-Jun-10 15:00:00 GMT", "2010-06-25T15:00:00Z"),
            ("2010-06-25T15:00:00-07:00", "2010-06-25T22:00:00Z"),
            ("2010-06-25T15:00:00", "2010-06-25T15:00:00Z"),
            ("2010-06-25 15:00", "2010-06-25T15:00:00Z"),
            ("25 Jun 2010 15:00:00", "2010-06-25T15:00:00Z"),
            ("2010-06-25", "2010-06-25T23:59:59Z"),
        ] {
            assert_eq!(parse(text), Some(time.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn other_words_are_no_time() {
        for text in ["", "soon", "25", "2010", "2010-13-45", "25 Jun", &"1".repeat(200)] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert!(is_weekday("Fri") && is_weekday("WEDNESDAY") && !is_weekday("Fri 25") && !is_weekday("é"));
    }
}
