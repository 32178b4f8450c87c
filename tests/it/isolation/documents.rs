//! The operations and channels of the served documents.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::app::TestApp;

/// An operation of the OpenAPI document.
pub struct Operation {
    pub id: String,
    /// In lower case.
    pub method: String,
    pub path: String,
    /// Parameters and fields that can name something of a tenant.
    pub naming: BTreeSet<String>,
    pub has_cursor: bool,
}

/// A channel of the AsyncAPI document.
pub struct Channel {
    pub name: String,
    pub address: String,
    pub is_socket: bool,
    /// The parameters of its address's query.
    pub parameters: BTreeSet<String>,
}

pub async fn operations(app: &TestApp) -> Vec<Operation> {
    let document = app.anonymous().get("/openapi.json").await.json();
    let paths = document["paths"].as_object().unwrap();
    let items =
        paths.iter().flat_map(|(path, item)| item.as_object().unwrap().iter().map(move |one| (path, one)));
    items.map(|(path, (method, one))| operation(&document, path, method, one)).collect()
}

fn operation(document: &Value, path: &str, method: &str, one: &Value) -> Operation {
    let parameters: Vec<_> = one["parameters"].as_array().into_iter().flatten().collect();
    let name = |parameter: &&Value| parameter["name"].as_str().unwrap().to_owned();
    let mut naming: BTreeSet<String> =
        parameters.iter().filter(|one| one["in"] == "path").copied().map(|one| name(&one)).collect();
    naming.extend(parameters.iter().map(name).filter(|name| can_name(name)));
    for (_, media) in one["requestBody"]["content"].as_object().into_iter().flatten() {
        fields_of(document, &media["schema"], &mut naming);
    }
    let has_cursor = parameters.iter().any(|one| one["name"] == "cursor");
    Operation {
        id: one["operationId"].as_str().unwrap().to_owned(),
        method: method.to_owned(),
        path: path.to_owned(),
        naming,
        has_cursor,
    }
}

/// The fields of a body that can name something, at any depth.
fn fields_of(document: &Value, schema: &Value, found: &mut BTreeSet<String>) {
    if let Some(reference) = schema["$ref"].as_str() {
        return fields_of(document, document.pointer(reference.trim_start_matches('#')).unwrap(), found);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        // A time names nothing: `since` in a body is one, and in a query a position.
        if can_name(name) && field["format"] != "date-time" {
            found.insert(name.clone());
        }
        fields_of(document, field, found);
    }
    let parts =
        ["allOf", "oneOf", "anyOf"].iter().flat_map(|key| schema[key].as_array().into_iter().flatten());
    parts.chain(schema.get("items")).for_each(|part| fields_of(document, part, found));
}

/// Names of fields that identify a tenant's things. `cursor` is tested for every list, without a factory.
fn can_name(name: &str) -> bool {
    const NAMES: [&str; 17] = [
        "audience",
        "created_by",
        "current_password",
        "email",
        "lease_token",
        "listing_key",
        "slug",
        "since",
        "source",
        "spider_name",
        "spiders",
        "subscriptions",
        "tag",
        "target_user",
        "upload_ids",
        "username",
        "worker",
    ];
    NAMES.contains(&name) || name.ends_with("_id")
}

pub async fn channels(app: &TestApp) -> Vec<Channel> {
    let document = app.anonymous().get("/asyncapi.json").await.json();
    let channels = document["channels"].as_object().unwrap().iter();
    let channel = |(name, one): (&String, &Value)| {
        let is_socket = one["servers"][0]["$ref"] == "#/servers/socket";
        let of_stream = &document["operations"][format!("receive_{name}")]["bindings"]["http"];
        let binding = if is_socket { &one["bindings"]["ws"] } else { of_stream };
        Channel {
            name: name.clone(),
            address: one["address"].as_str().unwrap().to_owned(),
            is_socket,
            parameters: binding["query"]["properties"].as_object().unwrap().keys().cloned().collect(),
        }
    };
    channels.map(channel).collect()
}
