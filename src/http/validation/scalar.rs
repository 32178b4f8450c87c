//! The rules of a single value: its type, its range, its length, its form.

use std::ops::RangeInclusive;

use poem_openapi::registry::MetaSchema;
use regex::Regex;
use serde_json::Value;

use super::patterns;
use crate::base::json_integer::{self, MAX_SAFE_INTEGER};
use crate::base::timestamp::{self, Timestamp};

/// Integers of this format may be written as a string of digits too: ids, which some clients keep as text.
const ID_FORMAT: &str = "id";

pub(super) fn is_of_type(schema: &MetaSchema, value: &Value) -> bool {
    match schema.ty {
        "string" => value.is_string(),
        "integer" if schema.format == Some(ID_FORMAT) => is_id(value),
        "integer" => value.is_i64() || value.is_u64() || is_whole(value),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

/// `3.0` is the integer 3: JSON has one kind of number.
fn is_whole(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0)
}

fn is_id(value: &Value) -> bool {
    match value {
        Value::String(text) => text.parse().is_ok_and(is_possible_id),
        other => json_integer::as_integer(other).is_some_and(is_possible_id),
    }
}

fn is_possible_id(id: i64) -> bool {
    (1..=MAX_SAFE_INTEGER).contains(&id)
}

/// Describes the values of this schema.
pub(super) fn expected(schema: &MetaSchema) -> String {
    if let Some(words) = bounded(schema) {
        return words;
    }
    let words = match schema.ty {
        "string" => "a string",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        _ => "an object",
    };
    words.to_owned()
}

/// Describes the range of an integer with both bounds.
pub(super) fn bounded(schema: &MetaSchema) -> Option<String> {
    if schema.ty != "integer" || schema.minimum.is_none() || schema.maximum.is_none() {
        return None;
    }
    whole_range(schema).map(|range| whole_number(&range))
}

fn whole_number(range: &RangeInclusive<i128>) -> String {
    format!("a whole number from {} to {}", range.start(), range.end())
}

pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(number) if number.is_f64() => "a number with decimals",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// Each rule of `schema` that a value of the right type breaks, as a stable identifier and what would be accepted.
pub(super) fn broken_rules(schema: &MetaSchema, value: &Value) -> Vec<(&'static str, String)> {
    match value {
        Value::String(text) => broken_by_text(schema, text),
        Value::Number(number) => broken_by_number(schema, number),
        _ => Vec::new(),
    }
}

/// The kind of fault of a text with the character NUL: PostgreSQL cannot store it.
pub(super) const NUL: &str = "nul_character";

fn broken_by_text(schema: &MetaSchema, text: &str) -> Vec<(&'static str, String)> {
    let mut broken = Vec::new();
    if text.contains('\0') && schema.ty == "string" {
        broken.push((NUL, "must not hold the character NUL".to_owned()));
    }
    let count = text.chars().count();
    if let Some(least) = schema.min_length.filter(|least| count < *least) {
        broken.push(("min_length", format!("must have {} or more", counted(least, "character"))));
    }
    if let Some(most) = schema.max_length.filter(|most| count > *most) {
        broken
            .push(("max_length", format!("must have {} or fewer, not {count}", counted(most, "character"))));
    }
    if let Some(pattern) = schema.pattern.as_deref().filter(|pattern| !matches(pattern, text)) {
        broken.push(("pattern", format!("must {}", words_of(pattern, schema))));
    }
    if let Some(wanted) = schema.format.and_then(|format| missed_format(format, text)) {
        broken.push(("format", format!("must be {wanted}")));
    }
    broken
}

/// Describes what a pattern accepts: a bare regular expression is hard to read. Patterns of character sets are
/// described; for others the field's description is quoted, which says what is accepted.
fn words_of(pattern: &str, schema: &MetaSchema) -> String {
    if let Some(words) = patterns::describe(pattern) {
        return words;
    }
    let described = schema.description.and_then(|text| text.split(['\n', ';']).next());
    match described.map(|text| text.trim().trim_end_matches('.')).filter(|text| !text.is_empty()) {
        Some(text) => format!("be as described: {text}"),
        None => "have the form that the API document gives for it".to_owned(),
    }
}

/// The count with its noun in singular or plural.
pub(super) fn counted(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

/// A pattern that does not compile refuses nothing: the type that parses the value decides.
fn matches(pattern: &str, text: &str) -> bool {
    Regex::new(pattern).map_or(true, |pattern| pattern.is_match(text))
}

/// What `format` requires, when `text` does not have it. Formats that are not listed here are documentation only.
fn missed_format(format: &str, text: &str) -> Option<&'static str> {
    let (holds, wanted) = match format {
        "date-time" => (Timestamp::parse(text).is_some(), timestamp::EXPECTED),
        "date" => (text.parse::<chrono::NaiveDate>().is_ok(), "a date, such as 2026-01-31"),
        "uuid" => (uuid::Uuid::parse_str(text).is_ok(), "a UUID"),
        "email" => (is_email(text), "an e-mail address, such as ann@example.com"),
        "uri" | "url" => (url::Url::parse(text).is_ok(), "an absolute URL, such as https://example.com/"),
        _ => (true, ""),
    };
    (!holds).then_some(wanted)
}

/// Looser than the type that parses it (RFC 5321 has many corner cases): it refuses only what every parser refuses.
fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        (1..=64).contains(&local.len())
            && (1..=253).contains(&domain.len())
            && !text.contains(char::is_whitespace)
    })
}

/// At most one bound is reported as broken. For an integer with both bounds the whole range is reported; the limits
/// of the integer type are not a rule of the API.
fn broken_by_number(schema: &MetaSchema, number: &serde_json::Number) -> Vec<(&'static str, String)> {
    let value = number.as_f64().unwrap_or(f64::NAN);
    let mut broken = Vec::new();
    match passed_bound(schema, value) {
        Some((kind, words)) => broken.push((kind, format!("must be {}", bounded(schema).unwrap_or(words)))),
        None => broken.extend(beyond_type(schema, number).map(|words| ("range", words))),
    }
    if let Some(step) = schema.multiple_of.filter(|step| value % step != 0.0) {
        broken.push(("multiple_of", format!("must be a multiple of {step}")));
    }
    broken
}

/// The bound that a number exceeds, and what would be accepted.
fn passed_bound(schema: &MetaSchema, value: f64) -> Option<(&'static str, String)> {
    match (schema.minimum, schema.exclusive_minimum) {
        (Some(least), Some(true)) if value <= least => {
            return Some(("minimum", format!("more than {least}")));
        }
        (Some(least), _) if value < least => return Some(("minimum", format!("{least} or more"))),
        _ => {}
    }
    match (schema.maximum, schema.exclusive_maximum) {
        (Some(most), Some(true)) if value >= most => Some(("maximum", format!("less than {most}"))),
        (Some(most), _) if value > most => Some(("maximum", format!("{most} or less"))),
        _ => None,
    }
}

/// What would be accepted, where the number does not fit into the parsed type.
fn beyond_type(schema: &MetaSchema, number: &serde_json::Number) -> Option<String> {
    let range = whole_range(schema)?;
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))?;
    (!range.contains(&whole)).then(|| format!("must be {}", whole_number(&range)))
}

/// The integers that a schema accepts: those of its format within its own bounds.
fn whole_range(schema: &MetaSchema) -> Option<RangeInclusive<i128>> {
    let (least, most) = schema.format.and_then(range_of)?;
    let step = |exclusive: Option<bool>| i128::from(exclusive == Some(true));
    let above = schema.minimum.and_then(whole).map(|bound| bound + step(schema.exclusive_minimum));
    let below = schema.maximum.and_then(whole).map(|bound| bound - step(schema.exclusive_maximum));
    Some(above.map_or(least, |bound| bound.max(least))..=below.map_or(most, |bound| bound.min(most)))
}

/// A bound is stored as a floating-point number; its text is exact.
fn whole(bound: f64) -> Option<i128> {
    format!("{bound:.0}").parse().ok()
}

/// The integers of a format.
fn range_of(format: &str) -> Option<(i128, i128)> {
    Some(match format {
        "int8" => (i8::MIN.into(), i8::MAX.into()),
        "int16" => (i16::MIN.into(), i16::MAX.into()),
        "int32" => (i32::MIN.into(), i32::MAX.into()),
        "int64" => (i64::MIN.into(), i64::MAX.into()),
        "uint8" => (0, u8::MAX.into()),
        "uint16" => (0, u16::MAX.into()),
        "uint32" => (0, u32::MAX.into()),
        "uint64" => (0, u64::MAX.into()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_id_may_be_written_as_digits_and_another_number_may_not() {
        let id = MetaSchema::new_with_format("integer", "id");
        let count = MetaSchema::new_with_format("integer", "int64");

        assert!(is_of_type(&id, &json!("17")) && is_of_type(&id, &json!(17)));
        assert!(!is_of_type(&id, &json!("x")) && !is_of_type(&id, &json!(1.5)));
        assert!(!is_of_type(&count, &json!("17")) && is_of_type(&count, &json!(17.0)));
    }

    #[test]
    fn whole_numbers_keep_to_their_format() {
        let rules = |format, value| broken_rules(&MetaSchema::new_with_format("integer", format), &value);

        assert!(rules("int64", json!(i64::MAX)).is_empty());
        assert_eq!(rules("int64", json!(u64::MAX))[0].0, "range");
        assert_eq!(rules("uint8", json!(-1))[0].1, "must be a whole number from 0 to 255");
    }

    #[test]
    fn a_number_out_of_range_reports_the_rule_alone_and_once() {
        let schema = MetaSchema {
            minimum: Some(1.0),
            maximum: Some(200.0),
            ..MetaSchema::new_with_format("integer", "uint64")
        };
        let words = "must be a whole number from 1 to 200";

        assert_eq!(broken_rules(&schema, &json!(-1)), [("minimum", words.to_owned())]);
        assert_eq!(broken_rules(&schema, &json!(u64::MAX)), [("maximum", words.to_owned())]);
        assert_eq!(expected(&schema), "a whole number from 1 to 200");
        let half_open = MetaSchema { maximum: None, ..schema };
        assert_eq!(broken_rules(&half_open, &json!(0)), [("minimum", "must be 1 or more".to_owned())]);
        assert_eq!(expected(&half_open), "a whole number");
    }

    #[test]
    fn a_count_has_the_word_in_its_form() {
        assert_eq!((counted(1, "item"), counted(2, "item")), ("1 item".to_owned(), "2 items".to_owned()));
    }

    #[test]
    fn a_limit_may_be_exclusive() {
        let schema = MetaSchema {
            minimum: Some(0.0),
            exclusive_minimum: Some(true),
            maximum: Some(1.0),
            multiple_of: Some(0.5),
            ..MetaSchema::new("number")
        };

        assert!(broken_rules(&schema, &json!(0.5)).is_empty());
        assert_eq!(broken_rules(&schema, &json!(0)), [("minimum", "must be more than 0".to_owned())]);
        assert_eq!(broken_rules(&schema, &json!(1.2)).len(), 2);
    }
}
