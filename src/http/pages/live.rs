//! The page `/docs/async`: the AsyncAPI document as HTML, rendered on the server and without a script.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::Value;

use super::layout::{escape, inline, markdown, page};
use crate::protocol::asyncapi;

/// The page, for the address at which clients reach the server.
pub fn documentation(address: Option<&str>) -> String {
    let document = asyncapi::document(address);
    let groups = groups(&document);
    let mut body = String::from("<div class=\"columns\"><aside class=\"contents\">");
    contents(&mut body, &document, &groups);
    body.push_str("</aside><main><h1>Sockets and streams</h1>");
    body.push_str(&markdown(document["info"]["description"].as_str().unwrap_or_default()));
    body.push_str(
        "<p>For programs: <a href=\"/asyncapi.json\">asyncapi.json</a> (AsyncAPI 3.0). What refusals and close codes mean: \
         <a href=\"/problems\">errors and close codes</a>.</p>",
    );
    connect(&mut body, &document);
    addresses(&mut body, &document);
    for (id, title, messages) in &groups {
        // Writing to a string does not fail.
        let _ = write!(body, "<h2 id=\"{id}\">{title}</h2>");
        for (key, message) in messages {
            describe(&mut body, &document, key, message);
        }
    }
    body.push_str("</main></div>");
    page("Lotline: sockets and streams", "/docs/async", &body)
}

/// A heading of the page with the messages below it.
type Group<'a> = (&'static str, &'static str, Vec<(&'a String, &'a Value)>);

fn groups(document: &Value) -> Vec<Group<'_>> {
    let all = || document["components"]["messages"].as_object().into_iter().flatten();
    let of_channel = |channel: &str, action: &str| -> Vec<&str> {
        let operation = &document["operations"][format!("{action}_{channel}")];
        let references = operation["messages"].as_array().into_iter().flatten();
        references.filter_map(|one| one["$ref"].as_str()?.rsplit('/').next()).collect()
    };
    let sent = of_channel("socket", "receive");
    let said = of_channel("socket", "send");
    let (files_sent, files_said) = (of_channel("fileUpload", "receive"), of_channel("fileUpload", "send"));
    let pick = |keys: &[&str]| all().filter(|(key, _)| keys.contains(&key.as_str())).collect::<Vec<_>>();
    let known = [sent.as_slice(), &said, &files_sent, &files_said].concat();
    let rest = all().filter(|(key, _)| !known.contains(&key.as_str()));
    vec![
        ("from-server", "Messages of the server", pick(&sent)),
        ("from-client", "Messages of the client", pick(&said)),
        ("of-streams", "Events of streams, and the echo", rest.collect()),
        ("files-from-server", "Files: messages of the server", pick(&files_sent)),
        ("files-from-client", "Files: messages of the client", pick(&files_said)),
    ]
}

fn contents(out: &mut String, document: &Value, groups: &[Group<'_>]) {
    out.push_str(
        "<nav aria-label=\"Contents\"><details><summary>Connect</summary><ul>\
         <li><a href=\"#connect\">Examples</a></li><li><a href=\"#credentials\">Credentials</a></li>\
         <li><a href=\"#parameters\">Parameters</a></li></ul></details>\
         <details><summary>Addresses</summary><ul>",
    );
    for (name, channel) in channels(document) {
        let address = escape(channel["address"].as_str().unwrap_or_default());
        let _ = write!(out, "<li><a href=\"#{name}\">{address}</a></li>");
    }
    out.push_str("</ul></details>");
    for (_, title, messages) in groups {
        let _ = write!(out, "<details><summary>{title}</summary><ul>");
        for (key, message) in messages {
            let kind = escape(message["name"].as_str().unwrap_or_default());
            let _ = write!(out, "<li><a href=\"#{key}\">{kind}</a></li>");
        }
        out.push_str("</ul></details>");
    }
    out.push_str("</nav>");
}

/// How to connect: addresses, credentials, and an example in code.
fn connect(out: &mut String, document: &Value) {
    let base = |server: &str| {
        let server = &document["servers"][server];
        let text = |name: &str| server[name].as_str().unwrap_or_default().to_owned();
        format!("{}://{}{}", text("protocol"), text("host"), text("pathname"))
    };
    let (socket, stream) = (base("socket"), base("stream"));
    let _ = write!(
        out,
        "<h2 id=\"connect\">Connect</h2><p>Addresses of sockets begin with <code>{}</code>, those of streams \
         and REST with <code>{}</code>.</p><h4>In a browser</h4>\
         <p>In the console of this page, or in a script of the same origin, with your own name and \
         password:</p>\
         <pre><code>{}</code></pre><h4>In a terminal</h4><pre><code>{}</code></pre>",
        escape(&socket),
        escape(&stream),
        escape(IN_A_BROWSER),
        escape(&IN_A_TERMINAL.replace("STREAM", &stream)),
    );
    out.push_str("<h3 id=\"credentials\">Credentials</h3><p>Show exactly one; two at once are refused.</p><dl class=\"rows\">");
    for (_, scheme) in document["components"]["securitySchemes"].as_object().into_iter().flatten() {
        let place = match (scheme["name"].as_str(), scheme["in"].as_str()) {
            (Some(name), Some("query")) => format!("?{name}="),
            (Some(name), _) => name.to_owned(),
            (None, _) => "Authorization: Bearer".to_owned(),
        };
        row(out, None, &place, "", scheme["description"].as_str().unwrap_or_default());
    }
    out.push_str("</dl><h3 id=\"parameters\">Parameters</h3><p>In the query of the address; the list below each address says which it takes.</p><dl class=\"rows\">");
    let described = described_parameters(document);
    for ((name, words), (schema, taken_by)) in &described {
        let mut words = (*words).to_owned();
        if described.keys().filter(|(other, _)| other == name).count() > 1 {
            words = format!("At {}. {words}", places(document, taken_by));
        }
        row(out, None, name, &kind(document, schema), &words);
    }
    out.push_str("</dl>");
}

/// By name and description: the schema of a parameter, and the channels that take it in this meaning.
type Described<'a> = BTreeMap<(&'a String, &'a str), (&'a Value, Vec<&'a String>)>;

/// The parameters of all channels. One with several meanings is there several times.
fn described_parameters(document: &Value) -> Described<'_> {
    let mut described = Described::new();
    for (channel, _) in channels(document) {
        for (name, schema) in parameters(document, channel) {
            let words = schema["description"].as_str().unwrap_or_default();
            described.entry((name, words)).or_insert_with(|| (schema, Vec::new())).1.push(channel);
        }
    }
    described
}

/// The addresses of these channels, in Markdown; all sockets and all streams in words.
fn places(document: &Value, names: &[&String]) -> String {
    let all = channels(document);
    for (tag, words) in [("Sockets", "all sockets"), ("Streams", "all streams")] {
        let tagged =
            all.iter().filter(|(_, channel)| channel["tags"][0]["name"] == tag).map(|(name, _)| name);
        if tagged.eq(names) {
            return words.to_owned();
        }
    }
    let addresses = names.iter().filter_map(|name| document["channels"][name.as_str()]["address"].as_str());
    addresses.map(|address| format!("`{address}`")).collect::<Vec<_>>().join(", ")
}

const IN_A_BROWSER: &str = r#"const answer = await fetch("/api/v1/auth/token", {
  method: "POST",
  body: new URLSearchParams({ username: "acme/ann", password: "…" }),
});
const { access_token } = await answer.json();

const scheme = location.protocol === "https:" ? "wss:" : "ws:";
const socket = new WebSocket(`${scheme}//${location.host}/ws?reject=close`,
  ["lotline.v1", `lotline.bearer.${access_token}`]);
socket.onmessage = ({ data }) => console.log(JSON.parse(data));
socket.onopen = () => socket.send(JSON.stringify(
  { type: "subscribe", subscription: "property_updates", filter: { city: "Toledo" } }));
socket.onclose = ({ code, reason }) => console.log(code, reason);"#;

const IN_A_TERMINAL: &str = r#"TOKEN=$(curl -s STREAM/api/v1/auth/token -d username=acme/ann -d password=… | jq -r .access_token)
curl -N -H "Authorization: Bearer $TOKEN" "STREAM/sse/events?subscriptions=job_updates""#;

/// The parameters of a channel: a socket has them on its channel, a stream on its operation.
fn parameters<'a>(document: &'a Value, channel: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let of_socket = &document["channels"][channel]["bindings"]["ws"]["query"];
    let of_stream = &document["operations"][format!("receive_{channel}")]["bindings"]["http"]["query"];
    [of_socket, of_stream].into_iter().flat_map(|query| query["properties"].as_object().into_iter().flatten())
}

/// The channels by address, sockets first.
fn channels(document: &Value) -> Vec<(&String, &Value)> {
    let mut channels: Vec<_> = document["channels"].as_object().into_iter().flatten().collect();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    channels.sort_by_key(|(_, one)| (text(&one["servers"][0]["$ref"]), text(&one["address"])));
    channels
}

fn addresses(out: &mut String, document: &Value) {
    out.push_str("<h2 id=\"addresses\">Addresses</h2>");
    for (name, channel) in channels(document) {
        let text = |field: &str| channel[field].as_str().unwrap_or_default();
        let tag = channel["tags"][0]["name"].as_str().unwrap_or_default();
        let _ = write!(
            out,
            "<h3 id=\"{name}\"><a class=\"anchor\" href=\"#{name}\"><code>{}</code></a> <span class=\"tag\">{tag}</span></h3>{}",
            escape(text("address")),
            markdown(text("description")),
        );
        let taken: Vec<String> =
            parameters(document, name).map(|(name, _)| format!("<code>{}</code>", escape(name))).collect();
        let _ = write!(out, "<p class=\"soft\">Parameters: {}</p>", taken.join(" "));
    }
}

fn describe(out: &mut String, document: &Value, key: &str, message: &Value) {
    let mut fields = Vec::new();
    gather(document, &message["payload"], "", &mut fields);
    let words = description(document, &message["payload"]);
    let words = if words.is_empty() { message["summary"].as_str().unwrap_or_default() } else { words };
    let _ = write!(
        out,
        "<section class=\"message\" id=\"{key}\"><h3><a class=\"anchor\" href=\"#{key}\"><code>{}</code></a></h3>{}",
        escape(message["name"].as_str().unwrap_or_default()),
        markdown(words),
    );
    if !fields.is_empty() {
        out.push_str("<dl class=\"rows\">");
        for (name, kind, words) in fields {
            row(out, None, &name, &kind, &words);
        }
        out.push_str("</dl>");
    }
    let example = &message["examples"][0]["payload"];
    // A JSON value always serialises.
    let text = example
        .as_str()
        .map_or_else(|| serde_json::to_string_pretty(example).unwrap_or_default(), str::to_owned);
    let _ = write!(
        out,
        "<details><summary>Example</summary><pre><code>{}</code></pre></details></section>",
        escape(&text)
    );
}

fn row(out: &mut String, id: Option<&str>, name: &str, kind: &str, words: &str) {
    let id = id.map(|id| format!(" id=\"{id}\"")).unwrap_or_default();
    let kind =
        if kind.is_empty() { String::new() } else { format!("<span class=\"kind\">{}</span>", escape(kind)) };
    let _ =
        write!(out, "<div{id}><dt><code>{}</code>{kind}</dt><dd>{}</dd></div>", escape(name), inline(words));
}

/// The description of a schema: of the message's own part, if there are several.
fn description<'a>(document: &'a Value, schema: &'a Value) -> &'a str {
    resolve(document, schema)["description"].as_str().unwrap_or_default()
}

/// How deep the fields of fields are listed.
const DEEPEST: usize = 2;

/// The fields of a schema, through references and `allOf`, by the path to each.
fn gather(document: &Value, schema: &Value, path: &str, fields: &mut Vec<(String, String, String)>) {
    let schema = resolve(document, schema);
    for part in schema["allOf"].as_array().into_iter().flatten() {
        gather(document, part, path, fields);
    }
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let optional = if required.contains(&name.as_str()) { "" } else { ", may be absent" };
        let words = field["description"].as_str().unwrap_or_else(|| description(document, field));
        let full = format!("{path}{name}");
        fields.push((full.clone(), format!("{}{optional}", kind(document, field)), words.to_owned()));
        if full.matches('.').count() < DEEPEST {
            let inner = resolve(document, field);
            let inner = if inner["type"] == "array" { &inner["items"] } else { inner };
            gather(document, inner, &format!("{full}."), fields);
        }
    }
}

fn kind(document: &Value, field: &Value) -> String {
    let schema = resolve(document, field);
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return values.join(" | ");
    }
    if let Some(only) = schema["allOf"][0].as_object() {
        return kind(document, &Value::Object(only.clone()));
    }
    let base = match &schema["type"] {
        Value::String(kind) if kind == "array" => format!("list of {}", kind_of_items(document, schema)),
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any".to_owned(),
    };
    match (schema["format"].as_str(), schema["maxLength"].as_u64()) {
        (Some(format @ ("date-time" | "uuid" | "uri" | "uri-reference" | "binary")), _) => {
            format!("{base} ({format})")
        }
        (_, Some(most)) => format!("{base}, at most {most} characters"),
        _ => base,
    }
}

fn kind_of_items(document: &Value, schema: &Value) -> String {
    kind(document, &schema["items"])
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap_or(schema),
        None => schema,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_renders_its_text_and_names_every_message_and_parameter() {
        let page = documentation(Some("https://api.example.org"));
        let text = page.split("</style>").nth(1).unwrap();

        assert!(!text.contains("**"), "Markdown is left as it is");
        let document = asyncapi::document(None);
        for key in document["components"]["messages"].as_object().unwrap().keys() {
            assert!(text.contains(&format!("<section class=\"message\" id=\"{key}\">")), "{key}");
        }
        for name in [
            "?token=",
            "?ticket=",
            "since",
            "subscriptions",
            "reject",
            "names",
            "At all sockets.",
            "At all streams.",
            "At <code>/sse/logs/{job_id}</code>.",
            "lotline.v1",
            "wss://api.example.org",
        ] {
            assert!(text.contains(name), "{name}");
        }
    }
}
