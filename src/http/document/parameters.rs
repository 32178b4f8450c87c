//! Parameters and bodies of operations: their descriptions and defaults.

use serde_json::{Map, Value};

use crate::base::json_integer::MAX_SAFE_INTEGER;
use crate::base::page::DEFAULT_LIMIT;
use crate::protocol::{descriptions, schemas};

/// Defaults of parameters that have a single one.
const DEFAULTS: &[(&str, &str)] =
    &[("list_jobs.sort", "-created_at"), ("list_properties.sort", "-updated_at")];

/// Parameters that are `false` when they are absent.
const SWITCHES: [&str; 3] = ["archived", "excel", "include_removed"];

/// Path parameters that hold a UUID.
const UUIDS: [&str; 5] = ["connection_id", "key_id", "message_id", "session_id", "upload_id"];

/// Completes the parameters of an operation.
pub(super) fn complete(operation: &mut Map<String, Value>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let Some(name) = parameter["name"].as_str().map(str::to_owned) else { continue };
        if parameter.get("description").is_none()
            && let Some(words) = descriptions::describe_parameter(&id, &name)
        {
            parameter["description"] = words.into();
        }
        let is_in_path = parameter["in"] == "path";
        let schema = &mut parameter["schema"];
        if let Some(default) = default(&id, &name) {
            schemas::annotate(schema, "default", default);
        }
        if is_in_path {
            add_rules(&name, schema);
        }
        if let Some((_, least, most)) = ITEM_LENGTHS.iter().find(|(named, ..)| *named == name)
            && schema["items"]["type"] == "string"
        {
            schema["items"]["minLength"] = (*least).into();
            schema["items"]["maxLength"] = (*most).into();
        }
        if UUIDS.contains(&name.as_str()) && schema["type"] == "string" {
            schema["format"] = "uuid".into();
        }
    }
    if let Some(body) = operation.get_mut("requestBody")
        && body.get("description").is_none()
    {
        body["description"] = "The fields of the request, in one of these media types.".into();
    }
}

/// Rules of path parameters, for readers of the document. The name of a room or a spider that breaks one is answered
/// 404, like one that names nothing; what refuses the parts of a property's key is in `validation/query_rules.rs`.
fn add_rules(name: &str, schema: &mut Value) {
    if schema["type"] == "integer" {
        schema["minimum"] = 1.into();
        schema["maximum"] = MAX_SAFE_INTEGER.into();
    }
    match name {
        "room_id" => schema["pattern"] = schemas::ROOM_ID.into(),
        "name" => schema["pattern"] = schemas::SPIDER_NAME.into(),
        _ => {}
    }
    if let Some((_, least, most)) = LENGTHS.iter().find(|(named, ..)| *named == name) {
        schema["minLength"] = (*least).into();
        schema["maxLength"] = (*most).into();
    }
}

/// Lengths in characters of texts in a path: minimum, maximum.
const LENGTHS: [(&str, u64, u64); 2] = [("listing_key", 1, 200), ("source", 1, 100)];

/// Lengths in characters of a text in a list in the query: minimum, maximum.
const ITEM_LENGTHS: [(&str, u64, u64); 2] = [("currency", 3, 4), ("source", 1, 100)];

fn default(operation: &str, name: &str) -> Option<Value> {
    if name == "limit" {
        return Some(DEFAULT_LIMIT.into());
    }
    if SWITCHES.contains(&name) {
        return Some(false.into());
    }
    let full = format!("{operation}.{name}");
    let found = DEFAULTS.iter().find(|(known, _)| *known == full)?;
    Some(found.1.into())
}
