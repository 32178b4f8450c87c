//! The single table of refusals: what an HTTP problem, a WebSocket close and an SSE `problem` event contain, and how
//! a [`Problem`] looks on the wire (RFC 9457). It knows status codes and no HTTP framework.

mod close;
mod code;

use std::borrow::Cow;
use std::fmt;

use poem_openapi::{Object, Union};
use serde::Serialize;

use crate::base::text;

pub use close::{CloseCode, CloseCodeBody, CloseRow, Retry, StreamProblem};
pub use code::{Code, CodeRow};

/// A refusal as a value: the code identifies it, the detail explains it to this caller in one sentence.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub code: Code,
    /// What was wrong and what would be accepted. It is public: never a cause, a name of our own types or a secret.
    pub detail: Cow<'static, str>,
    /// Every bad field of the request; empty for other refusals.
    pub errors: Vec<FieldError>,
    /// Seconds after which a retry makes sense.
    pub retry_after: Option<u32>,
    /// The error code of RFC 6749 for it, on the token endpoint.
    pub oauth_error: Option<&'static str>,
    /// The scopes with any of which an API key may do what was refused, separated by spaces.
    pub missing_scopes: Option<Box<str>>,
    /// Response headers that belong to this refusal, such as `Allow`.
    pub headers: Vec<(&'static str, String)>,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            oauth_error: None,
            missing_scopes: None,
            headers: Vec::new(),
        }
    }

    /// The refusal of a request with bad fields; `errors` names all of them.
    pub fn validation(errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", only.location(), only.msg),
            several => format!("{} fields of the request are not acceptable.", several.len()),
        };
        Self { errors, ..Self::new(Code::ValidationFailed, detail) }
    }

    /// The refusal of values that are taken, or that conflict with the stored state; `errors` names their fields.
    pub fn conflict_of(detail: impl Into<Cow<'static, str>>, errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(Code::Conflict, detail) }
    }

    /// The answer for another tenant's resource, and for one that never existed.
    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "There is nothing here that you may see.")
    }

    /// No credential was sent.
    pub fn authentication_required() -> Self {
        Self::new(Code::Unauthenticated, "Authentication required")
    }

    /// The credential is invalid; the answer does not say which rule it broke.
    pub fn invalid_token() -> Self {
        Self::new(Code::Unauthenticated, "Invalid token")
    }

    /// The credential is valid, but its user may not use it.
    pub fn inactive_user() -> Self {
        Self::new(Code::InactiveUser, "User not found or inactive")
    }

    /// An internal error. The cause is for the log; the caller gets the request id to quote.
    pub fn internal() -> Self {
        Self::new(Code::Internal, "The server failed to answer; quote the request id when you report it.")
    }

    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The problem in one text, for messages without a list of bad fields: several are all named in it.
    pub fn message(&self) -> String {
        match self.errors.as_slice() {
            several @ [_, _, ..] if self.code == Code::ValidationFailed => join_errors(several),
            _ => self.detail.clone().into_owned(),
        }
    }

    /// The members of RFC 9457, for the request that `request_id` names.
    pub fn to_body(&self, request_id: &str) -> ProblemBody {
        let row = self.code.row();
        ProblemBody {
            kind: format!("/problems/{}", row.name),
            title: row.title.to_owned(),
            status: row.status,
            detail: self.detail.clone().into_owned(),
            code: row.name.to_owned(),
            request_id: request_id.to_owned(),
            errors: (!self.errors.is_empty()).then(|| self.errors.clone()),
            error: self.oauth_error.map(str::to_owned),
            error_description: self.oauth_error.map(|_| self.detail.clone().into_owned()),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.row().name, self.detail)
    }
}

impl std::error::Error for Problem {}

/// A problem as `application/problem+json` carries it (RFC 9457).
#[derive(Clone, Debug, PartialEq, Object, Serialize)]
#[oai(rename = "Problem", skip_serializing_if_is_none)]
pub struct ProblemBody {
    /// A page about this kind of problem: `/problems/{code}`.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What was wrong with this request, and what would be accepted.
    pub detail: String,
    /// The stable identifier of the kind of problem; new ones may be added.
    pub code: String,
    pub request_id: String,
    /// Every bad field of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<FieldError>>,
    /// The error code of RFC 6749 section 5.2, in refusals of the token endpoint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The detail again, if there is an `error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_description: Option<String>,
}

/// One bad field of a request.
#[derive(Clone, Debug, PartialEq, Eq, Object, Serialize)]
pub struct FieldError {
    /// The location in the body (RFC 6901); empty for a parameter.
    pub pointer: String,
    /// The location as a path: `body`, `query`, `path` or `header`, then names and indexes.
    pub loc: Vec<PathSegment>,
    pub msg: String,
    /// The stable identifier of the broken rule.
    #[oai(rename = "type")]
    #[serde(rename = "type")]
    pub kind: String,
}

/// A segment of the path to a field: a name, or an index in a list.
#[derive(Clone, Debug, PartialEq, Eq, Union, Serialize)]
#[serde(untagged)]
pub enum PathSegment {
    Name(String),
    Index(u64),
}

impl FieldError {
    /// A bad field of the JSON body; `path` leads to it from the body's root.
    pub fn in_body(path: &[PathSegment], kind: &str, msg: impl Into<String>) -> Self {
        let pointer = path.iter().map(|step| format!("/{}", step.escaped())).collect();
        Self { pointer, ..Self::at("body", path, kind, msg) }
    }

    /// A field of the body with a value that another resource already has.
    pub fn taken(path: &[&str], msg: impl Into<String>) -> Self {
        let steps: Vec<PathSegment> = path.iter().map(|name| PathSegment::Name((*name).to_owned())).collect();
        Self::in_body(&steps, "taken", msg)
    }

    /// A bad parameter; `location` is `query`, `path` or `header`, and `path` starts with its name.
    pub fn in_parameter(location: &str, path: &[PathSegment], kind: &str, msg: impl Into<String>) -> Self {
        Self::at(location, path, kind, msg)
    }

    fn at(location: &str, path: &[PathSegment], kind: &str, msg: impl Into<String>) -> Self {
        let loc =
            std::iter::once(PathSegment::Name(location.to_owned())).chain(path.iter().cloned()).collect();
        Self { pointer: String::new(), loc, msg: msg.into(), kind: kind.to_owned() }
    }

    /// Whether it is a fault of the parameter `name` in `location`.
    pub fn is_of_parameter(&self, location: &str, name: &str) -> bool {
        let mut steps = self.loc.iter();
        let mut is_next = |text: &str| matches!(steps.next(), Some(PathSegment::Name(step)) if step == text);
        is_next(location) && is_next(name)
    }

    fn location(&self) -> String {
        let steps: Vec<String> = self.loc.iter().map(PathSegment::to_string).collect();
        steps.join(".")
    }
}

/// Bytes of all faults of a row in one text: the text quotes names that the caller made up.
const MAX_ROW_TEXT: usize = 2_000;

/// Every bad field of one row of a batch in one text.
pub fn join_errors(errors: &[FieldError]) -> String {
    let words = errors.iter().map(|error| match error.pointer.trim_start_matches('/') {
        "" => error.msg.clone(),
        field => format!("{}: {}", field.replace('/', "."), error.msg),
    });
    let all = words.collect::<Vec<_>>().join("; ");
    text::truncate(&all, MAX_ROW_TEXT).to_owned()
}

impl PathSegment {
    /// The segment as RFC 6901 writes it.
    fn escaped(&self) -> String {
        self.to_string().replace('~', "~0").replace('/', "~1")
    }
}

impl fmt::Display for PathSegment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Index(index) => index.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn price_of_item_three() -> FieldError {
        let path = [
            PathSegment::Name("items".into()),
            PathSegment::Index(3),
            PathSegment::Name("list/price".into()),
        ];
        FieldError::in_body(&path, "minimum", "must be 0 or more")
    }

    #[test]
    fn a_problem_has_the_members_of_rfc_9457_and_names_the_field() {
        let body = Problem::validation(vec![price_of_item_three()]).to_body("r-1");

        let expected = json!({
            "type": "/problems/validation_failed", "title": "Validation failed", "status": 422,
            "detail": "body.items.3.list/price: must be 0 or more", "code": "validation_failed", "request_id": "r-1",
            "errors": [{
                "pointer": "/items/3/list~1price", "loc": ["body", "items", 3, "list/price"],
                "msg": "must be 0 or more", "type": "minimum",
            }],
        });
        assert_eq!(serde_json::to_value(body).unwrap(), expected);
    }

    #[test]
    fn the_one_text_of_a_problem_names_every_bad_field() {
        let name = FieldError::in_body(&[PathSegment::Name("name".into())], "required", "is required");
        let one = Problem::validation(vec![price_of_item_three()]);
        let two = Problem::validation(vec![price_of_item_three(), name]);

        assert_eq!(one.message(), "body.items.3.list/price: must be 0 or more");
        assert_eq!(two.message(), "items.3.list~1price: must be 0 or more; name: is required");
    }

    #[test]
    fn errors_are_absent_when_no_field_is_to_blame() {
        let body = serde_json::to_value(Problem::not_found().to_body("r-1")).unwrap();

        assert!(body.get("errors").is_none());
    }

    #[test]
    fn both_ways_of_writing_a_problem_as_json_agree() {
        use poem_openapi::types::ToJSON;
        let body = Problem::validation(vec![price_of_item_three()]).to_body("r-1");

        assert_eq!(body.to_json(), Some(serde_json::to_value(&body).unwrap()));
    }
}
