//! The client messages of a socket. The parser is written out rather than derived: fields may be in `payload` or at
//! the top, unknown fields are ignored, and clients match the texts of the refusals.

use serde_json::{Map, Value};

use super::feed::Feed;
use super::filter::Filter;
use super::position;
use crate::base::ids::{PropertyId, UserId};
use crate::base::json_integer::{MAX_SAFE_INTEGER, as_integer};
use crate::base::normalize;

/// One message of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    Ping,
    Subscribe(Subscribe),
    Unsubscribe {
        subscription: String,
        key: Option<String>,
    },
    RequestStatus,
    RefreshToken {
        token: String,
    },
    Broadcast {
        message: String,
        category: Option<String>,
    },
    JoinRoom {
        room_id: String,
    },
    LeaveRoom {
        room_id: String,
    },
    /// Without a room: the lobby.
    Chat {
        room_id: Option<String>,
        text: String,
        client_message_id: Option<String>,
        upload_ids: Vec<String>,
    },
    DirectMessage {
        target_user: UserId,
        text: String,
        client_message_id: Option<String>,
        upload_ids: Vec<String>,
    },
    Typing {
        room_id: String,
        is_typing: bool,
    },
    Presence(OwnPresence),
    /// `None`: no listing is on the screen.
    Viewing {
        property_id: Option<PropertyId>,
    },
}

/// What a client may report about itself: the server itself detects that it is offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnPresence {
    Online,
    Away,
}

/// A request to subscribe to a feed: on the socket, and in the `subscriptions` parameter of every carrier.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscribe {
    pub filter: Filter,
    pub key: Option<String>,
    pub since: Option<String>,
}

/// A command that could not be read.
#[derive(Clone, Debug, PartialEq)]
pub enum CommandError {
    /// Answered with `error`.
    Command { code: &'static str, message: String },
    /// Answered with `subscription_error`.
    Subscription { subscription: Option<String>, key: Option<String>, code: &'static str, message: String },
}

/// Longest `key` of a subscription.
const MAX_KEY: usize = 100;
/// Longest `id` of a message: it is kept until the answer is sent, and sent with it.
const MAX_ID: usize = 200;

/// A message with the `id` for its answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub reply_to: Option<Value>,
    pub command: Result<Command, CommandError>,
}

/// Reads a text message.
pub fn parse(text: &str) -> Request {
    let (reply_to, command) = read(text, command);
    Request { reply_to, command }
}

/// Parses a message: `command` reads its type and fields. Returns the `id` for the answer as well.
pub(super) fn read<C>(
    text: &str,
    command: impl FnOnce(&str, &Fields<'_>) -> Result<C, CommandError>,
) -> (Option<Value>, Result<C, CommandError>) {
    let refused = |code, message: &str| Err(CommandError::Command { code, message: message.to_owned() });
    // A byte order mark is no part of the text (RFC 8259 section 8.1).
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        return (None, refused("invalid_json", "Invalid JSON format"));
    };
    let Value::Object(fields) = value else {
        return (None, refused("invalid_message", "A message is a JSON object with a type"));
    };
    let reply_to = fields.get("id").filter(|id| !id.is_null()).cloned();
    if !reply_to.as_ref().is_none_or(is_message_id) {
        let words = format!("id must be a number below 2^53, or text of at most {MAX_ID} bytes");
        return (None, refused("invalid_message", &words));
    }
    let Some(kind) = fields.get("type").and_then(Value::as_str) else {
        return (reply_to, refused("invalid_message", "A message needs a type"));
    };
    (reply_to, command(kind, &Fields(&fields)))
}

/// Whether the answer can repeat the id as it was written: a whole number beyond 64 bits was rounded when it was
/// parsed.
fn is_message_id(id: &Value) -> bool {
    match id {
        Value::String(text) => text.len() <= MAX_ID,
        Value::Number(number) => {
            !number.is_f64() || number.as_f64().is_some_and(|number| number.abs() <= MAX_SAFE_INTEGER as f64)
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => false,
    }
}

fn command(kind: &str, fields: &Fields<'_>) -> Result<Command, CommandError> {
    match kind {
        "ping" => Ok(Command::Ping),
        "request_status" => Ok(Command::RequestStatus),
        "subscribe" => Subscribe::read(fields).map(Command::Subscribe),
        "unsubscribe" => {
            let (feed, key) = feed_and_key(fields)?;
            Ok(Command::Unsubscribe { subscription: feed.name().to_owned(), key })
        }
        "refresh_token" => {
            let token = fields.text("token").ok_or_else(|| missing("refresh_token", "token"))?;
            Ok(Command::RefreshToken { token })
        }
        "broadcast" => {
            let message = fields.text("message").or_else(|| fields.text("text"));
            let message = message.ok_or_else(|| missing("broadcast", "message"))?;
            Ok(Command::Broadcast { message, category: fields.text("category") })
        }
        "join_room" => Ok(Command::JoinRoom { room_id: fields.required_text(kind, "room_id")? }),
        "leave_room" => Ok(Command::LeaveRoom { room_id: fields.required_text(kind, "room_id")? }),
        "chat" | "room_message" => Ok(Command::Chat {
            room_id: fields.optional_text(kind, "room_id")?,
            text: fields.text("text").unwrap_or_default(),
            client_message_id: fields.optional_text(kind, "client_message_id")?,
            upload_ids: fields.texts(kind, "upload_ids")?,
        }),
        "direct_message" => Ok(Command::DirectMessage {
            target_user: fields.id(kind, "target_user")?.map(UserId).ok_or_else(|| {
                invalid(format!("{kind} needs the field target_user: a user's id, as a number"))
            })?,
            text: fields.text("text").unwrap_or_default(),
            client_message_id: fields.optional_text(kind, "client_message_id")?,
            upload_ids: fields.texts(kind, "upload_ids")?,
        }),
        "typing" => {
            let is_typing = fields.get("is_typing").and_then(Value::as_bool);
            Ok(Command::Typing {
                room_id: fields.required_text(kind, "room_id")?,
                is_typing: is_typing
                    .ok_or_else(|| invalid("typing needs the field is_typing, true or false".to_owned()))?,
            })
        }
        "presence" => match fields.text("status").as_deref() {
            Some("online") => Ok(Command::Presence(OwnPresence::Online)),
            Some("away") => Ok(Command::Presence(OwnPresence::Away)),
            _ => Err(invalid("presence needs the field status: online or away".to_owned())),
        },
        "viewing" => match fields.get("property_id") {
            None => Err(invalid("viewing needs the field property_id: a property's id, or null".to_owned())),
            Some(_) => Ok(Command::Viewing { property_id: fields.id(kind, "property_id")?.map(PropertyId) }),
        },
        unknown => Err(unknown_type(unknown)),
    }
}

pub(super) fn unknown_type(kind: &str) -> CommandError {
    let message = format!("Unknown message type: {}", crate::base::text::truncate(kind, 100));
    CommandError::Command { code: "unknown_type", message }
}

impl Subscribe {
    /// Reads one `subscribe` object.
    pub fn from_value(value: &Value) -> Result<Self, CommandError> {
        match value {
            Value::Object(fields) => Self::read(&Fields(fields)),
            Value::String(name) => Self::read(&Fields(&Map::from_iter([(
                "subscription".to_owned(),
                Value::String(name.clone()),
            )]))),
            _ => Err(CommandError::Subscription {
                subscription: None,
                key: None,
                code: "invalid_subscription",
                message: "A subscription is a name or an object with the field subscription".to_owned(),
            }),
        }
    }

    fn read(fields: &Fields<'_>) -> Result<Self, CommandError> {
        let (feed, key) = feed_and_key(fields)?;
        let refuse = |code, message| CommandError::Subscription {
            subscription: Some(feed.name().to_owned()),
            key: key.clone(),
            code,
            message,
        };
        let filter =
            Filter::parse(feed, fields.get("filter")).map_err(|words| refuse("invalid_filter", words))?;
        let since = match fields.get("since") {
            None | Some(Value::Null) => None,
            Some(Value::String(since)) => Some(position::truncate_since(since)),
            Some(_) => return Err(refuse("invalid_since", "since must be a position, as text".to_owned())),
        };
        Ok(Self { filter, key, since })
    }
}

/// Reads the `subscriptions` parameter: names separated by commas, or a JSON array of `subscribe` objects.
pub fn parse_subscriptions(text: &str) -> Result<Vec<Subscribe>, CommandError> {
    subscriptions_of(text)?.iter().map(Subscribe::from_value).collect()
}

/// Maximum number of faulty subscriptions that a refusal explains.
const MOST_FAULTS: usize = 10;

/// What is wrong with each subscription of such a list, in one text; `None`: nothing.
pub fn explain_subscriptions(text: &str) -> Option<String> {
    let words = |refused| match refused {
        CommandError::Command { message, .. } | CommandError::Subscription { message, .. } => message,
    };
    let faults: Vec<String> = match subscriptions_of(text) {
        Ok(list) => {
            let faults = list.iter().filter_map(|one| Subscribe::from_value(one).err());
            faults.take(MOST_FAULTS).map(words).collect()
        }
        Err(refused) => vec![words(refused)],
    };
    (!faults.is_empty()).then(|| faults.join("; "))
}

fn subscriptions_of(text: &str) -> Result<Vec<Value>, CommandError> {
    let text = text.trim();
    if text.starts_with('[') {
        return serde_json::from_str(text).map_err(|_| CommandError::Subscription {
            subscription: None,
            key: None,
            code: "invalid_json",
            message: "subscriptions must be names separated by commas or a JSON array".to_owned(),
        });
    }
    let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
    Ok(names.map(Value::from).collect())
}

fn feed_and_key(fields: &Fields<'_>) -> Result<(Feed, Option<String>), CommandError> {
    let name = match fields.get("subscription") {
        Some(Value::String(name)) if !name.is_empty() => name,
        None | Some(Value::Null | Value::String(_)) => return Err(without_name("is missing")),
        Some(_) => return Err(without_name("must be text")),
    };
    let key = match fields.get("key") {
        None | Some(Value::Null) => None,
        Some(Value::String(key)) if key.len() <= MAX_KEY => Some(key.clone()),
        Some(_) => {
            return Err(CommandError::Subscription {
                subscription: Some(crate::base::text::truncate(name, 100).to_owned()),
                key: None,
                code: "invalid_key",
                message: format!("key must be text of at most {MAX_KEY} bytes"),
            });
        }
    };
    match name.parse() {
        Ok(feed) => Ok((feed, key)),
        Err(_) => {
            let shown = crate::base::text::truncate(name, 100).to_owned();
            let message = format!("Invalid subscription: {shown}");
            Err(CommandError::Subscription {
                subscription: Some(shown),
                key,
                code: "invalid_subscription",
                message,
            })
        }
    }
}

/// A subscription that names no feed.
fn without_name(fault: &str) -> CommandError {
    let feeds = Feed::ALL.map(Feed::name).join(", ");
    CommandError::Subscription {
        subscription: None,
        key: None,
        code: "invalid_subscription",
        message: format!("The field subscription {fault}: it names a feed, one of {feeds}"),
    }
}

/// The text of a field; names are normalised to the form in which they are compared.
fn read_text(field: &str, text: &str) -> String {
    if normalize::is_name_field(field) { normalize::exact(text) } else { text.to_owned() }
}

/// A message's fields, from the top level or from `payload`.
pub(super) struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        let inner = self.0.get("payload").and_then(Value::as_object).and_then(|payload| payload.get(name));
        inner.or_else(|| self.0.get(name))
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.get(name).and_then(Value::as_str).map(|text| read_text(name, text))
    }

    pub(super) fn required_text(&self, kind: &str, name: &str) -> Result<String, CommandError> {
        self.text(name).ok_or_else(|| missing(kind, name))
    }

    pub(super) fn optional_text(&self, kind: &str, name: &str) -> Result<Option<String>, CommandError> {
        match self.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(read_text(name, text))),
            Some(_) => Err(invalid(format!("{name} of {kind} must be text"))),
        }
    }

    /// A list of texts; empty when absent or null.
    fn texts(&self, kind: &str, name: &str) -> Result<Vec<String>, CommandError> {
        let refused = || invalid(format!("{name} of {kind} must be a list of texts"));
        match self.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => {
                values.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(refused)).collect()
            }
            Some(_) => Err(refused()),
        }
    }

    /// A number, or a numeric text; `None` when absent or null.
    fn id(&self, kind: &str, name: &str) -> Result<Option<i64>, CommandError> {
        let id = match self.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) => text.parse().ok(),
            Some(value) => as_integer(value),
        };
        id.map(Some).ok_or_else(|| invalid(format!("{name} of {kind} must be an id, a whole number")))
    }
}

pub(super) fn missing(kind: &str, field: &str) -> CommandError {
    invalid(format!("{kind} needs the field {field}, as text"))
}

pub(super) fn invalid(message: String) -> CommandError {
    CommandError::Command { code: "invalid_message", message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_envelope_styles_are_read() {
        let flat = parse(r#"{"type":"broadcast","message":"hi","id":7}"#);
        let nested = parse(r#"{"type":"broadcast","payload":{"text":"hi"},"id":"a"}"#);

        let wanted = Ok(Command::Broadcast { message: "hi".to_owned(), category: None });
        assert_eq!((flat.command, flat.reply_to), (wanted.clone(), Some(Value::from(7))));
        assert_eq!((nested.command, nested.reply_to), (wanted, Some(Value::from("a"))));
    }

    #[test]
    fn refusals_use_the_texts_that_existing_clients_match() {
        let words = |text: &str| match parse(text).command.unwrap_err() {
            CommandError::Command { message, .. } | CommandError::Subscription { message, .. } => message,
        };

        assert_eq!(words("{"), "Invalid JSON format");
        assert_eq!(words(r#"{"type":"dance"}"#), "Unknown message type: dance");
        assert_eq!(words(r#"{"type":"subscribe","subscription":"news"}"#), "Invalid subscription: news");
        let filter = r#"{"type":"subscribe","subscription":"job_updates","filter":{"x":1}}"#;
        assert!(words(filter).contains("x is not a field of it"), "{}", words(filter));
        assert_eq!(words("[]"), "A message is a JSON object with a type");
    }

    #[test]
    fn a_subscription_without_a_name_says_what_is_missing() {
        let feeds = "it names a feed, one of job_updates, property_updates, system_alerts";
        for (fields, fault) in [
            ("{}", "is missing"),
            (r#"{"subscription":null}"#, "is missing"),
            (r#"{"subscription":""}"#, "is missing"),
            (r#"{"channel":"job_updates"}"#, "is missing"),
            (r#"{"subscription":7}"#, "must be text"),
            (r#"{"subscription":["job_updates"]}"#, "must be text"),
        ] {
            let wanted = CommandError::Subscription {
                subscription: None,
                key: None,
                code: "invalid_subscription",
                message: format!("The field subscription {fault}: {feeds}"),
            };
            for kind in ["subscribe", "unsubscribe"] {
                let message = fields.replacen('{', &format!(r#"{{"type":"{kind}","#), 1).replace(",}", "}");
                assert_eq!(parse(&message).command, Err(wanted.clone()), "{message}");
            }
            assert_eq!(parse_subscriptions(&format!("[{fields}]")), Err(wanted), "{fields}");
        }
    }

    #[test]
    fn an_id_that_cannot_come_back_as_it_was_is_refused() {
        let with_id = |id: &str| parse(&format!(r#"{{"type":"ping","id":{id}}}"#));
        let text = |bytes: usize| format!("\"{}\"", "i".repeat(bytes));
        let words = "id must be a number below 2^53, or text of at most 200 bytes".to_owned();
        let refusal = Err(invalid(words));

        for good in ["7", "-7", "1.5", "9007199254740993", "18446744073709551615", &text(MAX_ID)] {
            let read = with_id(good);
            let reply_to = read.reply_to.map(|id| id.to_string());
            assert_eq!((read.command, reply_to.as_deref()), (Ok(Command::Ping), Some(good)));
        }
        assert_eq!(with_id("null"), Request { reply_to: None, command: Ok(Command::Ping) });
        for bad in ["[]", "{}", "true", "10000000000000000000000000", "1e25", &text(MAX_ID + 1)] {
            let refused = with_id(bad);
            assert_eq!((refused.reply_to, refused.command), (None, refusal.clone()), "{bad}");
        }
    }

    #[test]
    fn every_faulty_subscription_of_a_list_is_explained() {
        let list = r#"[{"subscription":"job_updates","filter":{"x":1}},{"subscription":"news"},"system_alerts",
            {"subscription":"job_updates","key":7}]"#;

        let words = explain_subscriptions(list).unwrap();

        let parts: Vec<&str> = words.split("; ").collect();
        assert_eq!(parts.len(), 3, "{words}");
        assert!(parts[0].starts_with("filter of job_updates: x is not a field of it"), "{words}");
        assert_eq!(parts[1..], ["Invalid subscription: news", "key must be text of at most 100 bytes"]);
        assert_eq!(explain_subscriptions("job_updates"), None);
        assert_eq!(explain_subscriptions(&"news,".repeat(50)).unwrap().matches("news").count(), 10);
    }

    #[test]
    fn the_subscriptions_parameter_takes_names_or_objects() {
        let names = parse_subscriptions("job_updates, system_alerts").unwrap();
        let objects =
            parse_subscriptions(r#"[{"subscription":"job_updates"},{"subscription":"system_alerts"}]"#);

        assert_eq!(Ok(names), objects);
        assert!(parse_subscriptions("job_updates,nothing").is_err());
        assert_eq!(parse_subscriptions(""), Ok(Vec::new()));
    }
}
