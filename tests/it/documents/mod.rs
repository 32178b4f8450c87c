//! The documents that clients are generated from: the committed files are the program's own, and every operation,
//! field and message has what their readers need.

mod bounds;
mod fields;
mod live;
mod operations;
mod pages;
mod protocol_page;
mod schema;

use serde_json::Value;

use crate::support::binary::{lotline, run};

#[test]
fn the_openapi_document_in_the_tree_is_the_programs() {
    is_current("openapi", include_str!("../../../clients/openapi.json"));
}

#[test]
fn the_asyncapi_document_in_the_tree_is_the_programs() {
    is_current("asyncapi", include_str!("../../../clients/asyncapi.json"));
}

#[test]
fn the_documents_name_the_address_that_is_configured() {
    let printed = |verb: &str| -> Value {
        let mut command = lotline(&[verb]);
        command.env("LOTLINE__SERVER__PUBLIC_URL", "https://api.homes.example/live/");
        serde_json::from_str(&run(&mut command).stdout).unwrap()
    };

    assert_eq!(printed("openapi")["servers"][0]["url"], "https://api.homes.example/live");
    let servers = &printed("asyncapi")["servers"];
    assert_eq!(
        (&servers["socket"]["protocol"], &servers["stream"]["protocol"]),
        (&"wss".into(), &"https".into())
    );
    assert_eq!(
        (&servers["socket"]["host"], &servers["socket"]["pathname"]),
        (&"api.homes.example".into(), &"/live".into())
    );
}

fn is_current(verb: &str, in_tree: &str) {
    let printed = run(&mut lotline(&[verb])).stdout;

    let differs = printed.lines().zip(in_tree.lines()).position(|(new, old)| new != old);
    let line = differs.map_or(printed.lines().count().min(in_tree.lines().count()), |line| line) + 1;
    assert!(printed == in_tree, "clients/{verb}.json is old from line {line} on: run scripts/documents");
}

fn openapi() -> Value {
    serde_json::from_str(&lotline::http::router::openapi(None).unwrap()).unwrap()
}

fn asyncapi() -> Value {
    serde_json::from_str(&lotline::http::router::asyncapi(None)).unwrap()
}

/// Every value below `value` with the path to it.
fn walk<'a>(value: &'a Value, path: &str, visit: &mut impl FnMut(&str, &'a Value)) {
    visit(path, value);
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(name, value)| walk(value, &format!("{path}/{name}"), visit));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, value)| walk(value, &format!("{path}/{index}"), visit));
        }
        _ => {}
    }
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => value,
    }
}
