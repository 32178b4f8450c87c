//! The document that is committed, and the page that shows it.

use std::collections::BTreeSet;

use super::super::document::{DocumentError, document, document_text};
use super::super::swagger;
use super::*;

fn made() -> Value {
    document(&service().spec(), None).unwrap()
}

fn statuses(document: &Value, path: &str, method: &str) -> Vec<String> {
    let responses = document["paths"][path][method]["responses"].as_object().unwrap();
    responses.keys().cloned().collect()
}

#[test]
fn an_operation_lists_only_the_problems_that_can_occur() {
    let document = made();

    assert_eq!(document["openapi"], "3.0.3");
    let of_get = ["200", "400", "401", "403", "404", "422", "429", "500", "503"];
    assert_eq!(statuses(&document, "/things/{thing_id}", "get"), of_get);
    let of_post = ["200", "400", "401", "403", "409", "413", "415", "422", "429", "500", "503", "507"];
    assert_eq!(statuses(&document, "/things", "post"), of_post);
    assert_eq!(statuses(&document, "/open", "get"), ["200", "422", "429", "500", "503"]);
}

#[test]
fn problems_are_written_once_with_an_example_of_each_code() {
    let document = made();

    let reference = &document["paths"]["/things"]["post"]["responses"]["409"]["$ref"];
    assert_eq!(reference, "#/components/responses/Problem409");
    let shared = &document["components"]["responses"]["Problem409"]["content"]["application/problem+json"];
    assert_eq!(shared["schema"]["$ref"], "#/components/schemas/Problem");
    let examples: Vec<&String> = shared["examples"].as_object().unwrap().keys().collect();
    assert_eq!(examples, ["conflict", "idempotency_in_flight", "lease_lost"]);
    assert_eq!(shared["examples"]["lease_lost"]["value"]["status"], 409);
    let headers = document["components"]["responses"]["Problem429"]["headers"].as_object().unwrap();
    let names = ["RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id"];
    assert_eq!(headers.keys().collect::<Vec<_>>(), names);
}

#[test]
fn request_bodies_are_closed_and_parts_of_a_union_are_not() {
    let document = made();
    let schemas = &document["components"]["schemas"];

    assert_eq!(schemas["Thing"]["additionalProperties"], false);
    assert_eq!(schemas["Location"]["additionalProperties"], false);
    assert!(schemas["Ping"].get("additionalProperties").is_none());
    assert!(schemas["SignIn"].get("additionalProperties").is_none());
}

#[test]
fn a_choice_between_texts_and_numbers_is_not_called_an_object() {
    let step = &made()["components"]["schemas"]["PathSegment"];

    let types: Vec<&Value> = step["anyOf"].as_array().unwrap().iter().map(|part| &part["type"]).collect();
    assert_eq!(types, ["string", "integer"]);
    assert!(step.get("type").is_none());
}

#[test]
fn every_reference_leads_somewhere() {
    let document = made();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);

    assert!(references.len() > 10);
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| collect(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}

#[test]
fn the_same_api_gives_the_same_bytes() {
    let text = document_text(&service().spec(), None).unwrap();

    assert_eq!(text, document_text(&service().spec(), None).unwrap());
    assert!(!text.contains("application/json; charset"));
}

#[test]
fn operation_ids_must_be_there_and_differ() {
    let twice = r#"{"paths": {"/a": {"get": {"operationId": "x"}}, "/b": {"get": {"operationId": "x"}}}}"#;
    assert_eq!(document(twice, None), Err(DocumentError::Twice("x".to_owned())));

    let nameless = r#"{"paths": {"/a": {"get": {}}}}"#;
    assert_eq!(document(nameless, None), Err(DocumentError::Nameless("GET /a".to_owned())));
}

#[test]
fn the_page_holds_our_document_and_loads_nothing() {
    let page = swagger::page(&service(), &document_text(&service().spec(), None).unwrap());

    assert!(page.contains("\"openapi\": \"3.0.3\"") && !page.contains("\"openapi\": \"3.0.0\""));
    assert!(page.contains("validatorUrl: null"));
    for loads in ["<script src", "rel=\"stylesheet\"", "href=\"http", "<img src=\"http", "@import"] {
        assert!(!page.contains(loads), "{loads}");
    }
}
