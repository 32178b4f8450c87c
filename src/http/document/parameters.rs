//! Parameters and bodies of operations: what each is for, and what an absent one counts as.

use serde_json::{Map, Value};

use crate::base::page::DEFAULT_LIMIT;
use crate::protocol::{schemas, vocabulary};

/// What an absent parameter counts as, where that is one value.
const DEFAULTS: &[(&str, &str)] =
    &[("list_jobs.sort", "-created_at"), ("list_properties.sort", "-updated_at")];

/// Parameters that are `false` when they are absent.
const SWITCHES: [&str; 2] = ["archived", "include_removed"];

/// Path parameters that hold a UUID.
const UUIDS: [&str; 5] = ["connection_id", "key_id", "message_id", "session_id", "upload_id"];

/// Completes the parameters of an operation.
pub(super) fn complete(operation: &mut Map<String, Value>) {
    let id = operation.get("operationId").and_then(Value::as_str).unwrap_or_default().to_owned();
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for parameter in parameters.into_iter().flatten() {
        let Some(name) = parameter["name"].as_str().map(str::to_owned) else { continue };
        if parameter.get("description").is_none()
            && let Some(words) = vocabulary::parameter(&id, &name)
        {
            parameter["description"] = words.into();
        }
        let schema = &mut parameter["schema"];
        if let Some(default) = default(&id, &name) {
            schemas::remark(schema, "default", default);
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
