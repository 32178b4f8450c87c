//! Bounds that all layers share, and what looking at their data costs.

use serde_json::Value;

/// Drafts of one layer at most: a page that claims more is a data dump or an attack.
pub(super) const MAX_DRAFTS: usize = 2_000;
/// Bytes of a URL or an identifier that are looked at; the wire's `source_url` has the same bound.
pub(super) const MAX_URL: usize = 2_000;
/// Steps of examining a value.
pub(super) const VALUE_STEPS: u64 = 4;
/// How deep values may nest.
pub(super) const MAX_DEPTH: usize = 48;
/// Elements of a list and entries of an object in the place of one value that are looked at.
const MAX_ELEMENTS: usize = 8;
const MAX_ENTRIES: usize = 24;
/// Bytes of a text that are looked at.
const MAX_TEXT: usize = 32 * 1024;

/// Steps of looking up a key.
pub(super) fn key_steps(key: &str) -> u64 {
    6 + key.len() as u64 / 4
}

/// Steps of reading `value` as the value of a field, in whatever way.
pub(super) fn value_steps(value: &Value) -> u64 {
    match value {
        Value::Array(values) => 8 + values.iter().take(MAX_ELEMENTS).map(entry_steps).sum::<u64>(),
        other => entry_steps(other),
    }
}

fn entry_steps(value: &Value) -> u64 {
    match value {
        Value::String(text) => text_steps(text),
        Value::Object(object) => 200 + object.values().take(MAX_ENTRIES).map(inner_steps).sum::<u64>(),
        Value::Array(_) | Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}

fn inner_steps(value: &Value) -> u64 {
    match value {
        Value::String(text) => text_steps(text),
        Value::Array(values) => {
            let texts = values.iter().take(MAX_ELEMENTS).filter_map(Value::as_str);
            8 + texts.map(text_steps).sum::<u64>()
        }
        _ => 8,
    }
}

fn text_steps(text: &str) -> u64 {
    8 + text.len().min(MAX_TEXT) as u64 / 4
}
