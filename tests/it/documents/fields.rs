//! What every schema and field of both documents must have.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::{asyncapi, openapi, resolve, walk};

fn both() -> [(&'static str, Value); 2] {
    [("openapi", openapi()), ("asyncapi", asyncapi())]
}

fn schemas(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["components"]["schemas"].as_object().unwrap().iter()
}

#[test]
fn every_schema_and_every_field_has_a_description() {
    let mut faults = Vec::new();
    for (name, document) in both() {
        for (schema, value) in schemas(&document) {
            if value["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{name} {schema}"));
            }
        }
        walk(&document, "", &mut |path, value| {
            let fields = value.get("properties").and_then(Value::as_object).into_iter().flatten();
            // A field may itself be called `properties`.
            let is_schema = !path.ends_with("/properties") && !path.contains("example");
            for (field, value) in fields.filter(|_| is_schema) {
                let is_said =
                    value["description"].is_string() || resolve(&document, value)["description"].is_string();
                if !is_said {
                    faults.push(format!("{name} {path} {field}"));
                }
            }
        });
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn no_part_of_an_all_of_is_only_a_description_and_a_reference_has_no_siblings() {
    const SCHEMA: [&str; 6] = ["$ref", "type", "properties", "oneOf", "anyOf", "allOf"];
    for (name, document) in both() {
        walk(&document, "", &mut |path, value| {
            for part in value.get("allOf").and_then(Value::as_array).into_iter().flatten() {
                assert!(SCHEMA.iter().any(|key| part.get(*key).is_some()), "{name} {path}: {part}");
            }
            if let Some(map) = value.as_object().filter(|map| map.get("$ref").is_some_and(Value::is_string)) {
                assert_eq!(map.len(), 1, "{name} {path}: {value}");
            }
        });
    }
}

#[test]
fn bounds_of_whole_numbers_are_whole_numbers() {
    for (name, document) in both() {
        let mut seen = 0;
        walk(&document, "", &mut |path, value| {
            if value["type"] != "integer" {
                return;
            }
            for bound in ["minimum", "maximum", "default"].iter().filter_map(|bound| value.get(*bound)) {
                seen += 1;
                assert!(bound.is_i64() || bound.is_u64(), "{name} {path}: {bound}");
            }
        });
        assert!(name == "asyncapi" || seen > 20, "only {seen} bounds");
    }
}

#[test]
fn times_ids_and_addresses_have_their_format() {
    const UUIDS: [&str; 5] = ["message_id", "upload_id", "broadcast_id", "connection_id", "key_id"];
    let mut faults = Vec::new();
    for (name, document) in both() {
        for (schema, value) in schemas(&document) {
            for (field, value) in value["properties"].as_object().into_iter().flatten() {
                if value["type"] != "string" {
                    continue;
                }
                let wanted = match field.as_str() {
                    field if field.ends_with("_at") || field == "at" => "date-time",
                    field if UUIDS.contains(&field) => "uuid",
                    "email" => "email",
                    "avatar_url" | "source_url" => "uri",
                    _ => continue,
                };
                if value["format"] != wanted {
                    faults.push(format!("{name} {schema}.{field} is not a {wanted}"));
                }
            }
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

/// With `MaybeUndefined` null differs from absent; poem-openapi does not mark such fields as nullable.
#[test]
fn null_is_written_where_it_means_something() {
    let document = openapi();
    let mut nullable = BTreeSet::new();
    for (schema, value) in schemas(&document) {
        for (field, value) in value["properties"].as_object().into_iter().flatten() {
            if value["nullable"] == true {
                nullable.insert(format!("{schema}.{field}"));
            }
        }
    }
    let mut fields = 0;
    for folder in ["src/http", "src/protocol"] {
        count_fields(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut fields);
    }

    // The fields of a reported listing that may be `null` are marked by their names.
    let reported: BTreeSet<String> =
        nullable.extract_if(.., |name| name.starts_with("PropertyInput.")).collect();
    let kept = ["source", "listing_key", "standard_status"];
    let input = document["components"]["schemas"]["PropertyInput"]["properties"].as_object().unwrap();
    let emptied = input.keys().filter(|name| !kept.contains(&name.as_str()));
    assert_eq!(reported, emptied.map(|name| format!("PropertyInput.{name}")).collect());
    assert_eq!(nullable.len(), fields, "{nullable:?}");
    assert!(
        nullable.contains("RoomPatch.topic") && nullable.contains("UserPatch.avatar_url"),
        "{nullable:?}"
    );
    let viewing = &asyncapi()["components"]["schemas"]["ShowViewing"];
    assert_eq!(viewing["properties"]["property_id"]["type"], serde_json::json!(["integer", "null"]));
    assert_eq!(viewing["required"], serde_json::json!(["property_id"]));
}

fn count_fields(folder: &Path, found: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            count_fields(&entry, found);
        } else if entry.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(entry).unwrap();
            *found += text
                .lines()
                .filter(|line| line.trim_end().ends_with(">,") && line.contains(": MaybeUndefined<"))
                .count();
        }
    }
}

/// A row for a name that is in no document would outlive its field.
#[test]
fn the_vocabulary_has_no_row_too_many() {
    let mut names = BTreeSet::new();
    for (_, document) in both() {
        for (schema, value) in schemas(&document) {
            names.insert(schema.clone());
            for (field, _) in value["properties"].as_object().into_iter().flatten() {
                names.extend([field.clone(), format!("{schema}.{field}")]);
            }
        }
        walk(&document, "", &mut |_, value| {
            let id = value["operationId"].as_str().unwrap_or_default();
            for parameter in value.get("parameters").and_then(Value::as_array).into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap_or_default();
                names.extend([name.to_owned(), format!("{id}.{name}")]);
            }
        });
    }

    let left: Vec<&str> =
        lotline::protocol::descriptions::rows().filter(|row| !names.contains(*row)).collect();
    assert_eq!(left, Vec::<&str>::new());
}
