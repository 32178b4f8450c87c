//! Operations outside of `/api/v1`: health, metrics, keys, the documents, and two aliases for existing clients.

use serde_json::{Map, Value, json};

/// Operations that are documented twice: the address, and its alias at the root.
const ALIASES: [(&str, &str); 2] =
    [("/api/v1/admin/broadcast", "/admin/broadcast"), ("/api/v1/chat/send", "/chat/send")];

/// Adds them to the paths of the document.
pub(super) fn add(paths: &mut Map<String, Value>) {
    for (path, alias) in ALIASES {
        let Some(mut operation) = paths.get(path).map(|item| item["post"].clone()) else { continue };
        let id = operation["operationId"].as_str().unwrap_or_default();
        operation["operationId"] = format!("{id}_at_root").into();
        let summary = operation["summary"].as_str().unwrap_or_default();
        operation["summary"] = format!("{summary} (alias)").into();
        let description = operation["description"].as_str().unwrap_or_default();
        operation["description"] = format!("The same as `POST {path}`.\n\n{description}").into();
        paths.insert(alias.to_owned(), json!({ "post": operation }));
    }
    let ours = ["/livez", "/readyz", "/version", "/metrics", "/metrics/tenants", "/.well-known/jwks.json"];
    for path in ours.into_iter().chain(["/openapi.json", "/asyncapi.json"]) {
        paths.insert(path.to_owned(), json!({ "get": operation(path) }));
    }
}

fn operation(path: &str) -> Value {
    match path {
        "/livez" => public("livez", "Whether the process lives", LIVE, "It does.", state("live"), true),
        "/readyz" => {
            public("readyz", "Whether the process can serve", READY, "It can.", state("ready"), true)
        }
        "/version" => public(
            "version",
            "Which version this is",
            "**Access:** no credential is needed.",
            "The version.",
            version(),
            false,
        ),
        "/.well-known/jwks.json" => key_set_operation(),
        "/openapi.json" => public(
            "get_openapi_document",
            "This document",
            DOCUMENT,
            "The document.",
            document("openapi", "3.0.3"),
            false,
        ),
        "/asyncapi.json" => public(
            "get_asyncapi_document",
            "The document of sockets and streams",
            DOCUMENT,
            "The document.",
            document("asyncapi", "3.0.0"),
            false,
        ),
        "/metrics" => {
            metrics_operation("get_metrics", "The node's metrics", "All metrics of the node that answers.")
        }
        _ => metrics_operation(
            "get_tenant_metrics",
            "Metrics of single tenants",
            "Those of the busiest tenants by name, as many as `telemetry.tenant_metrics` says, and the others together; \
             404 while that is not set.",
        ),
    }
}

const LIVE: &str = "For a supervisor that restarts a process that hangs: 503 when its runtime does not run any more.\n\n\
                    **Access:** no credential is needed.";
const READY: &str = "For a load balancer: 503 while the database does not answer or take writes, while the log is not \
                     followed, and while the node is going down.\n\n**Access:** no credential is needed.";
const KEYS: &str = "To check access tokens elsewhere. Empty while tokens are signed with a secret (HS256).\n\n\
                    **Access:** no credential is needed.";
const DOCUMENT: &str = "To generate clients from.\n\n**Access:** no credential is needed.";

fn public(id: &str, summary: &str, words: &str, of_200: &str, schema: Value, can_fail: bool) -> Value {
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "description": words,
        "tags": ["Operations"],
        "security": [],
        "x-roles": [],
        "x-key-scopes": [],
        "responses": {
            "200": { "description": of_200, "content": { "application/json": { "schema": schema } } },
            "500": problem(500),
        },
    });
    if can_fail {
        operation["responses"]["503"] = problem(503);
    }
    operation
}

fn key_set_operation() -> Value {
    let mut operation =
        public("get_key_set", "The public signing keys", KEYS, "The keys (RFC 7517).", json!({}), false);
    let answer = &mut operation["responses"]["200"];
    answer["content"] = json!({ "application/jwk-set+json": { "schema": key_set() } });
    answer["headers"] = json!({
        "Cache-Control": {
            "description": "How long the keys may be kept.",
            "required": true,
            "schema": { "type": "string" },
        },
    });
    operation
}

fn metrics_operation(id: &str, summary: &str, words: &str) -> Value {
    let example = "# TYPE lotline_runtime_tasks_alive gauge\nlotline_runtime_tasks_alive 12\n";
    let mut responses = json!({
        "200": {
            "description": "The metrics in the text format of Prometheus.",
            "content": { "text/plain": { "schema": { "type": "string", "example": example } } },
        },
    });
    for status in [400, 401, 403, 404, 429, 500, 503] {
        responses[status.to_string()] = problem(status);
    }
    json!({
        "operationId": id,
        "summary": summary,
        "description": format!(
            "{words}\n\n**Access:** operators; `telemetry.metrics_key` as a bearer token. A separate listener \
             (`telemetry.metrics_bind`) on loopback requires no credential."
        ),
        "tags": ["Operations"],
        "security": [{ "sign_in": [] }, { "bearer": [] }],
        "x-roles": ["operator"],
        "x-key-scopes": [],
        "responses": responses,
    })
}

fn problem(status: u16) -> Value {
    json!({ "$ref": format!("#/components/responses/Problem{status}") })
}

fn object(properties: Value, required: &[&str], example: Value) -> Value {
    json!({ "type": "object", "properties": properties, "required": required, "example": example })
}

fn state(word: &str) -> Value {
    let status = json!({ "type": "string", "enum": [word], "description": "The state." });
    object(json!({ "status": status }), &["status"], json!({ "status": word }))
}

fn version() -> Value {
    let properties = json!({
        "name": { "type": "string", "enum": ["lotline"], "description": "The program's name." },
        "version": { "type": "string", "description": "The program's version." },
        "protocol": { "type": "integer", "description": "The version of the wire protocol of sockets and streams." },
        "database": { "type": "string", "description": "The store: `sqlite` or `postgresql`." },
    });
    let example = json!({
        "name": "lotline", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "database": "sqlite",
    });
    object(properties, &["name", "version", "protocol", "database"], example)
}

fn key_set() -> Value {
    let keys = json!({
        "type": "array",
        "description": "The keys, newest first.",
        "items": { "type": "object", "description": "One key (RFC 7517).", "additionalProperties": true },
    });
    object(json!({ "keys": keys }), &["keys"], json!({ "keys": [] }))
}

fn document(member: &str, version: &str) -> Value {
    let mut schema = json!({ "type": "object", "additionalProperties": true, "required": [member] });
    schema["properties"][member] = json!({ "type": "string", "description": "The version of the format." });
    schema["example"][member] = version.into();
    schema
}
