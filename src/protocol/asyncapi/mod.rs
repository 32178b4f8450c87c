//! The AsyncAPI 3.0 document of sockets and streams, made from the same types that are sent.

mod connecting;
mod messages;

use poem_openapi::registry::Registry;
use serde_json::{Map, Value, json};

use self::messages::{Direction, Messages};
use super::channels::{CHANNELS, Channel};
use super::schemas;

/// The whole document, for the public URL.
pub fn document(public_url: Option<&str>) -> Value {
    let mut registry = Registry::new();
    let messages = Messages::collect(&mut registry);
    let mut channels = Map::new();
    let mut operations = Map::new();
    for channel in CHANNELS {
        channels.insert(channel.name.to_owned(), describe(channel, &messages));
        operations.insert(
            format!("receive_{}", channel.name),
            operation(channel, Direction::FromServer, &messages),
        );
        if channel.is_socket() {
            operations.insert(
                format!("send_{}", channel.name),
                operation(channel, Direction::FromClient, &messages),
            );
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lotline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "tags": TAGS.map(|(name, description)| json!({ "name": name, "description": description })),
        },
        "defaultContentType": "application/json",
        "servers": connecting::servers(public_url),
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages.all(),
            "schemas": schemas_of(&registry),
            "securitySchemes": connecting::security_schemes(),
        },
    })
}

const INTRODUCTION: &str = "Sockets and streams of crawl jobs, listings and alerts. Operations are described from the client's \
    side: it sends and receives. Durable messages carry `position` and `occurred_at`: reconnect with `?since=` and the last \
    `position` that was seen, and nothing is lost or doubled.\n\n\
    **Connect in three steps.** Sign in: `POST /api/v1/auth/token` with the form fields `username` and `password` answers an \
    `access_token`. Connect: `/ws?token=ACCESS_TOKEN`, or in a browser offer the subprotocols `lotline.v1` and \
    `lotline.bearer.ACCESS_TOKEN`. Listen: the first message is `connection_established`, and the inbox follows by itself; \
    feeds are named in `?subscriptions=` or by `subscribe`.\n\n\
    **When a connection ends**, the close code, or the event `problem` of a stream, says whether to reconnect: \
    `/api/v1/close-codes`.";

const SOCKETS: &str = "Sockets";
const STREAMS: &str = "Streams";

const TAGS: [(&str, &str); 2] = [
    (SOCKETS, "WebSocket connections: both sides send."),
    (STREAMS, "Server-sent events: the server sends."),
];

fn tag(channel: &Channel) -> &'static str {
    if channel.is_socket() { SOCKETS } else { STREAMS }
}

fn describe(channel: &Channel, messages: &Messages) -> Value {
    let keys =
        [Direction::FromServer, Direction::FromClient].map(|side| messages.keys_for(channel, side)).concat();
    let referred =
        keys.iter().map(|key| (key.clone(), json!({ "$ref": format!("#/components/messages/{key}") })));
    let server = if channel.is_socket() { "socket" } else { "stream" };
    let mut described = json!({
        "address": channel.address,
        "title": channel.title,
        "summary": messages::first_sentence(channel.description),
        "description": channel.description,
        "servers": [{ "$ref": format!("#/servers/{server}") }],
        "messages": referred.collect::<Map<_, _>>(),
        "tags": [{ "name": tag(channel) }],
    });
    if !channel.parameters.is_empty() {
        let parameters = channel.parameters.iter();
        let parameters: Map<String, Value> =
            parameters.map(|(name, words)| ((*name).to_owned(), json!({ "description": words }))).collect();
        described["parameters"] = Value::Object(parameters);
    }
    if channel.is_socket() {
        connecting::describe_socket(channel, &mut described);
    }
    described
}

fn operation(channel: &Channel, direction: Direction, messages: &Messages) -> Value {
    let keys = messages.keys_for(channel, direction);
    let of_channel = |key: &String| json!({ "$ref": format!("#/channels/{}/messages/{key}", channel.name) });
    let (action, summary) = match direction {
        Direction::FromServer => ("receive", "What the server sends"),
        Direction::FromClient => ("send", "What a client may send"),
    };
    let mut operation = json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{}", channel.name) },
        "title": channel.title,
        "summary": summary,
        "description": channel.description,
        "messages": keys.iter().map(of_channel).collect::<Vec<_>>(),
        "tags": [{ "name": tag(channel) }],
    });
    if !channel.is_socket() {
        connecting::describe_stream(channel, &mut operation);
    }
    operation
}

fn schemas_of(registry: &Registry) -> Value {
    // Schemas are made of strings, numbers and lists of them, which always serialise.
    let mut all = serde_json::to_value(&registry.schemas).unwrap_or_default();
    if let Some(all) = all.as_object_mut() {
        schemas::complete(all);
        all.values_mut().for_each(to_json_schema);
    }
    all
}

/// OpenAPI 3.0 has its own dialect of JSON Schema, which AsyncAPI does not read: a single `example`, `nullable`, and
/// an object as discriminator.
fn to_json_schema(value: &mut Value) {
    match value {
        Value::Object(map) => {
            if let Some(example) = map.remove("example") {
                map.insert("examples".to_owned(), json!([example]));
            }
            if map.remove("nullable") == Some(Value::Bool(true))
                && let Some(kind) = map.remove("type")
            {
                map.insert("type".to_owned(), json!([kind, "null"]));
            }
            if let Some(name) = map.get("discriminator").and_then(|found| found.get("propertyName")).cloned()
            {
                map.insert("discriminator".to_owned(), name);
            }
            map.values_mut().for_each(to_json_schema);
        }
        Value::Array(items) => items.iter_mut().for_each(to_json_schema),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = document(None);
        let mut references = Vec::new();
        collect(&document, &mut references);

        assert!(references.len() > 100, "only {}", references.len());
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn a_field_of_an_event_is_in_the_document() {
        let document = document(None);
        let text = document["components"]["schemas"].to_string();

        for field in ["price_changed", "resync_url", "heartbeat_seconds", "items_scraped", "broadcast_id"] {
            assert!(text.contains(field), "{field}");
        }
    }

    #[test]
    fn messages_of_both_directions_coexist() {
        let document = document(None);
        let messages = &document["components"]["messages"];

        for kind in ["chat", "direct_message", "typing", "presence"] {
            let server = &messages[format!("server_{kind}")]["payload"]["$ref"];
            let client = &messages[format!("client_{kind}")]["payload"]["$ref"];
            assert!(
                server.is_string() && client.is_string() && server != client,
                "{kind}: {server} {client}"
            );
        }
    }

    #[test]
    fn every_message_has_a_summary_and_an_example() {
        let document = document(None);

        for (key, message) in document["components"]["messages"].as_object().unwrap() {
            assert!(message["summary"].as_str().is_some_and(|words| words.len() > 5), "{key}");
            assert!(message["examples"][0].get("payload").is_some(), "{key}");
        }
    }

    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    found.push(reference.clone());
                }
                fields.values().for_each(|value| collect(value, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
}
