//! The messages of the document, by direction: client and server messages of the same `type` have different schemas.

use poem_openapi::registry::Registry;
use poem_openapi::types::{Example, ToJSON, Type};
use serde_json::{Map, Value, json};

use crate::protocol::channels::{Channel, ChannelKind, SocketKind, StreamKind};
use crate::protocol::client_message::ClientMessage;
use crate::protocol::examples::uploads::CONTENT;
use crate::protocol::examples::{commands, messages, upload_socket};
use crate::protocol::log_stream::LogStreamEvent;
use crate::protocol::message::ServerMessage;
use crate::protocol::problem::StreamProblem;
use crate::protocol::stats::{Stats, TenantStats};
use crate::protocol::upload::{UploadClientMessage, UploadServerMessage};

/// The sender of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    FromServer,
    FromClient,
}

/// Messages of one union.
struct MessageGroup {
    direction: Direction,
    /// What comes between the direction and the type in the keys.
    of: &'static str,
    /// Type and message.
    members: Vec<(String, Value)>,
}

/// All messages of sockets and streams.
pub(super) struct Messages {
    server: MessageGroup,
    client: MessageGroup,
    file_server: MessageGroup,
    file_client: MessageGroup,
    logs: MessageGroup,
    streams: MessageGroup,
}

/// The type of a statistics message, and that of the end of a stream.
const STATS: &str = "stats";
const PROBLEM: &str = "problem";
const ANYTHING: &str = "anything";

/// What a stream sends about itself.
const ABOUT_STREAMS: [&str; 5] =
    ["connection_established", "gap", "token_expiring", "token_refreshed", "going_away"];
/// What the inbox brings.
const INBOX: [&str; 10] = [
    "job_update",
    "property_notification",
    "system_notification",
    "admin_notification",
    "chat",
    "direct_message",
    "message_edited",
    "message_deleted",
    "system",
    "upload_completed",
];
/// What only feeds bring.
const FEEDS: [&str; 3] = ["job_log", "property_update", "system_alert"];

impl Messages {
    /// Collects them; their schemas go into `registry`.
    pub(super) fn collect(registry: &mut Registry) -> Self {
        use Direction::{FromClient, FromServer};
        Self {
            server: family::<ServerMessage>(registry, FromServer, "", to_json(&messages::server_messages())),
            client: family::<ClientMessage>(registry, FromClient, "", to_json(&commands::client_messages())),
            file_server: family::<UploadServerMessage>(
                registry,
                FromServer,
                "file_",
                to_json(&upload_socket::file_answers()),
            ),
            file_client: with_chunk(family::<UploadClientMessage>(
                registry,
                FromClient,
                "file_",
                to_json(&upload_socket::file_commands()),
            )),
            logs: family::<LogStreamEvent>(registry, FromServer, "", to_json(&messages::log_events())),
            streams: streams(registry),
        }
    }

    /// The messages of a channel in one direction, by key.
    pub(super) fn keys_for(&self, channel: &Channel, direction: Direction) -> Vec<String> {
        use Direction::{FromClient, FromServer};
        match (channel.kind, direction) {
            (ChannelKind::Socket(SocketKind::Echo), _) => vec![ANYTHING.to_owned()],
            (ChannelKind::Socket(SocketKind::Upload), FromServer) => self.file_server.keys(),
            (ChannelKind::Socket(SocketKind::Upload), FromClient) => self.file_client.keys(),
            (ChannelKind::Socket(SocketKind::Messages), FromServer) => self.server.keys(),
            (ChannelKind::Socket(SocketKind::Messages), FromClient) => self.client.keys(),
            (ChannelKind::Stream(_), FromClient) => Vec::new(),
            (ChannelKind::Stream(kind), FromServer) => match kind {
                StreamKind::Events => self.stream_keys(&[&INBOX[..], &FEEDS].concat(), Vec::new()),
                StreamKind::Notifications => self.stream_keys(&INBOX, Vec::new()),
                StreamKind::Stats => self.stream_keys(&[], vec![self.streams.key(STATS)]),
                StreamKind::Logs => self.stream_keys(&[], self.logs.keys()),
            },
        }
    }

    /// The keys of a stream that sends these messages of sockets, and `own` ones.
    fn stream_keys(&self, shared: &[&str], own: Vec<String>) -> Vec<String> {
        let shared = ABOUT_STREAMS.iter().chain(shared).map(|kind| self.server.key(kind));
        shared.chain(own).chain([self.streams.key(PROBLEM)]).collect()
    }

    /// Every message by key, for `components`.
    pub(super) fn all(&self) -> Map<String, Value> {
        let families =
            [&self.server, &self.client, &self.file_server, &self.file_client, &self.logs, &self.streams];
        let keyed = families.into_iter().flat_map(|family| {
            family.members.iter().map(|(kind, message)| (family.key(kind), message.clone()))
        });
        keyed.chain([(ANYTHING.to_owned(), anything())]).collect()
    }
}

impl MessageGroup {
    fn key(&self, kind: &str) -> String {
        let side = match self.direction {
            Direction::FromServer => "server",
            Direction::FromClient => "client",
        };
        format!("{side}_{}{kind}", self.of)
    }

    fn keys(&self) -> Vec<String> {
        self.members.iter().map(|(kind, _)| self.key(kind)).collect()
    }
}

fn to_json<T: ToJSON>(examples: &[T]) -> Vec<Value> {
    examples.iter().filter_map(ToJSON::to_json).collect()
}

/// The members of a union of messages, by the value of their `type`.
fn family<T: Type>(
    registry: &mut Registry,
    direction: Direction,
    of: &'static str,
    examples: Vec<Value>,
) -> MessageGroup {
    T::register(registry);
    let union = registry.schemas.get(&T::name().into_owned());
    let mapping = union.and_then(|union| union.discriminator.as_ref()).map(|found| found.mapping.clone());
    let members = mapping.unwrap_or_default().into_iter().map(|(kind, schema)| {
        let example = examples.iter().find(|example| example["type"] == kind.as_str());
        let summary = summary(registry, &schema, &kind);
        let message = message(&kind, &schema, &summary, example.cloned());
        (kind, message)
    });
    MessageGroup { direction, of, members: members.collect() }
}

/// The first sentence about the type that the message is made of.
fn summary(registry: &Registry, schema: &str, kind: &str) -> String {
    let member = schema.rsplit('/').next().unwrap_or_default();
    let own = member.split_once('_').map_or(member, |(_, own)| own);
    let words = registry.schemas.get(own).and_then(|schema| schema.description).unwrap_or(kind);
    first_sentence(words).to_owned()
}

pub(super) fn first_sentence(words: &str) -> &str {
    let line = words.lines().next().unwrap_or_default();
    line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.')
}

fn message(kind: &str, schema: &str, summary: &str, example: Option<Value>) -> Value {
    let mut message = json!({
        "name": kind,
        "title": kind,
        "summary": summary,
        "contentType": "application/json",
        "payload": { "$ref": schema },
    });
    if let Some(example) = example {
        message["examples"] = json!([{ "name": kind, "summary": summary, "payload": example }]);
    }
    message
}

fn with_chunk(mut family: MessageGroup) -> MessageGroup {
    let words = "The next bytes of the file, at most 1 MiB, as a binary message";
    let chunk = json!({
        "name": "chunk",
        "title": "chunk",
        "summary": words,
        "contentType": "application/octet-stream",
        "payload": { "type": "string", "format": "binary", "description": "The bytes as they are." },
        "examples": [{ "name": "chunk", "summary": "A whole small file", "payload": CONTENT }],
    });
    family.members.push(("chunk".to_owned(), chunk));
    family
}

/// The messages that only streams have: statistics, and the end with its reason.
fn streams(registry: &mut Registry) -> MessageGroup {
    Stats::register(registry);
    StreamProblem::register(registry);
    let schema = |name: &str| format!("#/components/schemas/{name}");
    let figures = ToJSON::to_json(&Stats::Tenant(TenantStats::example()));
    let words = "The tenant's live statistics for its admins, once a second";
    let stats = message(STATS, &schema(&Stats::name()), words, figures);
    let words = "The stream ends here, and this is why; `EventSource` reconnects after `retry` milliseconds";
    let problem =
        message(PROBLEM, &schema(&StreamProblem::name()), words, StreamProblem::example().to_json());
    MessageGroup {
        direction: Direction::FromServer,
        of: "",
        members: vec![(STATS.to_owned(), stats), (PROBLEM.to_owned(), problem)],
    }
}

fn anything() -> Value {
    json!({
        "name": ANYTHING,
        "title": "Any text or binary message",
        "summary": "Comes back as it was sent",
        "contentType": "text/plain",
        "payload": { "type": "string", "description": "Whatever the client likes to see again." },
        "examples": [{ "name": "greeting", "summary": "A text", "payload": "hello" }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a socket sends in answer to its client, or to those who are present: a stream sends none of it.
    const SOCKETS_ONLY: [&str; 11] = [
        "ack",
        "error",
        "pong",
        "presence",
        "status_update",
        "subscription_confirmed",
        "subscription_error",
        "subscription_live",
        "subscription_removed",
        "typing",
        "viewers",
    ];

    #[test]
    fn every_message_is_one_of_streams_or_of_sockets_only() {
        let messages = Messages::collect(&mut Registry::new());
        let lists = [&ABOUT_STREAMS[..], &INBOX, &FEEDS, &SOCKETS_ONLY].concat();

        let mut all: Vec<_> = messages.server.members.iter().map(|(kind, _)| kind.as_str()).collect();
        let mut listed = lists;
        all.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, all);
    }
}
