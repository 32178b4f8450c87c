//! Claims, read one by one and strictly by type: number, text and null are never converted.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::TokenError;

/// The tolerated difference between two clocks.
pub(super) const LEEWAY_SECS: i64 = 5;
/// The end of the year 9999: later times cannot be written in RFC 3339.
const LATEST: i64 = 253_402_300_799;

/// The claims of our own access tokens, as they are signed.
#[derive(Serialize)]
pub(super) struct OwnClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: String,
    pub(super) username: &'a str,
    /// The tenant; absent for an operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) tid: Option<i64>,
    pub(super) role: &'static str,
    pub(super) sid: String,
    pub(super) jti: &'a str,
    pub(super) iat: i64,
    pub(super) nbf: i64,
    pub(super) exp: i64,
}

/// A text; `None` when the claim is absent.
pub(super) fn optional_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(TokenError::Claim(name)),
    }
}

/// A text that is required.
pub(super) fn required_text<'a>(
    claims: &'a Map<String, Value>,
    name: &'static str,
) -> Result<&'a str, TokenError> {
    optional_text(claims, name)?.ok_or(TokenError::Claim(name))
}

/// A positive whole number in its one canonical spelling: no sign, no leading zero, ASCII digits.
pub(super) fn canonical_id(text: &str) -> Option<i64> {
    let id: i64 = text.parse().ok()?;
    (id > 0 && id.to_string() == text).then_some(id)
}

/// When a token was made and when it is valid, in seconds since the epoch.
#[derive(Clone, Copy)]
pub(super) struct TimeClaims {
    pub(super) iat: Option<i64>,
    pub(super) nbf: Option<i64>,
    pub(super) exp: Option<i64>,
}

impl TimeClaims {
    pub(super) fn read(claims: &Map<String, Value>) -> Result<Self, TokenError> {
        Ok(Self { iat: time(claims, "iat")?, nbf: time(claims, "nbf")?, exp: time(claims, "exp")? })
    }

    /// Whether the token is valid at `now`. Expiry is checked last, so that `Expired` means that all else is valid.
    pub(super) fn check(&self, now: DateTime<Utc>) -> Result<(), TokenError> {
        let now = now.timestamp();
        let starts = [self.iat, self.nbf];
        if starts.iter().flatten().any(|start| self.exp.is_some_and(|exp| exp <= *start)) {
            return Err(TokenError::Lifetime);
        }
        // A token from the future was made with a wrong clock, so its end cannot be trusted either.
        if starts.iter().flatten().any(|start| *start > now + LEEWAY_SECS) {
            return Err(TokenError::NotYetValid);
        }
        if self.exp.is_some_and(|exp| now >= exp + LEEWAY_SECS) {
            return Err(TokenError::Expired);
        }
        Ok(())
    }
}

/// A NumericDate (RFC 7519 section 2): seconds, possibly with a fraction. The fraction is cut off, of the beginning
/// as of the end: a token never lasts longer than stated.
fn time(claims: &Map<String, Value>, name: &'static str) -> Result<Option<i64>, TokenError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    match value.as_i64().or_else(|| whole_seconds(value)) {
        Some(seconds) if (0..=LATEST).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(TokenError::Claim(name)),
    }
}

fn whole_seconds(value: &Value) -> Option<i64> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=LATEST as f64).contains(seconds))?;
    // Within these bounds the cast only cuts the fraction off.
    Some(seconds as i64)
}

/// A moment as a date; the range was checked by [`Times::read`].
pub(super) fn to_datetime(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(times: TimeClaims, now: i64) -> Result<(), TokenError> {
        times.check(to_datetime(now))
    }

    #[test]
    fn the_leeway_is_five_seconds_at_both_ends() {
        let times = || TimeClaims { iat: Some(1000), nbf: Some(1000), exp: Some(1900) };

        assert_eq!(check(times(), 994), Err(TokenError::NotYetValid));
        assert_eq!(check(times(), 995), Ok(()));
        assert_eq!(check(times(), 1904), Ok(()));
        assert_eq!(check(times(), 1905), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_that_ends_before_it_begins_is_refused() {
        assert_eq!(check(TimeClaims { iat: Some(9), nbf: None, exp: Some(9) }, 9), Err(TokenError::Lifetime));
        assert_eq!(check(TimeClaims { iat: None, nbf: Some(9), exp: Some(8) }, 9), Err(TokenError::Lifetime));
    }

    #[test]
    fn a_time_may_have_a_fraction_which_is_cut_off() {
        let read = |text: &str| {
            let claims = serde_json::from_str(&format!("{{\"exp\": {text}}}")).unwrap();
            TimeClaims::read(&claims).map(|times| times.exp)
        };

        for (text, seconds) in [("1900.75", 1900), ("1900.0", 1900), ("1.9e3", 1900), ("0.5", 0)] {
            assert_eq!(read(text), Ok(Some(seconds)), "{text}");
        }
        for text in ["-0.5", "1e300", "253402300800", "\"1900.5\"", "null", "9223372036854775808"] {
            assert_eq!(read(text), Err(TokenError::Claim("exp")), "{text}");
        }
    }

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(canonical_id("42"), Some(42));
        for text in ["0", "-1", "+1", "042", "4 ", "４２", "1e3", "4.0", "", "9223372036854775808"] {
            assert_eq!(canonical_id(text), None, "{text}");
        }
    }
}
