//! Additions to the schemas of both documents beyond what poem-openapi derives from types. Pure JSON in, JSON out.

use serde_json::{Map, Value, json};

use super::descriptions;
use crate::base::json_integer::MAX_SAFE_INTEGER;

/// Completes the schemas under `components`, by their names.
pub fn complete(schemas: &mut Map<String, Value>) {
    describe_members_of_unions(schemas);
    for (name, schema) in schemas.iter_mut() {
        normalize(schema);
        describe(name, schema);
        add_rules(name, schema);
    }
}

/// Corrects all schemas of a document: a part of an `allOf` that only annotates the others, bounds that are written
/// as fractions, formats that only this server knows, and lengths that are given by a pattern only.
pub fn normalize(value: &mut Value) {
    match value {
        Value::Object(map) => {
            lift_annotations(map);
            integer_bounds(map);
            expand_id(map);
            lengths_of_pattern(map);
            map.values_mut().for_each(normalize);
        }
        Value::Array(items) => items.iter_mut().for_each(normalize),
        _ => {}
    }
}

/// A default or a description is not a schema: it belongs beside `allOf`, not into it.
fn lift_annotations(map: &mut Map<String, Value>) {
    const REMARKS: [&str; 5] = ["default", "deprecated", "description", "example", "title"];
    let Some(Value::Array(parts)) = map.get_mut("allOf") else { return };
    let mut remarks = Map::new();
    parts.retain(|part| match part.as_object() {
        Some(part) if part.keys().all(|key| REMARKS.contains(&key.as_str())) => {
            remarks.extend(part.clone());
            false
        }
        _ => true,
    });
    for (key, value) in remarks {
        map.entry(key).or_insert(value);
    }
}

/// poem-openapi keeps bounds as floating-point numbers and writes `1.0`, which is not the text of an integer.
fn integer_bounds(map: &mut Map<String, Value>) {
    for bound in ["minimum", "maximum", "multipleOf"] {
        let Some(number) = map.get(bound).and_then(Value::as_f64) else { continue };
        if let Some(whole) = whole(number) {
            map.insert(bound.to_owned(), whole.into());
        }
    }
}

fn whole(number: f64) -> Option<i64> {
    // Beyond 2^53 a fraction cannot be distinguished from an integer.
    const MOST: f64 = 9_007_199_254_740_992.0;
    let is_whole = number.fract() == 0.0 && number.abs() <= MOST;
    is_whole.then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// An id that is accepted as a number and as its digits (`WireId`).
fn expand_id(map: &mut Map<String, Value>) {
    let says = |key: &str, word: &str| map.get(key).is_some_and(|value| value == word);
    if !says("type", "integer") || !says("format", "id") {
        return;
    }
    map.remove("type");
    map.remove("format");
    let number = json!({ "type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_SAFE_INTEGER });
    let digits = json!({ "type": "string", "pattern": "^[0-9]{1,16}$", "minLength": 1, "maxLength": 16 });
    map.insert("anyOf".to_owned(), json!([number, digits]));
}

/// A pattern with a bounded length limits the text; most readers of a document look at lengths only.
fn lengths_of_pattern(map: &mut Map<String, Value>) {
    let pattern = map.get("pattern").and_then(Value::as_str);
    let Some((_, least, most)) = LENGTHS_OF_PATTERNS.iter().find(|(known, ..)| pattern == Some(*known))
    else {
        return;
    };
    map.entry("minLength").or_insert((*least).into());
    map.entry("maxLength").or_insert((*most).into());
}

/// Lengths in characters of the texts that match a pattern: minimum, maximum.
const LENGTHS_OF_PATTERNS: &[(&str, u64, u64)] = &[
    ("^[!-~]{1,255}$", 1, 255),
    ("^[A-Z]{2}$", 2, 2),
    ("^[A-Z]{3}$", 3, 3),
    (SPIDER_NAME, 1, 100),
    ("^[0-9a-fA-F]{64}$", 64, 64),
    ("^(everyone|admins|all_tenants|role:(viewer|member|admin)|user:[0-9]{1,19})$", 6, 24),
    (TENANT_SLUG, 1, 63),
    (ROOM_ID, 1, 64),
];

/// The name of a spider.
pub const SPIDER_NAME: &str = "^[A-Za-z0-9_.-]{1,100}$";
/// The id of a room, public or private.
pub const ROOM_ID: &str = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";
/// The slug of a tenant.
const TENANT_SLUG: &str = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
/// The name of a user: of the ASCII characters only letters, digits and `. _ - @ +`. Dialects of regular expressions
/// share no notation for letters of other scripts, so only the description names them.
pub const USERNAME: &str = r"^[^\x00-*,/:-?\[-\^`{-\x7f]+$";

/// A member of a union describes its own message, not the union, and has its value of the discriminator.
fn describe_members_of_unions(schemas: &mut Map<String, Value>) {
    let described = |schemas: &Map<String, Value>, part: &Value| {
        let name = part["$ref"].as_str()?.rsplit('/').next()?;
        schemas.get(name)?.get("description").cloned()
    };
    let names: Vec<String> = schemas.keys().filter(|name| name.contains('_')).cloned().collect();
    for name in names {
        let Some([tag, own]) = schemas[&name]["allOf"].as_array().map(Vec::as_slice) else { continue };
        let Some(tag) = tag["required"][0].as_str().map(str::to_owned) else { continue };
        let Some(description) = described(schemas, own) else { continue };
        let schema = &mut schemas[&name];
        schema["description"] = description;
        let field = &mut schema["allOf"][0]["properties"][&tag];
        field["description"] = format!("Always `{}`.", field["enum"][0].as_str().unwrap_or_default()).into();
    }
}

fn describe(name: &str, schema: &mut Value) {
    if schema.get("description").is_none()
        && let Some(words) = descriptions::describe_schema(name)
    {
        schema["description"] = words.into();
    }
    for (field, value) in fields_of(schema) {
        let own = descriptions::describe_own_field(name, field);
        if own.is_none() && (value.get("description").is_some() || value.get("$ref").is_some()) {
            continue;
        }
        if let Some(words) = own.or_else(|| descriptions::describe_field(name, field)) {
            annotate(value, "description", words.into());
        }
    }
}

fn fields_of(schema: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flatten()
}

/// Adds an annotation to a schema. OpenAPI 3.0 ignores what is beside a reference, so that becomes a part.
pub fn annotate(schema: &mut Value, key: &str, remark: Value) {
    if schema.get("$ref").is_some() {
        let reference = schema.take();
        *schema = json!({ "allOf": [reference] });
    }
    schema[key] = remark;
}

/// Formats, lengths and the fields in which null has a meaning.
fn add_rules(name: &str, schema: &mut Value) {
    if name == "ShowViewing" {
        // Leaving it out is refused; no listing at all is `null`.
        schema["required"] = json!(["property_id"]);
    }
    for (field, value) in fields_of(schema) {
        let is_text =
            value["type"] == "string" && value.get("format").is_none() && value.get("enum").is_none();
        if is_text && let Some(format) = format_of(name, field) {
            value["format"] = format.into();
        }
        if NULLABLE.contains(&(name, field)) {
            value["nullable"] = true.into();
        }
        let lengths = LENGTHS.iter().filter(|(owner, named, ..)| (*owner, *named) == (name, field));
        for (_, _, least, most) in lengths {
            value["minLength"] = (*least).into();
            value["maxLength"] = (*most).into();
        }
        let pattern = PATTERNS.iter().find(|(owner, named, _)| (*owner, *named) == (name, field));
        if let Some((_, _, pattern)) = pattern {
            value["pattern"] = (*pattern).into();
        }
    }
}

fn format_of(schema: &str, field: &str) -> Option<&'static str> {
    // Where the server accepts a UUID among other values, the format would refuse the others.
    let is_uuid = UUIDS.contains(&field) && !NOT_UUIDS.contains(&(schema, field));
    match field {
        "at" | "start_time" | "timestamp" => Some("date-time"),
        _ if field.ends_with("_at") => Some("date-time"),
        "email" => Some("email"),
        "avatar_url" | "source_url" => Some("uri"),
        "own_jobs_url" | "resync_url" => Some("uri-reference"),
        "url" if matches!(schema, "PasswordLink" | "Media") => Some("uri"),
        _ if schema == "ResyncUrls" => Some("uri-reference"),
        _ if schema == "Problem" && field == "type" => Some("uri-reference"),
        "password" | "new_password" | "current_password" => Some("password"),
        _ if is_uuid => Some("uuid"),
        _ => None,
    }
}

const UUIDS: [&str; 6] = ["broadcast_id", "connection_id", "key_id", "message_id", "upload_id", "session_id"];
const NOT_UUIDS: [(&str, &str); 0] = [];

/// Fields in which `null` means something else than leaving the field out.
const NULLABLE: &[(&str, &str)] = &[
    ("UserPatch", "display_name"),
    ("UserPatch", "avatar_url"),
    ("RoomPatch", "topic"),
    ("QuotasPatch", "connections"),
    ("QuotasPatch", "connects_per_second"),
    ("QuotasPatch", "messages_per_second"),
    ("QuotasPatch", "bytes_out_per_second"),
    ("QuotasPatch", "requests_per_second"),
    ("QuotasPatch", "history_events"),
    ("QuotasPatch", "upload_bytes"),
    ("QuotasPatch", "pending_jobs"),
    ("ShowViewing", "property_id"),
];

/// Lengths in characters of texts that the domain checks, not their types: minimum, maximum.
const LENGTHS: &[(&str, &str, u64, u64)] = &[
    ("FirstAdmin", "email", 3, 254),
    ("FirstAdmin", "username", 1, 64),
    ("NewApiKey", "name", 1, 200),
    ("NewTenant", "name", 1, 200),
    ("NewUser", "display_name", 1, 200),
    ("NewUser", "email", 3, 254),
    ("NewUser", "password", 8, 200),
    ("NewUser", "username", 1, 64),
    ("SetPasswordRequest", "new_password", 8, 200),
    ("RegisterRequest", "email", 3, 254),
    ("RegisterRequest", "password", 8, 200),
    ("RegisterRequest", "username", 1, 64),
    ("TenantRegistration", "name", 1, 200),
    ("TenantPatch", "name", 1, 200),
    ("UserPatch", "avatar_url", 1, 2000),
    ("UserPatch", "display_name", 1, 200),
    ("UserPatch", "email", 3, 254),
    ("UserPatch", "username", 1, 64),
];

/// Patterns of texts that the domain checks, not their types.
const PATTERNS: &[(&str, &str, &str)] = &[
    ("FirstAdmin", "username", USERNAME),
    ("NewTenant", "slug", TENANT_SLUG),
    ("NewUser", "username", USERNAME),
    ("RegisterRequest", "username", USERNAME),
    ("TenantRegistration", "slug", TENANT_SLUG),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn annotations_leave_an_all_of_and_bounds_become_integers() {
        let mut schema = json!({
            "allOf": [{ "$ref": "#/a" }, { "description": "d", "default": 1 }],
            "properties": { "n": { "type": "integer", "minimum": 1.0, "maximum": 9007199254740991.0 }, "x": { "minimum": 0.5 } },
        });
        normalize(&mut schema);

        assert_eq!(schema["allOf"], json!([{ "$ref": "#/a" }]));
        assert_eq!((&schema["description"], &schema["default"]), (&json!("d"), &json!(1)));
        let text = schema.to_string();
        assert!(text.contains("\"minimum\":1") && text.contains("\"maximum\":9007199254740991"), "{text}");
        assert_eq!(schema["properties"]["x"]["minimum"], json!(0.5));
    }

    #[test]
    fn an_id_is_a_number_or_its_digits_and_a_pattern_gives_lengths() {
        let mut schema = json!({
            "id": { "type": "integer", "format": "id", "description": "d" },
            "currency": { "type": "string", "pattern": "^[A-Z]{3}$" },
        });
        normalize(&mut schema);

        let kinds: Vec<&Value> =
            schema["id"]["anyOf"].as_array().unwrap().iter().map(|part| &part["type"]).collect();
        assert_eq!(kinds, ["integer", "string"]);
        assert_eq!((&schema["id"]["description"], schema["id"].get("format")), (&json!("d"), None));
        assert_eq!(
            (&schema["currency"]["minLength"], &schema["currency"]["maxLength"]),
            (&json!(3), &json!(3))
        );
    }

    #[test]
    fn the_lengths_of_a_pattern_are_those_that_it_takes() {
        for (pattern, least, most) in LENGTHS_OF_PATTERNS {
            let pattern = regex::Regex::new(pattern).unwrap();
            let takes = |length: u64| {
                let length = usize::try_from(length).unwrap();
                let words = ["admins".to_owned(), format!("user:{}", "1".repeat(length.saturating_sub(5)))];
                let runs = ["a", "A", "1"].map(|letter| letter.repeat(length));
                words.iter().chain(&runs).any(|text| text.len() == length && pattern.is_match(text))
            };
            assert!(takes(*least) && takes(*most), "{pattern}");
            assert!(!takes(least - 1) && !takes(most + 1), "{pattern}");
        }
    }

    #[test]
    fn the_pattern_of_user_names_takes_what_the_rule_takes() {
        let pattern = regex::Regex::new(USERNAME).unwrap();

        for good in ["ann", "Ann.O-Neil_2", "ann@acme.example", "a+b", "Ünal", "李", "नमस्ते"] {
            assert!(pattern.is_match(good), "{good}");
        }
        for bad in [
            "", "acme/ann", "ann b", "a\nb", "a*", "a,", "a:", "a?", "a[", "a\\", "a]", "a^", "a`", "a{",
            "a~",
        ] {
            assert!(!pattern.is_match(bad), "{bad}");
        }
    }

    #[test]
    fn an_annotation_beside_a_reference_makes_it_an_all_of_part() {
        let mut schema = json!({ "$ref": "#/a" });
        annotate(&mut schema, "description", json!("d"));

        assert_eq!(schema, json!({ "allOf": [{ "$ref": "#/a" }], "description": "d" }));
    }
}
