//! Every part of a request has a documented limit: lengths of texts, both bounds of integers.

use serde_json::Value;

use super::{openapi, resolve};

/// Texts without a maximum length, each with the reason.
const ENDLESS: [(&str, &str); 3] = [
    ("list_events query since", "any text is answered; one that is no position with `recovered: false`"),
    (
        "append_job_logs application/x-ndjson",
        "lines, each with its own bound; the body has the bound of a batch",
    ),
    (
        "create_upload multipart/form-data file",
        "the file; `uploads.max_bytes` of the configuration bounds it",
    ),
];

/// Formats that fix the length of a text.
const FIXED: [&str; 3] = ["uuid", "date", "date-time"];

struct Walk<'a> {
    document: &'a Value,
    faults: Vec<String>,
    seen: usize,
}

impl<'a> Walk<'a> {
    fn schema(&mut self, location: &str, schema: &'a Value) {
        let parts = parts(self.document, schema);
        if parts.iter().any(|part| part["readOnly"] == true) {
            return;
        }
        let says = |rule: &str| parts.iter().any(|part| part.get(rule).is_some());
        let is_of = |kind: &str| parts.iter().any(|part| part["type"] == kind);
        let is_fixed =
            parts.iter().filter_map(|part| part["format"].as_str()).any(|one| FIXED.contains(&one));
        self.seen += 1;
        if is_of("string") && !says("maxLength") && !says("enum") && !is_fixed {
            self.faults.push(location.to_owned());
        }
        if is_of("integer") && !(says("minimum") && says("maximum")) {
            self.faults.push(location.to_owned());
        }
        for part in parts {
            for (name, field) in part["properties"].as_object().into_iter().flatten() {
                self.schema(&format!("{location} {name}"), field);
            }
            for key in ["anyOf", "oneOf"] {
                part[key].as_array().into_iter().flatten().for_each(|form| self.schema(location, form));
            }
            let rest = part.get("additionalProperties").filter(|rest| rest.is_object());
            part.get("items").into_iter().chain(rest).for_each(|inner| self.schema(location, inner));
        }
    }
}

/// The schema and what its `allOf` adds.
fn parts<'a>(document: &'a Value, schema: &'a Value) -> Vec<&'a Value> {
    let schema = resolve(document, schema);
    let added = schema["allOf"].as_array().into_iter().flatten();
    std::iter::once(schema).chain(added.flat_map(|part| parts(document, part))).collect()
}

#[test]
fn every_text_and_every_whole_number_of_a_request_has_bounds() {
    let document = openapi();
    let mut walk = Walk { document: &document, faults: Vec::new(), seen: 0 };
    let items = document["paths"].as_object().unwrap().values();
    for operation in items.flat_map(|item| item.as_object().unwrap().values()) {
        let id = operation["operationId"].as_str().unwrap();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (place, name) = (parameter["in"].as_str().unwrap(), parameter["name"].as_str().unwrap());
            // Header fields are limited together, with the whole head.
            if place != "header" {
                walk.schema(&format!("{id} {place} {name}"), &parameter["schema"]);
            }
        }
        for (media, body) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            walk.schema(&format!("{id} {media}"), &body["schema"]);
        }
    }

    assert!(walk.seen > 200, "only {} schemas", walk.seen);
    walk.faults.sort();
    let mut expected: Vec<&str> = ENDLESS.iter().map(|(place, _)| *place).collect();
    expected.sort_unstable();
    assert_eq!(walk.faults, expected);
}

#[test]
fn the_two_ways_to_name_an_audience_have_one_form() {
    let document = openapi();

    let operation = &document["paths"]["/api/v1/admin/broadcast"]["post"];
    let query = operation["parameters"].as_array().unwrap().iter().find(|one| one["name"] == "audience");
    let body = &document["components"]["schemas"]["NewBroadcast"]["properties"]["audience"];
    let pattern = &query.unwrap()["schema"]["pattern"];
    assert!(pattern.is_string());
    assert_eq!(*pattern, body["pattern"]);
}
