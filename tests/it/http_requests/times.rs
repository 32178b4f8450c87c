//! Every timestamp in a request, found through the served document: only what RFC 3339 can represent is accepted.

use serde_json::{Value, json};

use super::examples::{call_of, case_of, example_of, operations, path_of};
use crate::isolation::call::Call;
use crate::isolation::case::Case;
use crate::isolation::world::World;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    every_time_of_every_request_keeps_to_the_years_1_to_9999,
    the_first_and_the_last_moment_come_back_as_they_were_sent,
}

const REFUSED: [&str; 10] = [
    "+10000-01-01T00:00:00Z",
    "10000-01-01T00:00:00Z",
    "9999-12-31T23:59:59-23:59",
    "9999-12-31T23:59:60Z",
    "0000-06-01T00:00:00Z",
    "0001-01-01T00:00:00+00:01",
    "-0001-01-01T00:00:00Z",
    "+262142-12-31T23:59:59Z",
    "2026-01-31 12:00:00",
    "1764000000",
];
const TAKEN: [&str; 2] = ["9999-12-31T23:59:59.999Z", "9999-12-31T22:59:59-01:00"];

/// The location of a timestamp in a request.
#[derive(Clone, Debug)]
enum FieldLocation {
    Query(String),
    /// A pointer into the JSON body.
    Body(String),
}

async fn every_time_of_every_request_keeps_to_the_years_1_to_9999(app: &TestApp) {
    let world = World::new(app).await;
    let document = app.anonymous().get("/openapi.json").await.json();

    let (mut tried, mut faults) = (Vec::new(), Vec::new());
    for (path, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap();
        for location in time_fields(&document, operation) {
            tried.push(format!("{id} {location:?}"));
            for (text, is_taken) in
                REFUSED.map(|text| (text, false)).into_iter().chain(TAKEN.map(|text| (text, true)))
            {
                let case = case_of(&world, id).await;
                let call = with_time(&document, (path, operation), &case, &location, text);
                let credential = case.credential(&world).await;
                let answer = call.send(app, credential.as_deref()).await;
                if refuses(&answer, &location) == is_taken {
                    faults.push(format!("{id} {location:?} {text}: {call}: {answer:?}"));
                }
            }
        }
    }

    assert_eq!(faults, Vec::<String>::new());
    // The document's count at the time of writing; a document that lost its formats would test nothing.
    assert!(tried.len() >= 9, "{tried:?}");
}

/// The request with `text` in place of the timestamp.
fn with_time(
    document: &Value,
    (path, operation): (&str, &Value),
    case: &Case,
    location: &FieldLocation,
    text: &str,
) -> Call {
    match location {
        FieldLocation::Query(name) => {
            let call = match name.as_str() {
                // Its parameters replace the body.
                "start_time" => Call::post("/api/v1/admin/broadcast").query("message", "news"),
                _ => case.own(),
            };
            call.query(name.clone().leak(), text)
        }
        FieldLocation::Body(pointer) => {
            let id = operation["operationId"].as_str().unwrap();
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut body = example_of(document, schema).unwrap();
            set(&mut body, pointer, text);
            call_of(case, id, "application/json", body).at(path_of(path, operation).as_deref())
        }
    }
}

/// Whether the field is named in the refusal: of the request, or in a batch of its row.
fn refuses(answer: &Response, location: &FieldLocation) -> bool {
    // An export is answered in lines.
    if answer.status == 200
        && answer.header("content-type").is_some_and(|kind| !kind.starts_with("application/json"))
    {
        return false;
    }
    let body = answer.json();
    if answer.status == 200 && body.get("results").is_some() {
        let FieldLocation::Body(pointer) = location else { return false };
        let (row, field) = (&body["results"][0], pointer.rsplit('/').next().unwrap());
        return row["status"] == "error" && row["error"].as_str().unwrap().contains(field);
    }
    let named = |error: &Value| match location {
        FieldLocation::Query(name) => error["loc"] == json!(["query", name]),
        FieldLocation::Body(pointer) => error["pointer"] == json!(pointer),
    };
    answer.status == 422 && body["errors"].as_array().unwrap().iter().any(named)
}

fn time_fields(document: &Value, operation: &Value) -> Vec<FieldLocation> {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let times = parameters.filter(|one| has_time(document, &one["schema"]));
    let mut found: Vec<FieldLocation> =
        times.map(|one| FieldLocation::Query(one["name"].as_str().unwrap().to_owned())).collect();
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut pointers = Vec::new();
    collect(document, schema, "", &mut pointers);
    found.extend(pointers.into_iter().map(FieldLocation::Body));
    found
}

fn has_time(document: &Value, schema: &Value) -> bool {
    let mut pointers = Vec::new();
    collect(document, schema, "", &mut pointers);
    !pointers.is_empty()
}

/// Pointers to the timestamps in what a schema describes.
fn collect(document: &Value, schema: &Value, pointer: &str, found: &mut Vec<String>) {
    // No request nests deeper; without the limit a recursive schema would never end.
    if pointer.matches('/').count() > 6 {
        return;
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return collect(
            document,
            document.pointer(reference.trim_start_matches('#')).unwrap(),
            pointer,
            found,
        );
    }
    if schema["format"] == "date-time" && !found.iter().any(|one| one == pointer) {
        found.push(pointer.to_owned());
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        collect(document, field, &format!("{pointer}/{name}"), found);
    }
    if let Some(items) = schema.get("items") {
        collect(document, items, &format!("{pointer}/0"), found);
    }
    for part in
        ["allOf", "oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten())
    {
        collect(document, part, pointer, found);
    }
}

fn set(body: &mut Value, pointer: &str, text: &str) {
    let mut location = body;
    for step in pointer.split('/').skip(1) {
        location = match step.parse::<usize>() {
            Ok(index) => &mut location[index],
            Err(_) => &mut location[step],
        };
    }
    *location = json!(text);
}

async fn the_first_and_the_last_moment_come_back_as_they_were_sent(app: &TestApp) {
    let world = World::new(app).await;
    let listing =
        |key: &str, at: &str| json!({"source": "mls", "listing_key": key, "listed_at": at, "list_price": 1});
    let (first, last) = ("0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z");

    let ids = [
        world.reports(&listing("first", first)).await,
        world.reports(&listing("last", "9999-12-31T23:59:59.999999Z")).await,
    ];
    let ndjson =
        format!("{{\"level\":\"info\",\"message\":\"m\",\"at\":\"{}\"}}\n", "+10000-01-01T00:00:00Z");
    let job = world.has_leased_job().await.job;
    let lines = Call::post(&format!("/api/v1/jobs/{job}/logs")).text("application/x-ndjson", &ndjson);
    let refused = lines.send(app, Some(world.owner.key.token())).await;

    for (id, at) in ids.into_iter().zip([first, last]) {
        let property = world.admin_does(Call::get(&format!("/api/v1/properties/{id}"))).await.json();
        assert_eq!(property["listed_at"], at);
    }
    let answer = refused.json();
    assert_eq!((&answer["stored"], &answer["rejected"]), (&json!(0), &json!(1)), "{answer}");
    assert!(answer["results"][0]["error"].as_str().unwrap().starts_with("at: "), "{answer}");
    // A row from before the check is written as the nearest representable time.
    app.runs_sql(&format!("UPDATE properties SET listed_at = 300000000000000000 WHERE id = {}", ids[1]))
        .await;
    let property = world.admin_does(Call::get(&format!("/api/v1/properties/{}", ids[1]))).await.json();
    assert_eq!(property["listed_at"], last);
}
