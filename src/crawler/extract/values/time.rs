//! Moments as data writes them: all forms of ISO 8601 that name a day, RFC 2822, seconds and milliseconds since 1970.
//! A local time is taken as UTC. A month or a year alone names no day and is no moment.

use std::sync::LazyLock;

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use regex::Regex;
use serde_json::Value;

use super::text::elements;

/// Earlier moments than this, in seconds since 1970, are misreadings: the year 1653.
const EARLIEST_SECS: i64 = -10_000_000_000;
/// Bytes of the longest form that is read.
const MAX_TIME: usize = 100;

/// The time of day and the offset of ISO 8601, extended and basic: `08:00:00.5+02:00`, `080000Z`, `08`.
static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let clock = r"^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9})\d*)?)?)?";
    let offset = r"\s*(?:Z|z|UTC|GMT|([+-])(\d{2})(?::?(\d{2}))?)?$";
    Regex::new(&format!("{clock}{offset}")).ok()
});

/// A moment in text or number.
pub fn time_value(value: &Value) -> Option<DateTime<Utc>> {
    let time = match value {
        Value::String(text) => parse(text.trim()),
        Value::Number(number) => match number.as_i64() {
            Some(number) => epoch(number),
            None => {
                number.as_f64().filter(|number| number.abs() < 1e15).and_then(|number| epoch(number as i64))
            }
        },
        Value::Array(values) => elements(values).filter(|value| !value.is_object()).find_map(time_value),
        Value::Object(object) => {
            let held = ["@value", "value", "$date", "date", "seconds", "_seconds"];
            let held = held.iter().find_map(|key| object.get(*key))?;
            if held.is_object() || held.is_array() { None } else { time_value(held) }
        }
        Value::Null | Value::Bool(_) => None,
    };
    time.filter(|time| time.timestamp() > EARLIEST_SECS)
}

/// Seconds or milliseconds since 1970, or a day written as the number 20260301.
fn epoch(number: i64) -> Option<DateTime<Utc>> {
    match number {
        19_000_101..=21_001_231 => date(&number.to_string()).and_then(midnight),
        100_000_000..100_000_000_000 => DateTime::from_timestamp(number, 0),
        100_000_000_000..100_000_000_000_000 => DateTime::from_timestamp_millis(number),
        _ => None,
    }
}

fn parse(text: &str) -> Option<DateTime<Utc>> {
    if text.len() > MAX_TIME {
        return None;
    }
    // The form of ASP.NET: /Date(1772323200000)/.
    let text = text.strip_prefix("/Date(").and_then(|rest| rest.strip_suffix(")/")).unwrap_or(text);
    if text.len() >= 9 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().and_then(epoch);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text).or_else(|_| DateTime::parse_from_rfc2822(text)) {
        return Some(time.to_utc());
    }
    iso_8601(&text.replace('\u{2212}', "-")).or_else(|| script_date(text))
}

/// The form of JavaScript's `Date`: "Sun Mar 01 2026 08:00:00 GMT+0100 (CET)".
fn script_date(text: &str) -> Option<DateTime<Utc>> {
    let plain = text.split('(').next().unwrap_or_default().trim();
    DateTime::parse_from_str(plain, "%a %b %d %Y %H:%M:%S GMT%z").ok().map(|time| time.to_utc())
}

fn iso_8601(text: &str) -> Option<DateTime<Utc>> {
    let split = text.find(['T', 't', ' ']);
    let Some(at) = split else { return date(text).and_then(midnight) };
    let (day, clock) = (date(&text[..at])?, text[at + 1..].trim());
    let clock = CLOCK.as_ref()?.captures(clock)?;
    let part = |index: usize| clock.get(index).map_or("0", |part| part.as_str()).parse::<u32>().ok();
    let (hour, minute, second) = (part(1)?, part(2)?, part(3)?);
    let fraction = clock.get(4).map_or("0", |part| part.as_str());
    let nanos: u32 = format!("{fraction:0<9}").parse().ok()?;
    let offset = TimeDelta::minutes(i64::from(part(6)? * 60 + part(7)?));
    let offset = if clock.get(5).is_some_and(|sign| sign.as_str() == "-") { -offset } else { offset };
    moment(day, hour, minute, second, nanos)?.and_utc().checked_sub_signed(offset)
}

/// 24:00:00 is the midnight that ends the day, and a leap second is the first one of the next minute.
fn moment(day: NaiveDate, hour: u32, minute: u32, second: u32, nanos: u32) -> Option<NaiveDateTime> {
    if (hour, minute, second, nanos) == (24, 0, 0, 0) {
        return day.checked_add_days(Days::new(1))?.and_hms_opt(0, 0, 0);
    }
    if second == 60 {
        let before = day.and_time(NaiveTime::from_hms_opt(hour, minute, 59)?);
        return before.checked_add_signed(TimeDelta::seconds(1));
    }
    Some(day.and_time(NaiveTime::from_hms_nano_opt(hour, minute, second, nanos)?))
}

/// Calendar, ordinal and week dates, and the German form with points.
fn date(text: &str) -> Option<NaiveDate> {
    let format = match (text.len(), text.contains('W'), text.contains('.')) {
        (10, true, _) => "%G-W%V-%u",
        (8, true, _) => "%GW%V%u",
        (8..=10, false, true) => "%d.%m.%Y",
        (10, false, false) => "%Y-%m-%d",
        (8, false, false) if text.contains('-') => "%Y-%j",
        (8, false, false) => "%Y%m%d",
        (7, false, false) if !text.contains('-') => "%Y%j",
        _ => return None,
    };
    let date = NaiveDate::parse_from_str(text, format).ok();
    date.filter(|date| (1_600..=2_200).contains(&chrono::Datelike::year(date)))
}

fn midnight(day: NaiveDate) -> Option<DateTime<Utc>> {
    day.and_hms_opt(0, 0, 0).map(|time| time.and_utc())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(value: Value) -> Option<String> {
        time_value(&value).map(crate::base::clock::rfc3339)
    }

    #[test]
    fn one_moment_is_read_in_all_its_forms() {
        for value in [
            json!("2026-03-01T08:00:00Z"),
            json!("2026-03-01T08:00:00.000+00:00"),
            json!("2026-03-01 08:00:00"),
            json!("2026-03-01T08:00"),
            json!("2026-03-01T08"),
            json!("2026-03-01 08:00 UTC"),
            json!("2026-03-01T10:00:00+02"),
            json!("2026-03-01T10:00:00+0200"),
            json!("2026-03-01T03:00:00−05:00"),
            json!("20260301T080000Z"),
            json!("20260301T0800Z"),
            json!("2026-W09-7T08:00:00Z"),
            json!("2026W097T080000Z"),
            json!("2026-060T08:00:00Z"),
            json!("2026060T08Z"),
            json!("2026-03-01T08:00:00,0Z"),
            json!("Sun, 01 Mar 2026 08:00:00 GMT"),
            json!("Sun, 1 Mar 2026 09:00:00 +0100"),
            json!("Sun Mar 01 2026 09:00:00 GMT+0100 (CET)"),
            json!(1_772_352_000),
            json!(1_772_352_000_000_i64),
            json!(1_772_352_000.0),
            json!("1772352000"),
            json!("1772352000000"),
            json!("/Date(1772352000000)/"),
            json!({"@type": "DateTime", "@value": "2026-03-01T08:00:00Z"}),
            json!(["2026-03-01T08:00:00Z"]),
        ] {
            assert_eq!(read(value.clone()).as_deref(), Some("2026-03-01T08:00:00.000Z"), "{value}");
        }
    }

    #[test]
    fn a_day_begins_at_midnight() {
        for value in [
            json!("2026-03-01"),
            json!("20260301"),
            json!(20_260_301),
            json!("2026-W09-7"),
            json!("2026W097"),
            json!("2026-060"),
            json!("2026060"),
            json!("01.03.2026"),
            json!("2026-02-28T24:00:00Z"),
        ] {
            assert_eq!(read(value.clone()).as_deref(), Some("2026-03-01T00:00:00.000Z"), "{value}");
        }
    }

    #[test]
    fn what_names_no_moment_is_none() {
        for value in [
            json!("yesterday"),
            json!("soon"),
            json!("now"),
            json!(""),
            json!("2026"),
            json!("2026-03"),
            json!("2026-W09"),
            json!("2026-13-01"),
            json!("2026-02-30"),
            json!("2026-03-01T25:00"),
            json!("03/04/2026"),
            json!("0000-00-00"),
            json!("0001-01-01T00:00:00Z"),
            json!(7),
            json!(0),
            json!(-1),
            json!(1e300),
            json!(null),
            json!(true),
        ] {
            assert_eq!(read(value.clone()), None, "{value}");
        }
    }
}
