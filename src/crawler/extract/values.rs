//! Reads JSON values leniently: sites write numbers as text, text as arrays and both inside of objects.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::{Map, Value};

use super::entities;
use super::numbers::{self, LonePoint};

pub(super) type Object = Map<String, Value>;

/// Values that a list in the place of one value is searched for.
const MAX_ELEMENTS: usize = 8;
/// Bytes of a text that are looked at: sixteen for each character of the longest field.
const MAX_TEXT: usize = 16_000;

/// Steps of reading `value` in any of the ways below.
pub(super) fn cost(value: &Value) -> u64 {
    match value {
        Value::Array(values) => 8 + elements(values).map(cost_in_list).sum::<u64>(),
        other => cost_in_list(other),
    }
}

fn cost_in_list(value: &Value) -> u64 {
    let text = |text: &String| 8 + text.len().min(MAX_TEXT) as u64 / 4;
    match value {
        Value::String(own) => text(own),
        Value::Object(object) => {
            let held = VALUE_KEYS.iter().filter_map(|key| match object.get(*key)? {
                Value::String(own) => Some(text(own)),
                Value::Array(values) => {
                    Some(values.iter().take(MAX_ELEMENTS).filter_map(as_text).map(text).sum())
                }
                _ => None,
            });
            200 + held.sum::<u64>()
        }
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn as_text(value: &Value) -> Option<&String> {
    if let Value::String(text) = value { Some(text) } else { None }
}

/// The values of a list in the place of one value. Lists in it are none: each level would multiply the work.
pub(super) fn elements(values: &[Value]) -> impl Iterator<Item = &Value> {
    values.iter().take(MAX_ELEMENTS).filter(|value| !value.is_array())
}

/// The same for a list that an object holds: objects in it are none either.
fn plain_elements(values: &[Value]) -> impl Iterator<Item = &Value> {
    elements(values).filter(|value| !value.is_object())
}

/// A text, entities decoded and blanks squeezed, cut to `most` characters; `None` when nothing is left.
pub(super) fn text(value: &Value, most: usize) -> Option<String> {
    match value {
        Value::String(text) => collapse_whitespace(text, most),
        // A fraction is never a name, a postal code or a key.
        Value::Number(number) if !number.is_f64() => collapse_whitespace(&number.to_string(), most),
        Value::Array(values) => elements(values).find_map(|value| text(value, most)),
        Value::Object(object) => inner(object).and_then(|value| text(value, most)),
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn collapse_whitespace(text: &str, most: usize) -> Option<String> {
    // A character of the result takes at most a few of the source; the rest of a huge text need not be looked at.
    let text = crate::base::text::truncate(text, most.saturating_mul(16));
    let decoded = entities::decode(text);
    let words = decoded.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let squeezed = words.fold(String::new(), |mut line, word| {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        line
    });
    let cut: String = squeezed.chars().take(most).collect();
    let cut = cut.trim_end().to_owned();
    (!cut.is_empty()).then_some(cut)
}

/// Keys of an object that represents a plain value.
const VALUE_KEYS: [&str; 4] = ["@value", "value", "minValue", "name"];

/// The value that it represents: `{"@value": …}`, a QuantitativeValue or PropertyValue, or something with a name.
fn inner(object: &Object) -> Option<&Value> {
    let plain = |value: &&Value| matches!(value, Value::String(_) | Value::Number(_));
    VALUE_KEYS.iter().find_map(|key| object.get(*key).filter(plain))
}

/// A number that is at least zero.
pub(super) fn number(value: &Value, read: impl Fn(&str) -> Option<f64> + Copy) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => read(&entities::decode(short(text)))?,
        Value::Array(values) => return elements(values).find_map(|value| self::number(value, read)),
        Value::Object(object) => return inner(object).and_then(|value| self::number(value, read)),
        Value::Null | Value::Bool(_) => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// A plain number in text.
pub(super) fn plain(text: &str) -> Option<f64> {
    numbers::first_number(text, LonePoint::Decimal).map(|(number, _)| number)
}

/// A count, possibly as text: "studio" is 0, and halves are read.
pub(super) fn count(value: &Value) -> Option<f64> {
    number(value, |text| if text.eq_ignore_ascii_case("studio") { Some(0.0) } else { numbers::halves(text) })
}

/// A degree of latitude or longitude: signed, and written with a point everywhere.
pub(super) fn degrees(value: &Value, most: f64) -> Option<f64> {
    let degrees: f64 = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (degrees.abs() <= most).then_some(degrees)
}

/// A price above zero and its currency, from a number, text, or an object that holds both.
pub(super) fn price(value: &Value) -> Option<(f64, Option<String>)> {
    let (amount, currency) = match value {
        Value::Number(number) => (number.as_f64()?, None),
        Value::String(text) => numbers::price(&entities::decode(short(text)))?,
        Value::Array(values) => return elements(values).find_map(price),
        Value::Object(object) => return price_object(object),
        Value::Null | Value::Bool(_) => return None,
    };
    (amount.is_finite() && amount > 0.0).then(|| (amount, currency.map(str::to_owned)))
}

fn price_object(object: &Object) -> Option<(f64, Option<String>)> {
    let get = |keys: &[&str]| keys.iter().find_map(|key| object.get(*key));
    // One level only: a price inside of a price is a history or a range.
    let amount =
        get(&["value", "amount", "price", "listPrice", "@value", "minPrice", "raw", "formatted", "display"])?;
    let (amount, from_text) = match amount {
        Value::Object(_) => return None,
        Value::Array(values) => plain_elements(values).find_map(price)?,
        plain => price(plain)?,
    };
    let stated = get(&["currency", "currencyCode", "priceCurrency", "currency_code"]).and_then(currency);
    Some((amount, stated.or(from_text)))
}

/// A currency's code.
pub(super) fn currency(value: &Value) -> Option<String> {
    let text = text(value, 10)?;
    let code = text.to_ascii_uppercase();
    let is_code = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { Some(code) } else { numbers::currency(&text).map(str::to_owned) }
}

/// An area above zero and its unit, from a number, text, or a QuantitativeValue.
pub(super) fn area(value: &Value) -> Option<(f64, Option<&'static str>)> {
    let (amount, unit) = match value {
        Value::Number(number) => (number.as_f64()?, None),
        Value::String(text) => numbers::area(&entities::decode(short(text)))?,
        Value::Array(values) => return elements(values).find_map(area),
        Value::Object(object) => {
            let keys = ["unitCode", "unitText", "unit", "units", "unitOfMeasure"];
            let stated = keys.iter().find_map(|key| numbers::area_unit(short(object.get(*key)?.as_str()?)));
            let held = ["value", "amount", "size", "area", "@value", "minValue"];
            let (amount, from_text) = match held.iter().find_map(|key| object.get(*key))? {
                Value::Object(_) => return None,
                Value::Array(values) => plain_elements(values).find_map(area)?,
                plain => area(plain)?,
            };
            (amount, stated.or(from_text))
        }
        Value::Null | Value::Bool(_) => return None,
    };
    (amount.is_finite() && amount > 0.0).then_some((amount, unit))
}

/// A moment: RFC 3339, a date, a local time (taken as UTC), or seconds or milliseconds since 1970.
pub(super) fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::String(text) => parse_time(text.trim()),
        Value::Number(number) => {
            let number = number.as_i64()?;
            match number {
                100_000_000..100_000_000_000 => DateTime::from_timestamp(number, 0),
                100_000_000_000..100_000_000_000_000 => DateTime::from_timestamp_millis(number),
                _ => None,
            }
        }
        _ => None,
    }
}

fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    let local = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f"];
    let local = local.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let date = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0);
    local.or_else(date).map(|time| time.and_utc()).filter(|time| time.timestamp() > -10_000_000_000)
}

/// Numbers are at the beginning of short texts.
fn short(text: &str) -> &str {
    crate::base::text::truncate(text, 200)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_tidied() {
        assert_eq!(text(&json!("  12&nbsp;Oak\n St &amp; Co "), 50).as_deref(), Some("12 Oak St & Co"));
        assert_eq!(text(&json!(["", "a"]), 50).as_deref(), Some("a"));
        assert_eq!(text(&json!([["a"]]), 50).as_deref(), None);
        assert_eq!(text(&json!({"@type": "Country", "name": "US"}), 50).as_deref(), Some("US"));
        assert_eq!(text(&json!("ééé"), 2).as_deref(), Some("éé"));
        assert_eq!(text(&json!("\u{0}"), 2), None);
        assert_eq!(text(&json!(null), 2), None);
    }

    #[test]
    fn prices_are_read_from_every_shape() {
        assert_eq!(price(&json!(303000)), Some((303_000.0, None)));
        assert_eq!(price(&json!("&euro;303.000")), Some((303_000.0, Some("EUR".to_owned()))));
        assert_eq!(price(&json!({"amount": "9", "currency": "eur"})), Some((9.0, Some("EUR".to_owned()))));
        for nothing in [json!(0), json!(-1), json!({"min": 1}), json!({"value": {"value": 1}}), json!("POA")]
        {
            assert_eq!(price(&nothing), None, "{nothing}");
        }
    }

    #[test]
    fn areas_are_read_from_quantitative_values() {
        let value = json!({"@type": "QuantitativeValue", "value": "1,234", "unitCode": "FTK"});

        assert_eq!(area(&value), Some((1_234.0, Some("Square Feet"))));
        assert_eq!(area(&json!({"size": 90, "unit": "m²"})), Some((90.0, Some("Square Meters"))));
        assert_eq!(area(&json!("n/a")), None);
    }

    #[test]
    fn times_are_read_in_the_usual_forms() {
        let read = |value| time(&value).map(crate::base::clock::rfc3339);

        assert_eq!(read(json!("2026-03-01")).as_deref(), Some("2026-03-01T00:00:00.000Z"));
        assert_eq!(read(json!("2026-03-01T08:00:00+02:00")).as_deref(), Some("2026-03-01T06:00:00.000Z"));
        assert_eq!(read(json!("2026-03-01T08:00:00")).as_deref(), Some("2026-03-01T08:00:00.000Z"));
        assert_eq!(read(json!(1772323200000_i64)).as_deref(), Some("2026-03-01T00:00:00.000Z"));
        assert_eq!(read(json!(1772323200)).as_deref(), Some("2026-03-01T00:00:00.000Z"));
        assert_eq!(read(json!("yesterday")), None);
        assert_eq!(read(json!(7)), None);
    }
}
