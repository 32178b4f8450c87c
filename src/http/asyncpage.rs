//! The page `/docs/async`: the AsyncAPI document to read, made on the server and without a script.

use std::fmt::Write;

use serde_json::Value;

use crate::protocol::asyncapi;

/// The page.
pub fn html() -> String {
    let document = asyncapi::document();
    let mut body = String::new();
    section(&mut body, "Channels", channels(&document));
    section(&mut body, "Messages", messages(&document));
    format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Lotline: sockets and streams</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style>\
         <h1>Lotline: sockets and streams</h1><p>{}</p><p>The document itself: <a href=\"/asyncapi.json\">\
         asyncapi.json</a> (AsyncAPI 3.0). Close codes: <a href=\"/api/v1/close-codes\">close-codes</a>. \
         REST: <a href=\"/docs\">docs</a>.</p>{body}</html>",
        escape(document["info"]["description"].as_str().unwrap_or_default()),
    )
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;\
    color-scheme:light dark}code{font-family:ui-monospace,monospace}table{border-collapse:collapse;width:100%;\
    margin:.5rem 0 1.5rem}td,th{border:1px solid #8886;padding:.25rem .5rem;text-align:left;vertical-align:top}\
    h3{margin:1.5rem 0 .25rem}";

fn section(out: &mut String, title: &str, content: String) {
    // Writing to a string does not fail.
    let _ = write!(out, "<h2>{title}</h2>{content}");
}

fn channels(document: &Value) -> String {
    let mut rows = String::new();
    for (_, channel) in document["channels"].as_object().into_iter().flatten() {
        let _ = write!(
            rows,
            "<tr><td><code>{}</code></td><td>{}</td></tr>",
            escape(channel["address"].as_str().unwrap_or_default()),
            escape(channel["description"].as_str().unwrap_or_default()),
        );
    }
    format!("<table><tr><th>address</th><th>what it is</th></tr>{rows}</table>")
}

fn messages(document: &Value) -> String {
    let mut out = String::new();
    for (name, message) in document["components"]["messages"].as_object().into_iter().flatten() {
        let _ = write!(out, "<h3><code>{}</code></h3>", escape(name));
        let mut fields = Vec::new();
        let mut words = String::new();
        gather(document, &message["payload"], &mut fields, &mut words);
        let _ = write!(
            out,
            "<p>{}</p><table><tr><th>field</th><th>type</th><th>meaning</th></tr>",
            escape(&words)
        );
        for (field, kind, meaning) in fields {
            let _ = write!(
                out,
                "<tr><td><code>{}</code></td><td>{}</td><td>{}</td></tr>",
                escape(&field),
                escape(&kind),
                escape(&meaning),
            );
        }
        out.push_str("</table>");
    }
    out
}

/// The fields of a schema, through references and `allOf`.
fn gather(document: &Value, schema: &Value, fields: &mut Vec<(String, String, String)>, words: &mut String) {
    let schema = resolve(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(document, part, fields, words);
    }
    if let Some(text) = schema["description"].as_str() {
        text.clone_into(words);
    }
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let optional = if required.contains(&name.as_str()) { "" } else { ", may be absent" };
        let kind = format!("{}{optional}", kind(document, field));
        let meaning = field["description"].as_str().unwrap_or_default().to_owned();
        fields.push((name.clone(), kind, meaning));
    }
}

fn kind(document: &Value, field: &Value) -> String {
    let schema = resolve(document, field);
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return values.join(" | ");
    }
    match schema["type"].as_str() {
        Some("array") => format!("list of {}", kind(document, &schema["items"])),
        Some(kind) => kind.to_owned(),
        None => "any".to_owned(),
    }
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
