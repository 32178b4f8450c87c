//! The AsyncAPI 3.0 document of sockets and streams, made from the same types that are sent.

use poem_openapi::registry::Registry;
use poem_openapi::types::Type;
use serde_json::{Map, Value, json};

use super::client_message::ClientMessage;
use super::log_stream::LogEvent;
use super::message::ServerMessage;
use super::stats::Stats;
use super::upload::{UploadAnswer, UploadCommand};

/// A connection that a client can open.
struct Channel {
    name: &'static str,
    address: &'static str,
    description: &'static str,
    parameters: &'static [(&'static str, &'static str)],
    /// Whether the client may speak.
    duplex: bool,
    brings: Brings,
}

/// What a channel's messages are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brings {
    Messages,
    /// Live figures, beside messages of the connection itself.
    Figures,
    /// Lines of a log and its end, beside messages of the connection itself.
    Logs,
    /// Whatever is sent to it: an echo has no schema.
    Anything,
    /// The file socket's own messages.
    Files,
}

/// The name of the event that carries figures.
const STATS: &str = "stats";

const CHANNELS: &[Channel] = &[
    Channel {
        name: "socket",
        address: "/ws",
        description: "Inbox and feeds of the token's user, and the user's own messages. A token, ticket or key is \
                      checked before the upgrade. A token may be offered as the subprotocol `lotline.bearer.TOKEN`, \
                      beside `lotline.v1`, which the answer names. Parameters that are not known are refused by name.",
        parameters: &[],
        duplex: true,
        brings: Brings::Messages,
    },
    Channel {
        name: "socketAuthenticated",
        address: "/ws/authenticated",
        description: "The same as `/ws`.",
        parameters: &[],
        duplex: true,
        brings: Brings::Messages,
    },
    Channel {
        name: "socketOfUser",
        address: "/ws/{user_id}",
        description: "The same as `/ws`; the user must be the token's.",
        parameters: &[("user_id", "The token's user.")],
        duplex: true,
        brings: Brings::Messages,
    },
    Channel {
        name: "chatSocketOfUser",
        address: "/ws/chat/{user_id}",
        description: "The same as `/ws`; the user must be the token's.",
        parameters: &[("user_id", "The token's user.")],
        duplex: true,
        brings: Brings::Messages,
    },
    Channel {
        name: "chatStream",
        address: "/chat/stream",
        description: "The same as `/ws`.",
        parameters: &[],
        duplex: true,
        brings: Brings::Messages,
    },
    Channel {
        name: "fileUpload",
        address: "/ws/file-upload",
        description: "Files, one after the other: `metadata`, then chunks of at most 1 MiB as binary messages, then \
                      `complete`. After a cut `resume` goes on where the file is stored up to. At most `credit` chunks \
                      may be on their way unanswered; a client that sends more is read more slowly.",
        parameters: &[],
        duplex: true,
        brings: Brings::Files,
    },
    Channel {
        name: "fileUploadOfUser",
        address: "/ws/file-upload/{user_id}",
        description: "The same as `/ws/file-upload`; the user must be the token's.",
        parameters: &[("user_id", "The token's user.")],
        duplex: true,
        brings: Brings::Files,
    },
    Channel {
        name: "echo",
        address: "/ws/echo",
        description: "Sends every text or binary message back, for diagnosis and conformance tests. One socket a user: a second is refused as one too many is (429, 4409).",
        parameters: &[],
        duplex: true,
        brings: Brings::Anything,
    },
    Channel {
        name: "notifications",
        address: "/sse/notifications",
        description: "Server-sent events: the inbox. Events are named `notification`; `?names=type` names them by type.",
        parameters: &[],
        duplex: false,
        brings: Brings::Messages,
    },
    Channel {
        name: "events",
        address: "/sse/events",
        description: "Server-sent events: the inbox and the feeds named in `subscriptions`. The event's name is its type. \
                      It goes on after `Last-Event-ID`, else `?lastEventId=` or `?last_event_id=`, else `?since=`. \
                      `?keepalive=comment` sends comments where otherwise blocks of only `id:` keep a quiet stream's \
                      place. Its end is the event `problem` (`close_code`, `code`, `detail`). With `?reject=close` a \
                      refusal is that event, too; one of which the advice is to stop has the id `end.{code}`, and whoever \
                      comes back with it gets 204.",
        parameters: &[],
        duplex: false,
        brings: Brings::Messages,
    },
    Channel {
        name: "stats",
        address: "/sse/stats",
        description: "Server-sent events for admins: the tenant's live figures once a second, as the event `stats`. It \
                      has no ids and nothing to resume.",
        parameters: &[],
        duplex: false,
        brings: Brings::Figures,
    },
    Channel {
        name: "logs",
        address: "/sse/logs/{job_id}",
        description: "Server-sent events: the lines of a job's log from `?since=` or `Last-Event-ID` on, from the first \
                      without it, then live, then `complete`. An event's id is the line's, that of `complete` is \
                      `end.{execution_id}`: whoever comes back with it gets 204 until the job is tried again. \
                      `?level=` and `?min_level=` as in the list of lines.",
        parameters: &[("job_id", "The job.")],
        duplex: false,
        brings: Brings::Logs,
    },
    Channel {
        name: "eventsAlias",
        address: "/events",
        description: "The same as `/sse/events`.",
        parameters: &[],
        duplex: false,
        brings: Brings::Messages,
    },
];

/// The whole document.
pub fn document() -> Value {
    let mut registry = Registry::new();
    let server = messages::<ServerMessage>(&mut registry);
    let client = messages::<ClientMessage>(&mut registry);
    let (file_server, file_client) = file_messages(&mut registry);
    let logs = messages::<LogEvent>(&mut registry);
    Stats::register(&mut registry);
    let figures = (STATS.to_owned(), message(STATS, &format!("#/components/schemas/{}", Stats::name())));
    let mut channels = Map::new();
    let mut operations = Map::new();
    for channel in CHANNELS {
        let (server, client) = match channel.brings {
            Brings::Files => (&file_server, &file_client),
            Brings::Messages | Brings::Figures | Brings::Logs | Brings::Anything => (&server, &client),
        };
        channels.insert(channel.name.to_owned(), describe(channel, server, client));
        operations.insert(format!("receive_{}", channel.name), operation(channel, "receive", server, false));
        if channel.duplex {
            operations.insert(format!("send_{}", channel.name), operation(channel, "send", client, true));
        }
    }
    let all: Map<String, Value> = server
        .iter()
        .chain(&client)
        .chain(&logs)
        .chain([&figures])
        .chain(&file_server)
        .chain(&file_client)
        .cloned()
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Lotline",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Sockets and streams of crawl jobs, listings and alerts. Operations are told from the \
                            client's side: it sends and receives. Durable messages carry `position` and `occurred_at`.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "socket": { "host": "127.0.0.1:8001", "protocol": "ws" },
            "stream": { "host": "127.0.0.1:8001", "protocol": "http" },
        },
        "channels": channels,
        "operations": operations,
        "components": { "messages": all, "schemas": schemas(&registry) },
    })
}

fn describe(channel: &Channel, server: &Messages, client: &Messages) -> Value {
    let referred = |name: &String| (name.clone(), reference(name));
    let names = match channel.brings {
        Brings::Messages | Brings::Files => {
            let client = client.iter().filter(|_| channel.duplex);
            server.iter().chain(client).map(|(name, _)| referred(name)).collect()
        }
        Brings::Figures | Brings::Logs => names_on(channel, server).iter().map(referred).collect(),
        Brings::Anything => {
            let anything =
                json!({ "name": "anything", "title": "Any text or binary message", "payload": {} });
            Map::from_iter([("anything".to_owned(), anything)])
        }
    };
    let server = if channel.duplex { "socket" } else { "stream" };
    let mut described = json!({
        "address": channel.address,
        "description": channel.description,
        "servers": [{ "$ref": format!("#/servers/{server}") }],
        "messages": names,
    });
    if !channel.parameters.is_empty() {
        let parameters = channel.parameters.iter();
        let parameters: Map<String, Value> =
            parameters.map(|(name, words)| ((*name).to_owned(), json!({ "description": words }))).collect();
        described["parameters"] = Value::Object(parameters);
    }
    described
}

fn operation(channel: &Channel, action: &str, messages: &Messages, sending: bool) -> Value {
    let names = names_on(channel, messages);
    let of_channel =
        |name: &String| json!({ "$ref": format!("#/channels/{}/messages/{name}", channel.name) });
    json!({
        "action": action,
        "channel": { "$ref": format!("#/channels/{}", channel.name) },
        "summary": if sending { "What a client may say." } else { "What the server says." },
        "messages": names.iter().map(of_channel).collect::<Vec<_>>(),
    })
}

/// What is said on a channel, by name.
fn names_on(channel: &Channel, messages: &Messages) -> Vec<String> {
    match channel.brings {
        Brings::Messages | Brings::Files => messages.iter().map(|(name, _)| name.clone()).collect(),
        Brings::Figures => {
            ["connection_established", "token_expiring", "going_away", STATS].map(str::to_owned).into()
        }
        Brings::Logs => {
            let own = ["connection_established", "gap", "token_expiring", "going_away"];
            own.into_iter().chain(LogEvent::KINDS).map(str::to_owned).collect()
        }
        Brings::Anything => vec!["anything".to_owned()],
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/messages/{name}") })
}

/// Messages by type.
type Messages = Vec<(String, Value)>;

/// The members of a union of messages, by the value of their `type`.
fn messages<T: Type>(registry: &mut Registry) -> Messages {
    T::register(registry);
    let Some(union) = registry.schemas.get(&T::name().into_owned()) else { return Vec::new() };
    let mapping = union.discriminator.as_ref().map(|discriminator| discriminator.mapping.clone());
    let mapping = mapping.unwrap_or_default();
    mapping.into_iter().map(|(name, schema)| (name.clone(), message(&name, &schema))).collect()
}

/// The messages of the file socket, as the server's and the client's. Some types are those of other sockets and say other
/// things: the document calls them all by another name.
fn file_messages(registry: &mut Registry) -> (Messages, Messages) {
    let apart = |messages: Messages| -> Messages {
        messages.into_iter().map(|(name, message)| (format!("file_{name}"), message)).collect()
    };
    let chunk = json!({
        "name": "chunk",
        "title": "chunk",
        "summary": "A binary message: the next bytes of the file, at most 1 MiB.",
        "contentType": "application/octet-stream",
        "payload": { "type": "string", "format": "binary" },
    });
    let server = apart(messages::<UploadAnswer>(registry));
    let mut client = apart(messages::<UploadCommand>(registry));
    client.push(("file_chunk".to_owned(), chunk));
    (server, client)
}

fn message(name: &str, schema: &str) -> Value {
    json!({ "name": name, "title": name, "contentType": "application/json", "payload": { "$ref": schema } })
}

fn schemas(registry: &Registry) -> Value {
    // Schemas are made of strings, numbers and lists of them, which always serialise.
    let mut schemas = serde_json::to_value(&registry.schemas).unwrap_or_default();
    schemas.as_object_mut().into_iter().flat_map(Map::values_mut).for_each(list_example);
    schemas
}

/// OpenAPI 3.0 has one `example` in a schema, JSON Schema a list of them.
fn list_example(schema: &mut Value) {
    if let Some(example) = schema.as_object_mut().and_then(|schema| schema.remove("example")) {
        schema["examples"] = json!([example]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_of_the_document_leads_somewhere() {
        let document = document();
        let mut references = Vec::new();
        collect(&document, &mut references);

        assert!(references.len() > 100, "only {}", references.len());
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    }

    #[test]
    fn a_field_of_an_event_stands_in_the_document() {
        let document = document();
        let text = document["components"]["schemas"].to_string();

        for field in ["price_changed", "resync_url", "heartbeat_seconds", "items_scraped", "broadcast_id"] {
            assert!(text.contains(field), "{field}");
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
