//! The fields of a reported listing that may be `null`. The library writes an optional field as one that may be absent.

use serde_json::Value;

use crate::protocol::null_fields;

const REPORTED: &str = "/components/schemas/PropertyInput/properties";

/// Marks them as `nullable` (OpenAPI 3.0.3, section 4.7.24.1). Beside a reference that is what generators read as a type
/// or null.
pub(super) fn mark(document: &mut Value) {
    let Some(fields) = document.pointer_mut(REPORTED).and_then(Value::as_object_mut) else { return };
    for (name, schema) in fields {
        // Of `removed`, `null` says nothing.
        if null_fields::can_be_emptied(name) || name == "removed" {
            schema["nullable"] = true.into();
            // `nullable` means something beside `type` only.
            if schema.get("allOf").is_some() {
                schema["type"] = if name == "address" { "object" } else { "string" }.into();
            }
        }
    }
}
