//! What every operation of the OpenAPI document must have.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{openapi, resolve};

fn operations(document: &Value) -> Vec<(String, String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let all = paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, one)| (path.clone(), method.clone(), one))
    });
    all.collect()
}

fn id(operation: &Value) -> &str {
    operation["operationId"].as_str().unwrap()
}

#[test]
fn every_operation_says_what_it_does_where_it_belongs_and_who_may_call_it() {
    let document = openapi();
    let sections: BTreeSet<&str> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();

    let mut faults = Vec::new();
    for (_, _, operation) in operations(&document) {
        let mut must = |holds: bool, words: &str| {
            if !holds {
                faults.push(format!("{}: {words}", id(operation)));
            }
        };
        let text = |name: &str| operation[name].as_str().unwrap_or_default();
        must(!text("summary").is_empty(), "no summary");
        must(text("description").contains("**Access:** "), "the description does not say who may call it");
        let tags = operation["tags"].as_array().unwrap();
        must(tags.len() == 1 && sections.contains(tags[0].as_str().unwrap()), "not in one known section");
        let security = operation["security"].as_array();
        must(security.is_some(), "no word of credentials");
        let is_open = security.is_some_and(|all| all.is_empty() || all.contains(&json!({})));
        let named = |name: &str| operation[name].as_array().map_or(0, Vec::len);
        must(
            is_open || named("x-roles") + named("x-key-scopes") > 0,
            "neither a role nor a scope that opens it",
        );
        must(
            !operation["security"].to_string().contains("permission:"),
            "a permission of ours is left in it",
        );
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn what_an_operation_says_of_access_is_the_table_of_permissions() {
    let document = openapi();
    let access = |path: &str, method: &str| {
        let operation = &document["paths"][path][method];
        (operation["x-roles"].clone(), operation["x-key-scopes"].clone())
    };

    assert_eq!(access("/api/v1/jobs", "post"), (json!(["member", "admin"]), json!(["jobs:run"])));
    assert_eq!(access("/api/v1/users", "post"), (json!(["admin"]), json!([])));
    assert_eq!(access("/api/v1/tenants", "get"), (json!(["operator"]), json!([])));
    assert_eq!(access("/api/v1/workers/claim", "post"), (json!([]), json!(["jobs:run"])));
    assert_eq!(access("/api/v1/stats", "get"), (json!(["admin", "operator"]), json!([])));
    assert_eq!(document["paths"]["/api/v1/auth/token"]["post"]["security"], json!([]));
    assert_eq!(document["paths"]["/api/v1/workers/claim"]["post"]["security"], json!([{ "bearer": [] }]));
}

#[test]
fn every_parameter_is_described_and_says_what_its_absence_counts_as() {
    let document = openapi();

    let mut faults = Vec::new();
    for (_, _, operation) in operations(&document) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            if parameter["description"].as_str().is_none_or(str::is_empty) {
                faults.push(format!("{} {name} has no description", id(operation)));
            }
            let schema = resolve(&document, &parameter["schema"]);
            let has_one_default = name == "limit" || name == "sort" || schema["type"] == "boolean";
            if has_one_default && parameter["schema"].get("default").is_none() {
                faults.push(format!("{} {name} has no default", id(operation)));
            }
        }
        if operation.get("requestBody").is_some_and(|body| body["description"].as_str().is_none()) {
            faults.push(format!("the body of {} has no description", id(operation)));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

#[test]
fn every_answer_has_its_headers() {
    let document = openapi();

    for (path, _, operation) in operations(&document) {
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let headers = &resolve(&document, answer)["headers"];
            assert!(headers.get("X-Request-Id").is_some(), "{} {status}", id(operation));
            if path.starts_with("/api/v1") {
                assert!(headers.get("RateLimit").is_some(), "{} {status}", id(operation));
                assert!(headers.get("RateLimit-Policy").is_some(), "{} {status}", id(operation));
            }
            for (name, header) in headers.as_object().unwrap() {
                let header = resolve(&document, header);
                assert!(header["description"].is_string(), "{} {status} {name}", id(operation));
            }
        }
    }
}

#[test]
fn the_routes_at_the_root_are_in_the_document() {
    let document = openapi();

    for path in [
        "/livez",
        "/readyz",
        "/version",
        "/metrics",
        "/metrics/tenants",
        "/.well-known/jwks.json",
        "/openapi.json",
        "/asyncapi.json",
        "/admin/broadcast",
        "/chat/send",
    ] {
        assert!(document["paths"].get(path).is_some(), "{path}");
    }
}

#[test]
fn the_frame_of_the_document_is_whole() {
    let document = openapi();

    assert_eq!(document["servers"][0]["url"], "/");
    let flow = &document["components"]["securitySchemes"]["sign_in"]["flows"]["password"];
    assert!(flow["scopes"].is_object(), "{flow}");
    assert_eq!(document["info"]["license"]["name"], "Apache-2.0");
}
