//! Numbers of a JSON body: `3.0` is the integer 3, as JSON has one kind of number, and an integer beyond 64 bits is
//! refused, because parsing it would round it.

use poem_openapi::registry::{MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::types::Type;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::base::json_integer::integral_float;
use crate::http::validation::{parts_of, whole_number_at};
use crate::protocol::problem::{FieldError, PathSegment};

/// A refusal names at most this many of them.
const MOST: usize = 100;
/// A number deeper than this is reported at its ancestor: each level down parses the rest once more.
const DEEPEST: usize = 32;

/// Turns numbers such as `3.0` into integers where the schema of `T` wants an integer.
pub(super) fn normalize_integers<T: Type>(value: &mut Value) {
    if !has_whole_float(value) {
        return;
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    IntegerWalker { registry: &registry }.value(&T::schema_ref(), value);
}

/// The same with a schema that is known already.
pub(super) fn normalize_integers_along(registry: &Registry, schema: &MetaSchemaRef, value: &mut Value) {
    if has_whole_float(value) {
        IntegerWalker { registry }.value(schema, value);
    }
}

fn has_whole_float(value: &Value) -> bool {
    match value {
        Value::Number(_) => integral_float(value).is_some(),
        Value::Array(items) => items.iter().any(has_whole_float),
        Value::Object(fields) => fields.values().any(has_whole_float),
        _ => false,
    }
}

struct IntegerWalker<'a> {
    registry: &'a Registry,
}

impl IntegerWalker<'_> {
    fn value(&self, schema: &MetaSchemaRef, value: &mut Value) {
        for part in parts_of(self.registry, schema) {
            self.part(part, value);
        }
    }

    fn part(&self, part: &MetaSchema, value: &mut Value) {
        if part.ty == "integer"
            && let Some(number) = integral_float(value)
        {
            *value = number.into();
        }
        match value {
            Value::Array(items) => {
                if let Some(schema) = &part.items {
                    items.iter_mut().for_each(|item| self.value(schema, item));
                }
            }
            Value::Object(fields) => {
                for (name, field) in fields {
                    let known = part.properties.iter().find(|(known, _)| *known == name);
                    let schema = known.map(|(_, schema)| schema).or(part.additional_properties.as_deref());
                    if let Some(schema) = schema {
                        self.value(schema, field);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The integers of a body that do not fit into 64 bits. If the schema of `T` has a rule for the number, the fault
/// states that rule.
pub(super) fn too_large_for<T: Type>(bytes: &[u8]) -> Vec<FieldError> {
    let mut faults = too_large(bytes);
    if faults.is_empty() {
        return faults;
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schema = T::schema_ref();
    for fault in &mut faults {
        let path = fault.loc.get(1..).unwrap_or_default();
        if let Some(words) = whole_number_at(&registry, &schema, path) {
            fault.msg = format!("must be {words}");
        }
    }
    faults
}

/// The locations of integers that do not fit into 64 bits, anywhere in the body.
pub(super) fn too_large(bytes: &[u8]) -> Vec<FieldError> {
    let mut faults = Vec::new();
    if has_too_large(bytes)
        && let Ok(raw) = serde_json::from_slice::<&RawValue>(bytes)
    {
        find(raw, &mut Vec::new(), &mut faults);
        // A number that is too deep to be located is refused all the same.
        if faults.is_empty() {
            faults.push(fault(&[]));
        }
    }
    faults
}

/// Scans the text once, outside of strings, for a run of digits that is such a number.
fn has_too_large(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = after_string(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = bytes[at..].iter().position(|byte| !is_of_number(*byte));
                let end = end.map_or(bytes.len(), |length| at + length);
                if is_too_large(&bytes[at..end]) {
                    return true;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    false
}

fn after_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// A number without decimals or exponent beyond the range of `i64`.
fn is_too_large(number: &[u8]) -> bool {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    digits.len() > 18
        && digits.iter().all(u8::is_ascii_digit)
        && std::str::from_utf8(number).is_ok_and(|text| text.parse::<i64>().is_err())
}

fn find(raw: &RawValue, path: &mut Vec<PathSegment>, faults: &mut Vec<FieldError>) {
    let text = raw.get().trim_ascii();
    if faults.len() >= MOST || !has_too_large(text.as_bytes()) {
        return;
    }
    if path.len() >= DEEPEST {
        return faults.push(fault(path));
    }
    if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(text) {
        for (index, item) in (0..).zip(items) {
            path.push(PathSegment::Index(index));
            find(item, path, faults);
            path.pop();
        }
    } else if let Ok(fields) = serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(text) {
        for (name, field) in fields {
            path.push(PathSegment::Name(name));
            find(field, path, faults);
            path.pop();
        }
    } else {
        faults.push(fault(path));
    }
}

fn fault(path: &[PathSegment]) -> FieldError {
    let words = format!("must be a whole number from {} to {}", i64::MIN, i64::MAX);
    FieldError::in_body(path, "range", words)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::job::NewJob;

    fn pointers(text: &str) -> Vec<String> {
        too_large(text.as_bytes()).into_iter().map(|error| error.pointer).collect()
    }

    #[test]
    fn an_integer_that_would_be_rounded_is_reported_with_its_path() {
        let text = r#"{"a": [1, 9223372036854775808], "b": {"c": -9223372036854775809}, "d": 1e300, "e": 1.5,
            "f": "9223372036854775808", "g": 9223372036854775807, "h": -9223372036854775808,
            "i\"": 123456789012345678901234567890}"#;

        assert_eq!(pointers(text), ["/a/1", "/b/c", "/i\""]);
        assert_eq!(pointers("18446744073709551616"), [""]);
        assert!(pointers(r#"{"a": "\\", "b": 3}"#).is_empty());
    }

    #[test]
    fn a_number_with_a_rule_reports_the_rule() {
        let faults =
            too_large_for::<NewJob>(br#"{"max_pages": 9223372036854775808, "x": 9223372036854775808}"#);

        let words: Vec<&str> = faults.iter().map(|fault| fault.msg.as_str()).collect();
        assert_eq!(words[0], "must be a whole number from 1 to 9007199254740991");
        assert!(words[1].starts_with("must be a whole number from -9223372036854775808 to "), "{words:?}");
    }

    #[test]
    fn three_point_zero_is_three_where_a_whole_number_is_wanted() {
        let mut value = json!({"spider_name": "auto", "max_pages": 3.0, "max_items": 2.5});

        normalize_integers::<NewJob>(&mut value);

        assert_eq!(value, json!({"spider_name": "auto", "max_pages": 3, "max_items": 2.5}));
    }
}
