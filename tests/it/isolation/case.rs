//! One request of an operation, the ids in it, and what must hold for it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::call::Call;
use super::world::{CANARY, TenantCallers, World};
use crate::support::answer::Response;

/// An id that no table of a test reaches.
const NEVER_NUMBER: &str = "4503599627370496";
/// A well-formed id (UUIDv7) that is never created.
const NEVER_UUID: &str = "01900000-0000-7000-8000-00000000dead";

/// The caller with which the request succeeds.
#[derive(Clone, Debug)]
pub enum CallerKind {
    Admin,
    Key,
    Token(String),
    Anonymous,
    Operator,
}

#[derive(Clone, Debug)]
pub struct Case {
    pub call: Call,
    by: CallerKind,
    identifiers: Vec<Identifier>,
    shows: bool,
    unchanged: Option<String>,
}

/// The values of a placeholder: the owner's, the one that a stranger tries, and one that never existed.
#[derive(Clone, Debug)]
struct Identifier {
    parameter: &'static str,
    own: String,
    tried: String,
    never: String,
}

impl Case {
    pub fn new(call: Call) -> Self {
        Self { call, by: CallerKind::Admin, identifiers: Vec::new(), shows: false, unchanged: None }
    }

    /// The same request at the operation's alias at the root.
    pub fn at_root(mut self) -> Self {
        self.call = self.call.at_root();
        self
    }

    pub fn by(mut self, by: CallerKind) -> Self {
        self.by = by;
        self
    }

    /// The owner's answer contains a canary, so there is something that strangers must not see.
    pub fn shows(mut self) -> Self {
        self.shows = true;
        self
    }

    /// What the owner's admin reads at `path` must be the same before and after the strangers' attempts.
    pub fn unchanged(mut self, path: impl Into<String>) -> Self {
        self.unchanged = Some(path.into());
        self
    }

    pub fn number(self, location: &'static str, id: i64) -> Self {
        let id = id.to_string();
        self.name(location, &id, &id, NEVER_NUMBER)
    }

    pub fn uuid(self, location: &'static str, id: &str) -> Self {
        self.name(location, id, id, NEVER_UUID)
    }

    pub fn word(self, world: &World<'_>, location: &'static str, word: &str) -> Self {
        self.name(location, word, word, &world.unused_word())
    }

    /// A name that each tenant may use: the owner takes a `free` one, the stranger tries one that is `taken`.
    pub fn free(self, world: &World<'_>, location: &'static str, free: &str, taken: &str) -> Self {
        self.name(location, free, taken, &world.unused_word())
    }

    pub fn name(mut self, location: &'static str, own: &str, tried: &str, never: &str) -> Self {
        let (own, tried, never) = (own.to_owned(), tried.to_owned(), never.to_owned());
        self.identifiers.push(Identifier { parameter: location, own, tried, never });
        self
    }

    /// The request as its owner makes it.
    pub fn own(&self) -> Call {
        self.call.with(self.identifiers.iter().map(|name| (name.parameter, name.own.as_str())))
    }

    /// The request as a stranger makes it.
    pub fn tried(&self) -> Call {
        self.call.with(self.identifiers.iter().map(|name| (name.parameter, name.tried.as_str())))
    }

    fn never(&self) -> Call {
        self.call.with(self.identifiers.iter().map(|name| (name.parameter, name.never.as_str())))
    }

    /// The owner makes the request; returns a message for each fault.
    pub async fn succeeds(&self, world: &World<'_>) -> Vec<String> {
        let credential = self.credential(world).await;
        let call = self.own();
        let answer = call.send(world.app, credential.as_deref()).await;
        let mut faults = Vec::new();
        if !(200..300).contains(&answer.status) {
            faults.push(format!("its owner cannot do it: {call}: {answer:?}"));
        } else if self.shows && !answer.text.contains(CANARY) {
            faults.push(format!("its owner sees no canary: {call}: {answer:?}"));
        }
        faults
    }

    /// The caller with which it succeeds.
    pub fn caller_kind(&self) -> &CallerKind {
        &self.by
    }

    /// The owner's credential.
    pub async fn credential(&self, world: &World<'_>) -> Option<String> {
        match &self.by {
            CallerKind::Admin => Some(world.owner.fresh_token().await),
            CallerKind::Key => Some(world.owner.key.token().to_owned()),
            CallerKind::Token(token) => Some(token.clone()),
            CallerKind::Anonymous => None,
            CallerKind::Operator => Some(world.operator.clone()),
        }
    }

    /// Strangers make the request; returns a message for whatever they learn.
    pub async fn reveals_nothing(&self, world: &World<'_>) -> Vec<String> {
        let mut faults = Vec::new();
        let before = self.read_unchanged(world).await;
        for (who, credential) in [
            ("admin", Credential::FreshToken(&world.stranger)),
            ("key", Credential::Key(world.stranger.key.token())),
        ] {
            let (tried, never) = (self.tried(), self.never());
            let answer = tried.send(world.app, Some(&credential.text().await)).await;
            faults.extend(leak(&tried, &answer).map(|words| format!("{who}: {words}")));
            if !self.identifiers.is_empty() {
                let unknown = never.send(world.app, Some(&credential.text().await)).await;
                let received = [self.comparable(&answer), self.comparable(&unknown)];
                if received[0] != received[1] {
                    faults.push(format!(
                        "{who}: {tried} is answered {:?}, and {never} {:?}",
                        received[0], received[1]
                    ));
                }
            }
        }
        if before != self.read_unchanged(world).await {
            faults.push(format!(
                "{} has changed by {}",
                self.unchanged.as_deref().unwrap_or_default(),
                self.tried()
            ));
        }
        faults
    }

    async fn read_unchanged(&self, world: &World<'_>) -> Option<Value> {
        let path = self.unchanged.as_ref()?;
        Some(world.admin_does(Call::get(path)).await.json())
    }

    /// The part of an answer that can be compared, without what differs between any two answers.
    fn comparable(&self, answer: &Response) -> ComparableResponse {
        let words = self.identifiers.iter().filter(|name| name.never.starts_with("unheard"));
        let hide = |text: &str| {
            words.clone().fold(text.to_owned(), |text, name| {
                let text = text.replace(&name.tried, name.parameter);
                text.replace(&name.never, name.parameter)
            })
        };
        let text = hide(&answer.text);
        let body = serde_json::from_str(&text)
            .map_or(Value::String(text), |body| without_volatile_fields(body, answer.status));
        // The location of a new thing contains its new id.
        let is_new = |name: &str| answer.status == 201 && name == "location";
        let headers = answer.headers.iter().filter(|(name, _)| !is_volatile(name.as_str()));
        let headers = headers.filter(|(name, _)| !is_new(name.as_str()));
        let headers =
            headers.map(|(name, value)| (name.to_string(), hide(&String::from_utf8_lossy(value.as_bytes()))));
        ComparableResponse { status: answer.status, headers: headers.collect(), body }
    }

    /// The names of the parameters and fields that it varies.
    pub fn varied(&self, template: &str) -> BTreeSet<String> {
        self.call.varied(template)
    }
}

enum Credential<'w> {
    FreshToken(&'w TenantCallers<'w>),
    Key(&'w str),
}

impl Credential<'_> {
    async fn text(&self) -> String {
        match self {
            Self::FreshToken(party) => party.fresh_token().await,
            Self::Key(key) => (*key).to_owned(),
        }
    }
}

#[derive(Debug, PartialEq)]
struct ComparableResponse {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Value,
}

fn is_volatile(header: &str) -> bool {
    matches!(header, "date" | "x-request-id" | "content-length" | "etag") || header.starts_with("ratelimit")
}

/// Without the request id; for created or listed things also without ids and times, which are new each time.
fn without_volatile_fields(body: Value, status: u16) -> Value {
    let passes = |name: &str| {
        name == "request_id"
            || (status < 300
                && (name == "id" || name == "position" || name.ends_with("_id") || name.ends_with("_at")))
    };
    match body {
        Value::Object(fields) => {
            let kept = fields.into_iter().filter(|(name, _)| !passes(name));
            Value::Object(kept.map(|(name, value)| (name, without_volatile_fields(value, status))).collect())
        }
        Value::Array(values) => {
            values.into_iter().map(|value| without_volatile_fields(value, status)).collect()
        }
        other => other,
    }
}

/// The first of the first tenant's texts in an answer, except those that the caller has sent.
pub fn leak(call: &Call, answer: &Response) -> Option<String> {
    let headers =
        answer.headers.iter().map(|(_, value)| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let received = headers.chain([answer.text.clone()]).collect::<Vec<_>>().join("\n");
    let said = call.submitted_text();
    let received = canaries(&received).find(|word| !said.contains(word))?;
    Some(format!("{call} tells {received}: {answer:?}"))
}

/// The canary texts of the first tenant in a text.
pub fn canaries(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices(CANARY).map(|(start, _)| {
        let rest = &text[start..];
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).unwrap_or(rest.len());
        &rest[..end]
    })
}
