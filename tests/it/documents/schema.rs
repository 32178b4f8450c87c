//! Validates a value against a schema of a document, for the part of JSON Schema that the documents use.

use serde_json::Value;

use super::resolve;

/// What is wrong with `value`, as messages; empty when it is valid.
pub fn faults(document: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    validate(document, schema, value, "", &mut found);
    found
}

fn validate(document: &Value, schema: &Value, value: &Value, path: &str, found: &mut Vec<String>) {
    let schema = resolve(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        validate(document, part, value, path, found);
    }
    let forms = ["oneOf", "anyOf"].into_iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
    let forms: Vec<&Value> = forms.collect();
    if !forms.is_empty() && !forms.iter().any(|form| faults(document, form, value).is_empty()) {
        found.push(format!("{path} is none of {} forms: {value}", forms.len()));
    }
    if !is_of_type(&schema["type"], value) {
        return found.push(format!("{path} is not of type {}: {value}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|known| !known.contains(value)) {
        found.push(format!("{path} is not one of {}: {value}", schema["enum"]));
    }
    if let Some(text) = value.as_str() {
        validate_text(schema, text, path, found);
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        validate(document, &schema["items"], item, &format!("{path}/{index}"), found);
    }
    let Some(fields) = value.as_object() else { return };
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) {
            found.push(format!("{path}/{name} is missing"));
        }
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(value) = fields.get(name) {
            validate(document, field, value, &format!("{path}/{name}"), found);
        }
    }
}

fn validate_text(schema: &Value, text: &str, path: &str, found: &mut Vec<String>) {
    let length = text.chars().count() as u64;
    let fits = schema["minLength"].as_u64().is_none_or(|least| length >= least)
        && schema["maxLength"].as_u64().is_none_or(|most| length <= most);
    let is_well_formed = match schema["format"].as_str() {
        Some("date-time") => chrono::DateTime::parse_from_rfc3339(text).is_ok(),
        Some("uuid") => text.parse::<uuid::Uuid>().is_ok(),
        Some("uri") => url::Url::parse(text).is_ok(),
        Some("email") => text.contains('@'),
        _ => true,
    };
    if !fits || !is_well_formed {
        found.push(format!("{path} breaks its length or format {}: {text}", schema["format"]));
    }
}

fn is_of_type(kind: &Value, value: &Value) -> bool {
    match kind {
        Value::Array(kinds) => kinds.iter().any(|kind| is_of_type(kind, value)),
        Value::String(kind) => match kind.as_str() {
            "null" => value.is_null(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            "string" => value.is_string(),
            "array" => value.is_array(),
            "object" => value.is_object(),
            other => panic!("a type that JSON does not have: {other}"),
        },
        _ => true,
    }
}

#[test]
fn a_value_is_judged_by_every_rule_of_its_schema() {
    let document = serde_json::json!({ "a": { "type": "object", "required": ["x"], "properties": {
        "x": { "type": ["integer", "null"] }, "at": { "type": "string", "format": "date-time" },
        "list": { "type": "array", "items": { "enum": ["p", "q"] } },
    } } });
    let schema = serde_json::json!({ "allOf": [{ "$ref": "#/a" }] });
    let count = |value: Value| faults(&document, &schema, &value).len();

    assert_eq!(count(serde_json::json!({ "x": null, "at": "2026-01-01T00:00:00Z", "list": ["p"] })), 0);
    assert_eq!(count(serde_json::json!({ "at": "yesterday", "list": ["r", "s"] })), 4);
    assert_eq!(count(serde_json::json!([])), 1);
}
