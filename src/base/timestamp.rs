//! A time as clients write it. RFC 3339 has years of four digits, so a time is accepted only if it can be written so
//! again: from 0001-01-01T00:00:00Z to the end of 9999, in UTC, whatever its offset was.

use chrono::{DateTime, SecondsFormat, Utc};

/// 0001-01-01T00:00:00Z in microseconds since the epoch.
const FIRST_MICROS: i64 = -62_135_596_800_000_000;
/// 9999-12-31T23:59:59.999999Z.
const LAST_MICROS: i64 = 253_402_300_799_999_999;

/// The expected form, for error messages.
pub const EXPECTED: &str =
    "a date and time as in RFC 3339, such as 2026-01-31T12:00:00Z, from the year 1 to 9999 in UTC";

/// A time in whole microseconds that can be written as RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// `None` outside of the years 1 to 9999.
    pub fn new(at: DateTime<Utc>) -> Option<Self> {
        // Checked by the number that is stored: a leap second may be the next year's first microsecond.
        let micros = at.timestamp_micros();
        if !(FIRST_MICROS..=LAST_MICROS).contains(&micros) {
            return None;
        }
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Reads RFC 3339 section 5.6, and nothing else.
    pub fn parse(text: &str) -> Option<Self> {
        // chrono also takes a blank for the `T` and a minus sign that is not ASCII.
        let is_plain = text.is_ascii() && matches!(text.as_bytes().get(10), Some(b'T' | b't'));
        let at = DateTime::parse_from_rfc3339(text).ok().filter(|_| is_plain)?;
        Self::new(at.to_utc())
    }

    pub fn utc(self) -> DateTime<Utc> {
        self.0
    }

    /// The time in a form that `parse` accepts, with no more digits than necessary.
    pub fn to_text(self) -> String {
        self.0.to_rfc3339_opts(SecondsFormat::AutoSi, true)
    }
}

/// The nearest time that can be written as RFC 3339.
pub fn clamp_to_rfc3339(at: DateTime<Utc>) -> DateTime<Utc> {
    let micros = at.timestamp_micros().clamp(FIRST_MICROS, LAST_MICROS);
    if micros == at.timestamp_micros() { at } else { DateTime::from_timestamp_micros(micros).unwrap_or(at) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::clock::rfc3339;

    fn read(text: &str) -> Option<String> {
        Timestamp::parse(text).map(|at| rfc3339(at.utc()))
    }

    #[test]
    fn a_moment_is_read_in_every_spelling_of_the_standard() {
        for (text, same) in [
            ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
            ("2026-01-31t12:00:00.123456789z", "2026-01-31T12:00:00.123Z"),
            ("2026-01-31T12:00:00+05:30", "2026-01-31T06:30:00.000Z"),
            ("2026-01-31T12:00:00-00:00", "2026-01-31T12:00:00.000Z"),
            ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
            ("0000-12-31T23:59:59-00:01", "0001-01-01T00:00:59.000Z"),
            ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
            ("9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(same), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_written_again_or_is_spelt_otherwise_is_refused() {
        for text in [
            "+10000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:59-23:59",
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59-00:01",
            "0001-01-01T00:00:00+00:01",
            "0000-01-01T00:00:00Z",
            "0000-12-31T23:59:59.999Z",
            "-0001-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "2026-01-31 12:00:00Z",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00+0530",
            "2026-01-31T12:00:00\u{2212}05:00",
            "2026-01-31T24:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-31T12:00:00+24:00",
            " 2026-01-31T12:00:00Z",
            "2026-01-31",
            "1764000000",
            "",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn a_stored_moment_out_of_range_is_written_as_the_nearest() {
        assert_eq!(rfc3339(DateTime::<Utc>::MAX_UTC), "9999-12-31T23:59:59.999Z");
        assert_eq!(rfc3339(DateTime::<Utc>::MIN_UTC), "0001-01-01T00:00:00.000Z");
    }
}
