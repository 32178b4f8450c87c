//! Replaces poem's own refusals: their texts name our types and parameters, and their statuses are not this API's.

use std::error::Error as _;
use std::io;

use poem::error::{MethodNotAllowedError, NotFoundError, ParsePathError, ReadBodyError};
use poem_openapi::error as openapi;

use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};

/// What is known about the refused request.
pub(super) struct RefusalContext<'a> {
    /// The methods that its route takes.
    pub(super) allowed: Option<String>,
    /// All faults of its parameters, if there are any.
    pub(super) bad_parameters: Option<&'a Problem>,
}

/// The problem for `error`.
pub(super) fn translate(error: &poem::Error, facts: &RefusalContext<'_>) -> Problem {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        return problem.clone();
    }
    if let Some(refused) = of_parameter(error) {
        // All parameters were checked beforehand; what only the parser refuses is reported alone.
        return facts.bad_parameters.cloned().unwrap_or_else(|| refused_by_parser(&refused));
    }
    if error.is::<NotFoundError>() || error.is::<ParsePathError>() {
        return Problem::new(Code::NotFound, "There is no such route.");
    }
    if error.is::<MethodNotAllowedError>() {
        return method_not_allowed(facts.allowed.as_deref());
    }
    if let Some(error) = error.downcast_ref::<ReadBodyError>() {
        return of_body(error);
    }
    if error.is::<openapi::ContentTypeError>() {
        return Problem::new(Code::UnsupportedMediaType, "The body is of a type that is not taken here.");
    }
    if error.is::<openapi::ParseRequestPayloadError>() || error.is::<openapi::ParseMultipartError>() {
        return Problem::new(Code::BadRequest, "The body is not what its content type says.");
    }
    if error.is::<openapi::AuthorizationError>() {
        return Problem::authentication_required();
    }
    of_status(error.status().as_u16())
}

/// The refusal of a status of which nothing else is known.
pub(super) fn of_status(status: u16) -> Problem {
    match Code::of_status(status) {
        Code::Internal => Problem::internal(),
        Code::NotFound => Problem::not_found(),
        Code::Unauthenticated => Problem::authentication_required(),
        code => Problem::new(code, code.row().doc),
    }
}

struct Parameter {
    location: &'static str,
    name: &'static str,
}

fn of_parameter(error: &poem::Error) -> Option<Parameter> {
    if let Some(error) = error.downcast_ref::<openapi::ParseParamError>() {
        return Some(Parameter { location: "query", name: error.name });
    }
    // poem identifies a path parameter by its index there.
    error.downcast_ref::<openapi::ParsePathError>().map(|_| Parameter { location: "path", name: "" })
}

fn refused_by_parser(parameter: &Parameter) -> Problem {
    let steps: Vec<PathSegment> = Some(parameter.name)
        .filter(|name| !name.is_empty())
        .map(|name| PathSegment::Name(name.to_owned()))
        .into_iter()
        .collect();
    Problem::validation(vec![FieldError::in_parameter(
        parameter.location,
        &steps,
        "invalid",
        "is not acceptable",
    )])
}

fn method_not_allowed(allowed: Option<&str>) -> Problem {
    match allowed {
        Some(methods) => {
            let detail = format!("This route takes {methods}.");
            Problem::new(Code::MethodNotAllowed, detail).header("Allow", methods)
        }
        // RFC 9110 requires the header; an empty one says that no method is known.
        None => {
            Problem::new(Code::MethodNotAllowed, "This route does not take this method.").header("Allow", "")
        }
    }
}

fn of_body(error: &ReadBodyError) -> Problem {
    match error {
        ReadBodyError::PayloadTooLarge => Problem::new(Code::PayloadTooLarge, "The body is too large."),
        ReadBodyError::Io(error) => of_broken_body(error),
        ReadBodyError::Utf8(_) => Problem::new(Code::BadRequest, "The body is not UTF-8."),
        ReadBodyError::BodyHasBeenTaken => Problem::internal(),
    }
}

/// The refusal of a request after its body stalled or was cut off.
pub(in crate::http) fn of_broken_body(error: &io::Error) -> Problem {
    let timed_out = error.kind() == io::ErrorKind::TimedOut
        || error.source().and_then(|source| source.downcast_ref::<io::Error>()).is_some_and(is_timeout);
    if timed_out {
        return Problem::new(
            Code::RequestTimeout,
            "The body stood still for too long; send it without pauses.",
        );
    }
    Problem::new(Code::BadRequest, "The body broke off before its end.")
}

fn is_timeout(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}
