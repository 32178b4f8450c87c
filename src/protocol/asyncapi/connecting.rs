//! How a new client connects: servers, credentials, parameters of the address, headers, subprotocols.

use serde_json::{Map, Value, json};
use url::Url;

use crate::protocol::channels::{Channel, ChannelKind, SocketKind, StreamKind};
use crate::protocol::feed::Feed;
use crate::protocol::job::LogLevel;
use crate::protocol::websocket::subprotocol::LOTLINE_V1;

/// The address that the document names when none is configured: the default of `server.bind`.
const DEFAULT_ADDRESS: &str = "http://127.0.0.1:8001";

/// The servers that clients reach, derived from the public URL.
pub(super) fn servers(public_url: Option<&str>) -> Value {
    let url = public_url.and_then(|text| Url::parse(text).ok());
    let Some(url) = url.or_else(|| Url::parse(DEFAULT_ADDRESS).ok()) else { return json!({}) };
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let secure = url.scheme() == "https";
    let path = url.path().trim_end_matches('/');
    let server = |protocol: &str, description: &str, schemes: &[&str]| {
        let security =
            schemes.iter().map(|name| json!({ "$ref": format!("#/components/securitySchemes/{name}") }));
        let mut server = json!({
            "host": host,
            "protocol": protocol,
            "description": description,
            "security": security.collect::<Vec<_>>(),
        });
        if !path.is_empty() {
            server["pathname"] = path.into();
        }
        server
    };
    json!({
        "socket": server(
            if secure { "wss" } else { "ws" },
            "WebSocket (RFC 6455, version 13). Show exactly one credential.",
            &["bearer", "token", "ticket", "subprotocol"],
        ),
        "stream": server(
            if secure { "https" } else { "http" },
            "Server-sent events (`text/event-stream`), as `EventSource` reads them. Show exactly one credential.",
            &["bearer", "token", "ticket"],
        ),
    })
}

/// The four ways to send a credential; more than one at once is refused.
pub(super) fn security_schemes() -> Value {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token, or an API key (`llk_…`), in the header `Authorization`. For programs: browsers \
                            cannot set it on a socket.",
        },
        "token": {
            "type": "httpApiKey",
            "name": "token",
            "in": "query",
            "description": "An access token in the address. `POST /api/v1/auth/token` gives one. API keys are not taken here.",
        },
        "ticket": {
            "type": "httpApiKey",
            "name": "ticket",
            "in": "query",
            "description": "A ticket of `POST /api/v1/auth/socket-ticket`: it holds for 30 seconds and opens one socket; a stream's \
                            own reconnects may show it again.",
        },
        "subprotocol": {
            "type": "httpApiKey",
            "name": "Sec-WebSocket-Protocol",
            "in": "header",
            "description": "An access token offered as the subprotocol `lotline.bearer.TOKEN`, always beside `lotline.v1`: \
                            `new WebSocket(url, [\"lotline.v1\", \"lotline.bearer.\" + token])`.",
        },
    })
}

/// Adds the parameters and handshake headers of a socket to its channel.
pub(super) fn describe_socket(channel: &Channel, described: &mut Value) {
    let offers = format!("{LOTLINE_V1}, lotline.bearer.TOKEN");
    described["bindings"] = json!({
        "ws": {
            "method": "GET",
            "query": object(query(channel)),
            "headers": {
                "type": "object",
                "properties": {
                    "Authorization": {
                        "type": "string",
                        "description": "`Bearer` and an access token or API key.",
                        "pattern": "^Bearer .+$",
                    },
                    "Sec-WebSocket-Protocol": {
                        "type": "string",
                        "description": format!(
                            "Subprotocols that the client offers: `{LOTLINE_V1}`, the only one that is spoken here, and in browsers \
                             `lotline.bearer.TOKEN` beside it. The answer names `{LOTLINE_V1}` when it was offered."
                        ),
                        "examples": [LOTLINE_V1, offers],
                    },
                },
            },
            "bindingVersion": "0.1.0",
        },
    });
    described["x-subprotocols"] = json!([LOTLINE_V1]);
}

/// Adds the parameters and headers of a stream's request to its operation.
pub(super) fn describe_stream(channel: &Channel, operation: &mut Value) {
    operation["bindings"] = json!({
        "http": { "method": "GET", "query": object(query(channel)), "bindingVersion": "0.3.0" },
    });
    operation["x-request-headers"] = request_headers(channel);
}

/// The headers of a stream's request; AsyncAPI has no field of its own for them.
fn request_headers(channel: &Channel) -> Value {
    let authorization = json!({
        "type": "string",
        "description": "`Bearer` and an access token or API key.",
        "pattern": "^Bearer .+$",
    });
    let mut headers = Map::from_iter([("Authorization".to_owned(), authorization)]);
    if channel.kind != ChannelKind::Stream(StreamKind::Stats) {
        let words = "The id of the last event that was read, which `EventSource` sends by itself when it reconnects: the \
                     stream continues after it. It has priority over `since`.";
        headers.insert("Last-Event-ID".to_owned(), text(words));
    }
    object(headers)
}

fn object(properties: Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "additionalProperties": false })
}

fn query(channel: &Channel) -> Map<String, Value> {
    let mut query = Map::new();
    let mut add = |name: &str, schema: Value| query.insert(name.to_owned(), schema);
    add("token", text(TOKEN));
    add("ticket", text("A single-use ticket of `POST /api/v1/auth/socket-ticket`."));
    match channel.kind {
        ChannelKind::Socket(SocketKind::Messages) | ChannelKind::Stream(StreamKind::Events) => {
            add("since", text(SINCE));
            add("subscriptions", subscriptions());
        }
        ChannelKind::Stream(StreamKind::Notifications) => {
            add("since", text(SINCE));
            add("names", one_of(&["type"], NAMES));
        }
        ChannelKind::Stream(StreamKind::Logs) => {
            let levels = LogLevel::ALL.map(LogLevel::name);
            add("since", text(SINCE_OF_LOGS));
            add("level", one_of(&levels, "Only lines of this level."));
            add("min_level", one_of(&levels, "Only lines of this level or a graver one."));
        }
        ChannelKind::Stream(StreamKind::Stats)
        | ChannelKind::Socket(SocketKind::Echo | SocketKind::Upload) => {}
    }
    if channel.is_socket() {
        add("reject", one_of(&["close"], REJECT));
    } else {
        if channel.kind == ChannelKind::Stream(StreamKind::Events) {
            add(
                "names",
                one_of(
                    &["type"],
                    "Accepted as on `/sse/notifications`; here every event is named by its type.",
                ),
            );
        }
        add("reject", one_of(&["close"], REJECT_OF_STREAMS));
        add("keepalive", one_of(&["comment", "id"], KEEPALIVE));
        for name in ["lastEventId", "last_event_id"] {
            add(
                name,
                text("`Last-Event-ID` for clients that cannot set the header. It has priority over `since`."),
            );
        }
    }
    query
}

const TOKEN: &str =
    "An access token. Of `token`, `ticket`, `Authorization` and the subprotocol exactly one is shown.";
const SINCE: &str = "A position: the events after it are replayed first, each event once. Without it the connection starts with \
    what happens from now on.";
const SINCE_OF_LOGS: &str =
    "The id of a line: lines after it are sent. Without it the log is sent from its first line on.";
const NAMES: &str = "`type`: events are named by their message's type. Without it every event of the log is named \
    `notification`.";
const REJECT: &str = "`close`: a refusal is sent as a close code instead of an HTTP status, which browsers hide. \
    `/api/v1/close-codes` lists the codes.";

const REJECT_OF_STREAMS: &str = "`close`: a refusal is answered with 200 and the event `problem`. One after which a client is to \
    stop has the id `end.{code}`: a client that reconnects with it gets 204, which ends `EventSource`.";
const KEEPALIVE: &str = "What is sent on a quiet stream. `id`, as without it: a block with nothing but an `id`, which keeps the \
    place. `comment`: a comment, for readers that take such a block for a message.";

fn subscriptions() -> Value {
    let feeds = Feed::ALL.map(Feed::name).join(", ");
    let words = format!(
        "Feeds to follow from the start: names with commas ({feeds}), or a JSON array of `subscribe` messages with `key` \
         and `filter`. Without it the inbox alone is followed."
    );
    let mut schema = text(&words);
    schema["examples"] = json!([
        "job_updates,property_updates",
        "[{\"subscription\":\"property_updates\",\"key\":\"toledo\",\"filter\":{\"city\":\"Toledo\"}}]",
    ]);
    schema
}

fn text(words: &str) -> Value {
    json!({ "type": "string", "description": words })
}

fn one_of(values: &[&str], words: &str) -> Value {
    json!({ "type": "string", "enum": values, "description": words })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_those_of_the_public_address() {
        let named = servers(Some("https://api.example.org:8443/lotline"));
        assert_eq!(
            (&named["socket"]["protocol"], &named["stream"]["protocol"]),
            (&json!("wss"), &json!("https"))
        );
        assert_eq!(named["socket"]["host"], "api.example.org:8443");
        assert_eq!(named["stream"]["pathname"], "/lotline");

        let default = servers(None);
        assert_eq!(default["socket"]["host"], "127.0.0.1:8001");
        assert_eq!(default["socket"]["protocol"], "ws");
        assert!(default["socket"].get("pathname").is_none());
    }
}
