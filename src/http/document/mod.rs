//! Turns the document of poem-openapi into the one that we commit and serve. Pure JSON in, JSON out.

pub mod access;
mod nullable_fields;
mod parameters;
mod responses;
mod root_routes;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::problem::PROBLEM_JSON;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::schemas;

/// Why a document cannot be published.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocumentError {
    #[error("the specification is not JSON: {0}")]
    NotJson(String),
    #[error("{0} has no operationId")]
    Nameless(String),
    #[error("the operationId {0} is used twice")]
    Twice(String),
}

/// The version of the document: the last of 3.0, which every generator reads.
const VERSION: &str = "3.0.3";

/// Problems that a REST operation can answer with; the others are for sockets and streams.
const OF_OPERATIONS: &[Code] = &[
    Code::BadRequest,
    Code::InvalidJson,
    Code::TwoCredentials,
    Code::Unauthenticated,
    Code::SessionRevoked,
    Code::Forbidden,
    Code::InactiveUser,
    Code::NotFound,
    Code::Conflict,
    Code::LeaseLost,
    Code::IdempotencyInFlight,
    Code::Gone,
    Code::PreconditionFailed,
    Code::PayloadTooLarge,
    Code::UnsupportedMediaType,
    Code::RangeNotSatisfiable,
    Code::ValidationFailed,
    Code::InvalidFilename,
    Code::SizeMismatch,
    Code::ChecksumMismatch,
    Code::IdempotencyConflict,
    Code::RateLimited,
    Code::Internal,
    Code::Unavailable,
    Code::InsufficientStorage,
];

/// Exceptions to the rules of `prune`: operations with a status that does not follow from their inputs.
const BESIDES: &[(&str, &[&str])] = &[
    // They check credentials in the body, or none.
    ("create_token", &["401", "403"]),
    ("register", &["403"]),
    // The job that found the rows is named in the body; an unknown one is answered as in a path.
    ("upsert_properties", &["404"]),
    // A file that is not complete yet, or is lost.
    ("get_upload_content", &["409", "410"]),
    // An idempotency key; its answer was removed with the resource.
    ("create_upload", &["410"]),
    ("create_spider", &["410"]),
    // The room of the message is in the body as well.
    ("send_chat", &["404"]),
];

/// The document made of `spec`, which is `OpenApiService::spec()`, for the public URL.
pub fn document(spec: &str, public_url: Option<&str>) -> Result<Value, DocumentError> {
    let mut document: Value =
        serde_json::from_str(spec).map_err(|error| DocumentError::NotJson(error.to_string()))?;
    check_operation_ids(&document)?;
    document["openapi"] = VERSION.into();
    name_lists(&mut document);
    let strict = refusing_unknown_fields(&document);
    for (method, operation) in operations_mut(&mut document) {
        prune((method, operation));
        access::describe(operation);
        parameters::complete(operation);
        keep_own_tag(operation);
    }
    share_problems(&mut document);
    close_schemas(&mut document, &strict);
    plain_media_types(&mut document);
    leave_type_to_choices(&mut document);
    complete_what_is_shared(&mut document);
    schemas::normalize(&mut document);
    nullable_fields::mark(&mut document);
    add_routes(&mut document);
    // Without a public URL the document is about the server that it was read from.
    document["servers"] = json!([{ "url": public_url.unwrap_or("/"), "description": "This server." }]);
    Ok(sorted(document))
}

/// The library names a page of jobs `List_Job`; here it is a `JobList`.
fn name_lists(document: &mut Value) {
    let named = |name: &str| name.strip_prefix("List_").map(|item| format!("{item}List"));
    if let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        let renamed = std::mem::take(schemas).into_iter();
        *schemas = renamed.map(|(name, schema)| (named(&name).unwrap_or(name), schema)).collect();
    }
    name_list_references(document);
}

fn name_list_references(value: &mut Value) {
    const LISTS: &str = "#/components/schemas/List_";
    match value {
        Value::String(text) => {
            if let Some(item) = text.strip_prefix(LISTS) {
                *text = format!("#/components/schemas/{item}List");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(name_list_references),
        Value::Object(members) => members.values_mut().for_each(name_list_references),
        _ => {}
    }
}

/// The document as text: the same bytes for the same API.
pub fn document_text(spec: &str, public_url: Option<&str>) -> Result<String, DocumentError> {
    // A JSON value always serialises.
    let text = |document| serde_json::to_string_pretty(&document).unwrap_or_default() + "\n";
    document(spec, public_url).map(text)
}

/// An operation has one tag: its own if it names one, else its resource's.
fn keep_own_tag(operation: &mut Map<String, Value>) {
    let own = operation.get("tags").and_then(Value::as_array).and_then(|tags| tags.last()).cloned();
    operation.insert("tags".to_owned(), own.into_iter().collect());
}

/// The sign-in's scopes, the schemas, and the licence.
fn complete_what_is_shared(document: &mut Value) {
    document["info"]["license"] =
        json!({ "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" });
    // A user's permissions follow from the role, not from scopes; the member is required all the same.
    if let Some(flow) = document.pointer_mut("/components/securitySchemes/sign_in/flows/password") {
        flow["scopes"] = json!({});
    }
    if let Some(all) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) {
        schemas::complete(all);
    }
}

/// Adds the routes at the root, and the headers of every response.
fn add_routes(document: &mut Value) {
    let counted: BTreeSet<String> =
        document["paths"].as_object().into_iter().flatten().map(|(path, _)| path.clone()).collect();
    let is_ours = document.pointer("/components/responses/Problem401").is_some();
    if is_ours && let Some(paths) = document["paths"].as_object_mut() {
        root_routes::add(paths);
    }
    for (path, item) in document["paths"].as_object_mut().into_iter().flatten() {
        let is_counted = counted.contains(path) || item.get("post").is_some();
        for operation in item.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let responses = operation["responses"].as_object_mut().into_iter().flat_map(Map::values_mut);
            responses.for_each(|response| responses::complete(response, is_counted));
        }
    }
    if let Some(shared) = document.pointer_mut("/components/responses").and_then(Value::as_object_mut) {
        shared.values_mut().for_each(|response| responses::complete(response, true));
    }
    document["components"]["headers"] = responses::shared();
}

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

fn operations(document: &Value) -> impl Iterator<Item = (String, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS
            .iter()
            .filter_map(move |method| Some((format!("{} {path}", method.to_uppercase()), item.get(method)?)))
    })
}

fn operations_mut(document: &mut Value) -> impl Iterator<Item = (&'static str, &mut Map<String, Value>)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    let items = paths.filter_map(|(_, item)| item.as_object_mut());
    items.flatten().filter_map(|(name, operation)| {
        let method = METHODS.iter().find(|method| *method == name)?;
        Some((*method, operation.as_object_mut()?))
    })
}

fn check_operation_ids(document: &Value) -> Result<(), DocumentError> {
    let mut seen = BTreeSet::new();
    for (place, operation) in operations(document) {
        let id = operation["operationId"].as_str().ok_or(DocumentError::Nameless(place))?;
        if !seen.insert(id) {
            return Err(DocumentError::Twice(id.to_owned()));
        }
    }
    Ok(())
}

/// Removes the problem responses that cannot occur by rule. A handler's return type names them all; the operation's
/// inputs determine which are possible.
fn prune((method, operation): (&'static str, &mut Map<String, Value>)) {
    let has_body = operation.contains_key("requestBody");
    let is_secured = operation
        .get("security")
        .and_then(Value::as_array)
        .is_some_and(|all| all.iter().any(|one| one.as_object().is_some_and(|one| !one.is_empty())));
    let parameters = operation.get("parameters").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let has_path_parameter = parameters.iter().any(|parameter| parameter["in"] == "path");
    let has_range = parameters.iter().any(|parameter| parameter["name"] == "Range");
    let is_conditional = parameters.iter().any(|parameter| parameter["name"] == "If-Match");
    let changes = !matches!(method, "get" | "head" | "options");
    let id = operation.get("operationId").and_then(Value::as_str);
    let besides =
        BESIDES.iter().find(|(name, _)| id == Some(*name)).map_or(&[][..], |(_, statuses)| *statuses);
    let is_possible = |status: &str| match status {
        "400" => has_body || is_secured,
        "401" | "403" => is_secured,
        "404" => has_path_parameter,
        "409" => changes,
        "410" => false,
        "412" => is_conditional,
        "416" => has_range,
        "413" | "415" => has_body,
        "507" => changes && has_body,
        // Unknown query parameters are refused everywhere, and any request can exceed a limit or fail.
        _ => true,
    };
    if let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) {
        responses.retain(|status, response| {
            !is_problem(response) || is_possible(status) || besides.contains(&status.as_str())
        });
    }
}

fn is_problem(response: &Value) -> bool {
    response["content"].get(PROBLEM_JSON).is_some()
}

/// Each problem response is defined once, with an example of every code that has its status, and referenced.
fn share_problems(document: &mut Value) {
    let mut shared: BTreeMap<String, Value> = BTreeMap::new();
    for (_, operation) in operations_mut(document) {
        let Some(responses) = operation.get_mut("responses").and_then(Value::as_object_mut) else { continue };
        for (status, response) in responses.iter_mut().filter(|(_, response)| is_problem(response)) {
            let name = format!("Problem{status}");
            let reference = json!({ "$ref": format!("#/components/responses/{name}") });
            let mut response = std::mem::replace(response, reference);
            response["content"][PROBLEM_JSON]["examples"] = examples_of(status);
            shared.entry(name).or_insert(response);
        }
    }
    if !shared.is_empty() {
        document["components"]["responses"] = shared.into_iter().collect::<Map<_, _>>().into();
    }
}

/// Built from the real type, so that they cannot become outdated.
fn examples_of(status: &str) -> Value {
    let codes = OF_OPERATIONS.iter().filter(|code| code.row().status.to_string() == status);
    let examples = codes.map(|code| {
        let row = code.row();
        let body = Problem::new(*code, row.doc).to_body("0198c0de000070008000000000000000");
        let example = json!({ "summary": row.title, "value": body });
        (row.name.to_owned(), example)
    });
    Value::Object(examples.collect())
}

/// Names of the schemas of JSON request bodies: they refuse unknown fields.
fn refusing_unknown_fields(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, operation) in operations(document) {
        let content = operation["requestBody"]["content"].as_object().into_iter().flatten();
        for (_, media) in content.filter(|(media, _)| media.contains("json")) {
            collect_references(document, &media["schema"], &mut found);
        }
    }
    // A part of an `allOf` sees the fields of the other parts, and must accept them.
    let mut parts = BTreeSet::new();
    all_of_parts(document, &mut parts);
    found.retain(|name| !parts.contains(name));
    found
}

const SCHEMAS: &str = "#/components/schemas/";

fn collect_references(document: &Value, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let name = map.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
            if let Some(name) = name
                && found.insert(name.to_owned())
            {
                collect_references(document, &document["components"]["schemas"][name], found);
            }
            map.values().for_each(|value| collect_references(document, value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| collect_references(document, value, found)),
        _ => {}
    }
}

fn all_of_parts(value: &Value, parts: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            let all_of = map.get("allOf").and_then(Value::as_array);
            // An `allOf` of one reference and annotations on it joins no fields.
            let joined = all_of.filter(|all| all.iter().filter(|part| has_fields(part)).count() > 1);
            let names = joined.into_iter().flatten().filter_map(|part| part["$ref"].as_str());
            parts.extend(names.filter_map(|text| text.strip_prefix(SCHEMAS)).map(str::to_owned));
            map.values().for_each(|value| all_of_parts(value, parts));
        }
        Value::Array(items) => items.iter().for_each(|value| all_of_parts(value, parts)),
        _ => {}
    }
}

fn has_fields(part: &Value) -> bool {
    part.get("$ref").is_some() || part.get("properties").is_some()
}

fn close_schemas(document: &mut Value, names: &BTreeSet<String>) {
    for name in names {
        let Some(schema) = document["components"]["schemas"].get_mut(name).and_then(Value::as_object_mut)
        else {
            continue;
        };
        if schema.contains_key("properties") && !schema.contains_key("additionalProperties") {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
    }
}

/// `application/json; charset=utf-8` is `application/json`; JSON has no other encoding.
fn plain_media_types(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(media) = map.remove("application/json; charset=utf-8") {
                map.insert("application/json".to_owned(), media);
            }
            map.values_mut().for_each(plain_media_types);
        }
        Value::Array(items) => items.iter_mut().for_each(plain_media_types),
        _ => {}
    }
}

/// A choice is written as an object whatever its parts are, which excludes texts: its parts have the type.
fn leave_type_to_choices(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if map.contains_key("anyOf") || map.contains_key("oneOf") {
                map.remove("type");
            }
            map.values_mut().for_each(leave_type_to_choices);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_type_to_choices),
        _ => {}
    }
}

/// Keys in alphabetical order, whatever map `serde_json` was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let ordered: BTreeMap<String, Value> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(ordered.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
