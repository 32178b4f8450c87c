//! Reads text out of JSON values leniently: sites write numbers as text, text as arrays and both inside of objects.
//! The work for one value is bounded, whatever its size.

use serde_json::{Map, Value};

use super::entities;

/// A JSON object.
pub type Object = Map<String, Value>;

/// Values that a list in the place of one value is searched for.
const MAX_ELEMENTS: usize = 8;
/// Bytes of a text that are looked at: sixteen for each character of the longest field.
const MAX_TEXT: usize = 16 * 8_192;
/// Bytes of a text that holds a number.
const MAX_SHORT: usize = 400;

/// Keys of an object that represents a plain value: JSON-LD, QuantitativeValue, PropertyValue, something with a name.
const VALUE_KEYS: [&str; 6] = ["@value", "value", "minValue", "name", "label", "displayName"];

/// The values of a list in the place of one value. Lists in it are none: each level would multiply the work.
pub(super) fn elements(values: &[Value]) -> impl Iterator<Item = &Value> {
    values.iter().take(MAX_ELEMENTS).filter(|value| !value.is_array())
}

/// The same for a list that an object holds: objects in it are none either.
pub(super) fn plain_elements(values: &[Value]) -> impl Iterator<Item = &Value> {
    elements(values).filter(|value| !value.is_object())
}

/// A text, character references decoded and blanks squeezed, cut to `most` characters; `None` when nothing is left.
pub fn text(value: &Value, most: usize) -> Option<String> {
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
    let text = crate::base::text::truncate(text, most.saturating_mul(16).min(MAX_TEXT));
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

/// The plain value that an object represents.
pub(super) fn inner(object: &Object) -> Option<&Value> {
    let plain = |value: &&Value| matches!(value, Value::String(_) | Value::Number(_));
    VALUE_KEYS.iter().find_map(|key| object.get(*key).filter(plain))
}

/// The beginning of a text that holds a number, its character references decoded.
pub(super) fn short(text: &str) -> String {
    entities::decode(crate::base::text::truncate(text, MAX_SHORT)).into_owned()
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
        assert_eq!(text(&json!({"id": 3, "label": "Sold"}), 50).as_deref(), Some("Sold"));
        assert_eq!(text(&json!("ééé"), 2).as_deref(), Some("éé"));
        assert_eq!(text(&json!("\u{0}"), 2), None);
        assert_eq!(text(&json!(null), 2), None);
    }

    #[test]
    fn a_huge_text_is_cut() {
        assert_eq!(text(&json!("x".repeat(10_000_000)), 8_192).map(|text| text.len()), Some(8_192));
    }
}
