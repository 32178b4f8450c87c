//! The examples of the served document: each request example is accepted by its operation unchanged.

use serde_json::{Value, json};

use crate::isolation::call::Call;
use crate::isolation::case::{CallerKind, Case};
use crate::isolation::factories;
use crate::isolation::world::World;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const OPEN_TO_ALL: &[Setting] = &[("LOTLINE__AUTH__REGISTRATION", "true")];

on_both_databases! {
    every_example_of_a_request_is_accepted with super::OPEN_TO_ALL,
    every_answer_with_a_body_has_an_example,
}

/// By operation, the fields that need the caller's own ids, which the document cannot know.
const VOLATILE_FIELDS: &[(&str, &[&str])] = &[
    ("create_token", &["username", "password", "scope"]),
    ("set_password", &["current_password"]),
    ("mark_room_read", &["message_id"]),
    ("mark_conversation_read", &["message_id"]),
    ("start_job", &["lease_token"]),
    ("keep_job_lease", &["lease_token"]),
    ("report_job_progress", &["lease_token"]),
    ("complete_job", &["lease_token"]),
    ("fail_job", &["lease_token"]),
];

async fn every_example_of_a_request_is_accepted(app: &TestApp) {
    let world = World::new(app).await;
    let document = app.anonymous().get("/openapi.json").await.json();

    let (mut tried, mut faults) = (0, Vec::new());
    for (path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        for (media, content) in operation["requestBody"]["content"].as_object().into_iter().flatten() {
            let Some(example) = example_of(&document, &content["schema"]) else {
                faults.push(format!("{id} has no example of {media}"));
                continue;
            };
            let case = case_of(&world, id).await;
            let call = call_of(&case, id, media, example).at(path_of(path, operation).as_deref());
            let credential = case.credential(&world).await;
            // A claim waits for a job, which takes time on the clock.
            let answer = app.while_time_passes(call.send(app, credential.as_deref())).await;
            tried += 1;
            if !(200..300).contains(&answer.status) {
                faults.push(format!("{id} does not take its own example: {call}: {answer:?}"));
            }
        }
    }

    assert_eq!(faults, Vec::<String>::new());
    assert!(tried >= 20, "only {tried} examples");
}

async fn every_answer_with_a_body_has_an_example(app: &TestApp) {
    let document = app.anonymous().get("/openapi.json").await.json();

    let mut without = Vec::new();
    for (_, operation) in operations(&document) {
        let good =
            operation["responses"].as_object().unwrap().iter().filter(|(status, _)| status.starts_with('2'));
        for (status, answer) in good {
            for content in answer["content"].as_object().into_iter().flat_map(serde_json::Map::values) {
                if example_of(&document, &content["schema"]).is_none() {
                    without.push(format!("{} {status}", operation["operationId"]));
                }
            }
        }
    }

    assert_eq!(without, Vec::<String>::new());
}

pub(super) fn operations(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| item.as_object().unwrap().values().map(move |operation| (path, operation)))
}

/// The example of a schema: its own, or that of the schema it refers to.
pub(super) fn example_of(document: &Value, schema: &Value) -> Option<Value> {
    if let Some(own) = schema.get("example") {
        return Some(own.clone());
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return example_of(document, document.pointer(reference.trim_start_matches('#'))?);
    }
    if let Some(items) = schema.get("items") {
        return Some(json!([example_of(document, items)?]));
    }
    let mut parts = ["allOf", "oneOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
    parts.find_map(|part| example_of(document, part))
}

/// A request of the operation that succeeds for its owner: it supplies the path, the caller and the ids.
pub(super) async fn case_of(world: &World<'_>, id: &str) -> Case {
    if id == "register" {
        return Case::new(Call::post("/api/v1/auth/register")).by(CallerKind::Anonymous);
    }
    factories::cases(world, id).await.and_then(|cases| cases.into_iter().next()).unwrap()
}

/// The same request with the example in place of its body.
pub(super) fn call_of(case: &Case, id: &str, media: &str, mut example: Value) -> Call {
    let own = case.own();
    let (_, fields) = VOLATILE_FIELDS.iter().find(|(name, _)| *name == id).unwrap_or(&("", &[]));
    for field in *fields {
        example[*field] = own.field(field).unwrap();
    }
    match media {
        "application/json" => own.json(example),
        "multipart/form-data" => own.file("remarks.txt", example["file"].as_str().unwrap()),
        "application/x-www-form-urlencoded" => own.form_of(example.as_object().unwrap()),
        other => own.text(other, example.as_str().unwrap()),
    }
}

/// The path with its parameters' examples filled in; none when a parameter has no example or there is none.
pub(super) fn path_of(template: &str, operation: &Value) -> Option<String> {
    let of_path = operation["parameters"].as_array()?.iter().filter(|one| one["in"] == "path");
    let (mut path, mut filled) = (template.to_owned(), false);
    for parameter in of_path {
        let example = parameter["schema"]["example"].as_str()?;
        path = path.replace(&format!("{{{}}}", parameter["name"].as_str()?), example);
        filled = true;
    }
    filled.then_some(path)
}
