//! The tables of docs/protocol.md: they name the messages, addresses and parameters of the AsyncAPI document and the codes of the
//! program, each where it belongs, and nothing else.

use std::collections::BTreeSet;

use lotline::protocol::problem::{CloseCode, Code};
use serde_json::Value;

const PAGE: &str = include_str!("../../../docs/protocol.md");
const ASYNCAPI: &str = include_str!("../../../clients/asyncapi.json");

type Names = BTreeSet<String>;

#[test]
fn every_message_is_in_the_table_of_its_direction() {
    let document = asyncapi();
    let mut covered = Names::new();
    for (heading, channel, side) in [
        ("### Client to server", "socket", "client_"),
        ("### Server to client", "socket", "server_"),
        ("### Upload socket, client to server", "fileUpload", "client_"),
        ("### Upload socket, server to client", "fileUpload", "server_"),
    ] {
        let keys = keys_of(&document["channels"][channel], side);
        compare(heading, &first_cells(heading), &types_of(&document, &keys));
        covered.extend(keys);
    }
    let streams = document["channels"].as_object().unwrap().values().filter(|channel| is_stream(channel));
    let mut only_on_streams: Names = streams.flat_map(|channel| keys_of(channel, "server_")).collect();
    only_on_streams.retain(|key| !covered.contains(key));
    let heading = "### Streams only";
    compare(heading, &first_cells(heading), &types_of(&document, &only_on_streams));
    covered.extend(only_on_streams);

    // What an echo sends back has no type.
    covered.insert("anything".to_owned());
    let all = document["components"]["messages"].as_object().unwrap().keys().cloned().collect();
    compare("all tables of messages", &covered, &all);
}

#[test]
fn a_message_is_called_durable_if_it_carries_its_time_in_the_log() {
    let document = asyncapi();
    let mut on_page = Names::new();
    for row in rows("### Server to client") {
        assert!(["durable", "ephemeral"].contains(&row[2]), "{row:?}");
        if row[2] == "durable" {
            on_page.extend(quoted(row[0]));
        }
    }
    let messages = document["components"]["messages"].as_object().unwrap().values();
    let durable = messages.filter(|message| message["examples"][0]["payload"].get("occurred_at").is_some());
    compare("durable messages", &on_page, &durable.map(|message| text(&message["name"])).collect());
}

#[test]
fn every_address_and_every_query_parameter_is_in_its_table() {
    let document = asyncapi();
    let (mut addresses, mut parameters) = (Names::new(), Names::new());
    for (name, channel) in document["channels"].as_object().unwrap() {
        addresses.insert(text(&channel["address"]));
        let of_socket = &channel["bindings"]["ws"]["query"];
        let of_stream = &document["operations"][format!("receive_{name}")]["bindings"]["http"]["query"];
        let query = if is_stream(channel) { of_stream } else { of_socket };
        parameters.extend(query["properties"].as_object().unwrap().keys().cloned());
    }

    compare("addresses", &first_cells("### Addresses"), &addresses);
    compare("query parameters", &first_cells("### Query parameters"), &parameters);
}

#[test]
fn every_close_code_is_in_the_table_with_its_name_and_advice() {
    let cells = rows("## Close codes");
    let on_page: Names = cells.iter().map(|row| row[..3].join(" ").replace('`', "")).collect();
    let of_program = CloseCode::ALL.iter().map(|code| {
        let row = code.row();
        let retry = text(&serde_json::to_value(row.retry).unwrap());
        format!("{} {} {retry}", row.number, row.name)
    });
    compare("close codes", &on_page, &of_program.collect());
}

#[test]
fn every_problem_code_is_listed_under_its_status() {
    let (_, rest) = PAGE.split_once("The codes by status: ").unwrap();
    let (list, _) = rest.split_once('.').unwrap();
    let list = list.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut on_page = Names::new();
    for part in list.split("; ") {
        let (status, codes) = part.split_once(' ').unwrap();
        on_page.extend(quoted(codes).iter().map(|code| format!("{status} {code}")));
    }
    let of_program = Code::ALL.iter().map(|code| format!("{} {}", code.row().status, code.name()));
    compare("problem codes", &on_page, &of_program.collect());
}

fn asyncapi() -> Value {
    serde_json::from_str(ASYNCAPI).unwrap()
}

fn is_stream(channel: &Value) -> bool {
    !channel["x-subprotocols"].is_array()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The keys of a channel's messages in one direction.
fn keys_of(channel: &Value, side: &str) -> Names {
    let keys = channel["messages"].as_object().unwrap().keys();
    keys.filter(|key| key.starts_with(side)).cloned().collect()
}

/// The values of `type` of these messages.
fn types_of(document: &Value, keys: &Names) -> Names {
    keys.iter().map(|key| text(&document["components"]["messages"][key]["name"])).collect()
}

/// The cells of each row of the table below a heading.
fn rows(heading: &str) -> Vec<Vec<&'static str>> {
    let section = PAGE.lines().skip_while(|line| *line != heading).skip(1);
    let table = section.take_while(|line| !line.starts_with('#')).filter(|line| line.starts_with('|'));
    let rows: Vec<Vec<&str>> =
        table.skip(2).map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(!rows.is_empty(), "docs/protocol.md has no table below {heading}");
    rows
}

/// What the first column of such a table names.
fn first_cells(heading: &str) -> Names {
    rows(heading).iter().flat_map(|row| quoted(row[0])).collect()
}

/// The texts between backticks.
fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn compare(what: &str, on_page: &Names, wanted: &Names) {
    let missing: Vec<&String> = wanted.difference(on_page).collect();
    let unknown: Vec<&String> = on_page.difference(wanted).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "{what}: docs/protocol.md lacks {missing:?} and has {unknown:?}"
    );
}
