//! One refusal names every bad field: those that the schema finds, and those that break a rule which no schema can
//! express. A body that its schema refuses is repaired from the example, only so that the rules can check the rest.

use chrono::{DateTime, Utc};
use poem::Request;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::{jobs, messages, previews, properties, spiders};
use crate::http::request_data::identity as identity_of;
use crate::http::validation::{bad_fields, nul_texts};
use crate::protocol::job::NewJob;
use crate::protocol::null_fields::NullFields;
use crate::protocol::preview::NewPreview;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::property::PropertyInput;
use crate::protocol::room::{NewChatMessage, NewDirectMessage, NewRoom};
use crate::protocol::spider::{NewSpider, SpiderInput};
use crate::protocol::upload::id_texts;
use crate::protocol::worker::{ClaimRequest, CompleteReport, FailReport, LeaseReport, ProgressReport};

/// A body with its rules.
pub trait Rules: ParseFromJSON {
    /// What `null` means in fields that may be left out.
    const NULLS: Nulls = Nulls::Refused;

    /// A valid body that replaces bad fields; `None`: the rules are not checked when the schema refuses.
    fn sample() -> Option<Value> {
        None
    }

    /// Every field that breaks a rule of the use case, which itself checks a body that the schema accepts.
    fn violations(self, now: DateTime<Utc>) -> Vec<FieldError>;

    /// The fields that are `null`, where the use case decides what that does.
    fn null_fields(_value: &Value) -> NullFields {
        NullFields::default()
    }

    /// The body with these fields.
    #[must_use]
    fn with_null_fields(self, _nulls: NullFields) -> Self {
        self
    }

    /// What is wrong with a request without this body, where query parameters may take its place.
    fn violations_without_body(_query: &str) -> Vec<FieldError> {
        Vec::new()
    }
}

/// The meaning of `null` in fields that may be left out.
pub enum Nulls {
    /// None, in nested objects either.
    Refused,
    /// Absent fields stay unchanged, and `null` empties these.
    Empty(&'static [&'static str]),
    /// The use case decides, from [`Rules::null_fields`].
    Kept,
}

/// Bodies with the rules of a use case.
macro_rules! body_rules {
    ($($body:ty $(, emptied by null: [$($field:literal),*])?: |$it:ident, $now:ident| $violations:expr;)*) => {$(
        impl $crate::http::body::rules::Rules for $body {
            $(const NULLS: $crate::http::body::rules::Nulls =
                $crate::http::body::rules::Nulls::Empty(&[$($field),*]);)?

            fn sample() -> Option<serde_json::Value> {
                use poem_openapi::types::{Example, ToJSON};
                <$body>::example().to_json()
            }

            fn violations(
                self,
                $now: chrono::DateTime<chrono::Utc>,
            ) -> Vec<$crate::protocol::problem::FieldError> {
                let $it = self;
                $violations
            }
        }
    )*};
}

pub(in crate::http) use body_rules;

body_rules! {
    NewSpider: |new, _now| spiders::validate_new(&new);
    SpiderInput: |change, _now| spiders::validate_change(&change);
    NewPreview: |new, _now| previews::validate(&new);
    NewJob: |new, _now| jobs::queue::validate_new_job(&new);
    NewRoom: |new, _now| crate::domain::rooms::judge_new(&new);
    NewChatMessage: |new, _now| validate_message(&new.text, new.client_message_id, new.upload_ids);
    NewDirectMessage: |new, _now| validate_message(&new.text, new.client_message_id, new.upload_ids);
    ClaimRequest: |claim, _now| jobs::claims::validate(&claim);
    LeaseReport: |_report, _now| Vec::new();
    ProgressReport: |report, _now| jobs::worker_reports::validate_progress(&report.into());
    CompleteReport: |report, _now| jobs::worker_reports::validate_completion(&report.into());
    FailReport: |report, _now| jobs::worker_reports::validate_failure(&report.into());
}

impl Rules for PropertyInput {
    /// It empties a field, unless the caller is an API key from before that rule. In rows of a batch, too.
    const NULLS: Nulls = Nulls::Kept;

    fn sample() -> Option<Value> {
        Self::example().to_json()
    }

    fn violations(self, _now: DateTime<Utc>) -> Vec<FieldError> {
        properties::validate_put(self)
    }

    fn null_fields(value: &Value) -> NullFields {
        value.as_object().map(NullFields::of).unwrap_or_default()
    }

    fn with_null_fields(self, nulls: NullFields) -> Self {
        Self { nulls, ..self }
    }
}

fn validate_message(
    text: &str,
    client_message_id: Option<String>,
    uploads: Option<Vec<Uuid>>,
) -> Vec<FieldError> {
    messages::validate(text, client_message_id.as_deref(), &id_texts(uploads))
}

/// The current time, for rules about the future.
pub(super) fn now(request: &Request) -> DateTime<Utc> {
    identity_of(request).map_or(DateTime::<Utc>::MIN_UTC, |identity| identity.now())
}

/// Texts with the character NUL, which not every store accepts; a body without its escape has none.
pub(super) fn nul_characters<T: Type>(bytes: &[u8], value: &Value) -> Vec<FieldError> {
    let has_escape = bytes.windows(6).any(|six| six == b"\\u0000");
    if has_escape { nul_texts::<T>(value) } else { Vec::new() }
}

/// The refusal of a body: the known faults, those of its schema, and the rules that the rest breaks.
pub(super) fn refusal<T: Rules>(found: Vec<FieldError>, value: &Value, now: DateTime<Utc>) -> Problem {
    let mut errors = found;
    add(&mut errors, bad_fields::<T>(value));
    if let Some(mended) = T::sample().and_then(|stand_in| repair::<T>(value, &errors, &stand_in)) {
        add(&mut errors, mended.violations(now));
    }
    if errors.is_empty() {
        // A rule of the type that its schema cannot express.
        errors.push(FieldError::in_body(&[], "invalid", "is not acceptable"));
    }
    Problem::validation(errors)
}

/// Adds further faults, except those of a field that has a fault already, of a part of it, or of an ancestor. Faults
/// of the whole body are always kept beside the others.
fn add(errors: &mut Vec<FieldError>, more: Vec<FieldError>) {
    let known = errors.len();
    for error in more {
        let is_same = |one: &FieldError| {
            let is_whole = one.loc.len() == 1 || error.loc.len() == 1;
            one.loc == error.loc
                || (!is_whole && (one.loc.starts_with(&error.loc) || error.loc.starts_with(&one.loc)))
        };
        if !errors[..known].iter().any(is_same) {
            errors.push(error);
        }
    }
}

/// The body with a valid value at each bad location.
fn repair<T: ParseFromJSON>(value: &Value, errors: &[FieldError], stand_in: &Value) -> Option<T> {
    let mut mended = value.clone();
    if !mended.is_object() {
        return None;
    }
    // From the end of a list to its beginning, so that a removal does not move the others.
    for error in errors.iter().rev() {
        let path = error.loc.get(1..).unwrap_or_default();
        if !path.is_empty() {
            repair_at(&mut mended, path, Some(stand_in));
        }
    }
    T::parse_from_json(Some(mended)).ok()
}

/// Puts the sample's value at the location, or removes the value where the sample has none.
fn repair_at(value: &mut Value, path: &[PathSegment], stand_in: Option<&Value>) {
    let [step, rest @ ..] = path else { return };
    let other = stand_in.and_then(|stand_in| child(stand_in, step));
    match (value, step) {
        (Value::Object(fields), PathSegment::Name(name)) => {
            if rest.is_empty() {
                put(fields, name, other);
            } else if let Some(inner) = fields.get_mut(name) {
                repair_at(inner, rest, other);
            } else if let Some(other) = other {
                fields.insert(name.clone(), other.clone());
            }
        }
        (Value::Array(items), PathSegment::Index(index)) => {
            let at = usize::try_from(*index).unwrap_or(usize::MAX);
            if let Some(item) = items.get_mut(at) {
                match other {
                    _ if !rest.is_empty() => repair_at(item, rest, other),
                    Some(other) => *item = other.clone(),
                    None => drop(items.remove(at)),
                }
            }
        }
        _ => {}
    }
}

fn put(fields: &mut Map<String, Value>, name: &str, other: Option<&Value>) {
    match other {
        Some(other) => drop(fields.insert(name.to_owned(), other.clone())),
        None => drop(fields.remove(name)),
    }
}

/// The sample's value at this step; any item of its list will do.
fn child<'a>(value: &'a Value, step: &PathSegment) -> Option<&'a Value> {
    match (value, step) {
        (Value::Object(fields), PathSegment::Name(name)) => fields.get(name).filter(|value| !value.is_null()),
        (Value::Array(items), PathSegment::Index(_)) => items.first(),
        _ => None,
    }
}
