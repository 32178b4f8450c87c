//! The documents that clients are generated from are those that the program prints.

use crate::support::binary::{lotline, run};

#[test]
fn the_openapi_document_in_the_tree_is_the_programs() {
    is_current("openapi", include_str!("../../clients/openapi.json"));
}

#[test]
fn the_asyncapi_document_in_the_tree_is_the_programs() {
    is_current("asyncapi", include_str!("../../clients/asyncapi.json"));
}

fn is_current(verb: &str, in_tree: &str) {
    let printed = run(&mut lotline(&[verb])).stdout;

    let differs = printed.lines().zip(in_tree.lines()).position(|(new, old)| new != old);
    let line = differs.map_or(printed.lines().count().min(in_tree.lines().count()), |line| line) + 1;
    assert!(printed == in_tree, "clients/{verb}.json is old from line {line} on: run scripts/documents");
}
