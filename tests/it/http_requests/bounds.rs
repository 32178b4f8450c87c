//! The lengths, bounds, formats, choices and nulls of the served document, tested on both sides: a value just outside
//! is refused with the field's name, one just inside is not.

use serde_json::{Value, json};

use super::examples::{call_of, case_of, example_of, operations, path_of};
use crate::isolation::world::World;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

/// Registration is open, and the first sign-ins outlast those that each request begins with.
const OPEN_TO_ALL: &[Setting] =
    &[("LOTLINE__AUTH__REGISTRATION", "true"), ("LOTLINE__LIMITS__SESSIONS_PER_USER", "100000")];

on_both_databases! {
    what_the_document_forbids_is_refused_and_what_it_just_allows_is_not with super::OPEN_TO_ALL,
}

/// Fields that must match something else: the path, or the field that they replace.
const BOUND_TO_OTHERS: [(&str, &str); 5] = [
    ("put_property_by_key", "source"),
    ("put_property_by_key", "listing_key"),
    // One coordinate is not emptied alone.
    ("put_property_by_key", "latitude"),
    ("put_property_by_key", "longitude"),
    ("set_password", "link_token"),
];

/// A value of a field, and whether the document allows it.
struct BoundaryValue {
    value: Value,
    is_valid: bool,
}

async fn what_the_document_forbids_is_refused_and_what_it_just_allows_is_not(app: &TestApp) {
    let world = World::new(app).await;
    let document = app.anonymous().get("/openapi.json").await.json();

    let (mut tried, mut faults) = (0, Vec::new());
    for (path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(example) = example_of(&document, schema) else { continue };
        let schema = resolve(&document, schema);
        for (field, rules) in schema["properties"].as_object().into_iter().flatten() {
            let is_free = !BOUND_TO_OTHERS.contains(&(id, field.as_str()));
            let null = BoundaryValue { value: Value::Null, is_valid: rules["nullable"] == true };
            let rules = resolve(&document, rules);
            // In what is made new, null is the same as absent.
            let is_post = document["paths"][path]["post"]["operationId"] == id;
            let null = (!is_post).then_some(null);
            let trials = boundary_values(rules).into_iter().chain(null);
            for trial in trials.filter(|one| is_free || !one.is_valid) {
                let mut body = example.clone();
                body[field] = trial.value.clone();
                // The case fills the fields that the document cannot know, but not the field under test.
                let case = case_of(&world, id).await;
                let mut own = call_of(&case, id, "application/json", body.clone())
                    .at(path_of(path, operation).as_deref());
                if let Some(mut filled) = own_body(&own, &body) {
                    filled[field] = trial.value.clone();
                    own = own.json(filled);
                }
                let credential = case.credential(&world).await;
                let answer = own.send(app, credential.as_deref()).await;
                tried += 1;
                if names(&answer, field) == trial.is_valid {
                    let shown: String = trial.value.to_string().chars().take(60).collect();
                    faults.push(format!(
                        "{id} {field} {shown} (taken: {}): {} {}",
                        trial.is_valid, answer.status, answer.text
                    ));
                }
            }
        }
    }

    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(tried >= 100, "only {tried}");
}

fn own_body(call: &crate::isolation::call::Call, example: &Value) -> Option<Value> {
    let fields = example.as_object()?.keys();
    Some(fields.filter_map(|name| Some((name.clone(), call.field(name)?))).collect())
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = schema["allOf"].get(0).unwrap_or(schema);
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Whether the answer names the field, or something in it, as wrong.
fn names(answer: &Response, field: &str) -> bool {
    let pointer = format!("/{field}");
    let errors = if answer.status == 422 { answer.json()["errors"].clone() } else { Value::Null };
    let blamed = errors.as_array().into_iter().flatten().filter_map(|error| error["pointer"].as_str());
    blamed.into_iter().any(|place| place == pointer || place.starts_with(&format!("{pointer}/")))
}

fn boundary_values(rules: &Value) -> Vec<BoundaryValue> {
    let bad = |value: Value| BoundaryValue { value, is_valid: false };
    let good = |value: Value| BoundaryValue { value, is_valid: true };
    let mut trials = Vec::new();
    let is_plain = ["format", "pattern", "enum"].iter().all(|rule| rules.get(*rule).is_none());
    match rules["type"].as_str() {
        Some("string") => {
            if let Some(most) = rules["maxLength"].as_u64().and_then(|most| usize::try_from(most).ok()) {
                trials.push(bad(json!("x".repeat(most + 1))));
                trials.extend(is_plain.then(|| good(json!("x".repeat(most)))));
            }
            if rules["minLength"].as_u64().is_some_and(|least| least > 0) {
                trials.push(bad(json!("")));
            }
            let has_rule = ["format", "pattern", "enum"].iter().any(|rule| rules.get(*rule).is_some());
            if has_rule && rules["format"] != "password" {
                trials.push(bad(json!("\u{1} of no kind")));
            }
        }
        Some("integer" | "number") => {
            if let Some(most) = rules["maximum"].as_i64() {
                trials.push(bad(json!(most + 1)));
            }
            if let Some(least) = rules["minimum"].as_i64() {
                trials.push(bad(json!(least - 1)));
            }
        }
        Some("array") => {
            if let Some(most) = rules["maxItems"]
                .as_u64()
                .and_then(|most| usize::try_from(most).ok())
                .filter(|most| *most < 300)
            {
                trials.push(bad(json!(vec!["x"; most + 1])));
            }
            if rules["minItems"].as_u64().is_some_and(|least| least > 0) {
                trials.push(bad(json!([])));
            }
        }
        _ => {}
    }
    trials.push(bad(json!({ "of": "no kind" })));
    if rules["type"].is_null() || rules["type"] == "object" {
        trials.pop();
    }
    trials
}
