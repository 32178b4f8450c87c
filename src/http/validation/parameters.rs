//! Checks all parameters of a request at once: path, query and header, and unknown names.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use poem::Request;
use poem::http::HeaderMap;
use poem_openapi::registry::{MetaOperationParam, MetaParamIn, MetaSchemaRef, Registry};
use serde_json::Value;

use super::faults::Fault;
use super::operation_table::{MatchedOperation, OperationTable};
use super::{faults, query_rules};
use crate::base::json_integer::MAX_SAFE_INTEGER;
use crate::http::comma_list;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// Added to a request with bad parameters if its caller must be checked first: a caller without the permission learns
/// that, and not what the parameters should be.
#[derive(Clone, Debug)]
pub struct BadParameters {
    pub problem: Arc<Problem>,
    /// Whether the operation has a body; then the refusal waits for the faults of the body.
    pub has_body: bool,
}

/// Refuses a request with bad parameters before its body is read; for an operation with a body, the body's reader
/// refuses for all faults at once. Every extractor of a caller calls it after authentication: for a secured operation
/// nothing else refuses parameters that no extractor reads, which are the unknown ones.
pub fn refuse_before_body(request: &Request) -> Result<(), Problem> {
    match request.data::<BadParameters>() {
        Some(bad) if !bad.has_body => Err(Problem::clone(&bad.problem)),
        Some(_) | None => Ok(()),
    }
}

/// The faults of a request's parameters.
pub fn bad_parameters(request: &Request) -> Vec<FieldError> {
    request.data::<BadParameters>().map(|bad| bad.problem.errors.clone()).unwrap_or_default()
}

/// The result of the check of a request's parameters.
pub(in crate::http) enum ParameterCheck {
    Valid,
    Invalid(Problem),
    /// Like `Invalid`, but the caller is checked first, and the body, if there is one, together with it.
    InvalidAfterAuth {
        problem: Problem,
        has_body: bool,
    },
}

impl OperationTable {
    pub(in crate::http) fn check_parameters(&self, request: &Request) -> ParameterCheck {
        let Some(matched) = self.find(request.method(), request.original_uri().path()) else {
            return ParameterCheck::Valid;
        };
        if !matched.operation.documented {
            return ParameterCheck::Valid;
        }
        let errors = self.bad_parameters(&matched, request);
        match (errors.is_empty(), matched.operation.secured) {
            (true, _) => ParameterCheck::Valid,
            (false, false) if !matched.operation.has_body => {
                ParameterCheck::Invalid(Problem::validation(errors))
            }
            (false, _) => {
                let has_body = matched.operation.has_body;
                ParameterCheck::InvalidAfterAuth { problem: Problem::validation(errors), has_body }
            }
        }
    }

    fn bad_parameters(&self, matched: &MatchedOperation<'_>, request: &Request) -> Vec<FieldError> {
        let query = query_values(request.original_uri().query().unwrap_or_default());
        let params = &matched.operation.params;
        let mut errors = Vec::new();
        for param in params {
            let given = values_for(param, matched, &query, request.headers());
            errors.extend(faults_of(&self.registry, param, &given));
        }
        if errors.is_empty()
            && let Some((name, kind, words)) = query_rules::broken_cross_rule(|name| number(&query, name))
        {
            errors.push(error_at("query", name, &[], kind, words));
        }
        let is_known = |name: &str| params.iter().any(|param| is_in_query(param) && param.name == name);
        for name in query.keys().filter(|name| !is_known(name)) {
            errors.push(error_at("query", name, &[], "unknown_parameter", &unknown_parameter(params)));
        }
        errors
    }
}

fn number(query: &BTreeMap<String, Vec<String>>, name: &str) -> Option<f64> {
    query.get(name)?.first()?.parse().ok()
}

fn query_values(query: &str) -> BTreeMap<String, Vec<String>> {
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        values.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    values
}

fn values_for(
    param: &MetaOperationParam,
    matched: &MatchedOperation<'_>,
    query: &BTreeMap<String, Vec<String>>,
    headers: &HeaderMap,
) -> Vec<String> {
    match param.in_type {
        MetaParamIn::Query => query.get(&param.name).cloned().unwrap_or_default(),
        MetaParamIn::Path => {
            let value = matched.path_values.iter().find(|(name, _)| *name == param.name);
            value.map(|(_, value)| value.clone()).into_iter().collect()
        }
        MetaParamIn::Header => {
            let sent = headers.get_all(&param.name).iter();
            sent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect()
        }
        // No operation reads cookies.
        MetaParamIn::Cookie | MetaParamIn::CookiePrivate | MetaParamIn::CookieSigned => Vec::new(),
    }
}

fn faults_of(registry: &Registry, param: &MetaOperationParam, given: &[String]) -> Vec<FieldError> {
    let location = location_of(param);
    let error =
        |path: &[PathSegment], kind: &str, msg: &str| error_at(location, &param.name, path, kind, msg);
    let list = faults::parts(registry, &param.schema).into_iter().find_map(|part| part.items.as_deref());
    let value = match (given, list) {
        ([], _) if param.required => return vec![error(&[], "required", "is required")],
        ([], _) => return Vec::new(),
        (given, Some(items)) => {
            let texts = given.iter().flat_map(|text| comma_list::split(text));
            Value::Array(texts.map(|text| value_of_text(registry, items, text)).collect())
        }
        ([text], None) => value_of_text(registry, &param.schema, text),
        (_, None) => return vec![error(&[], "repeated", "must be given once only")],
    };
    let faults = faults::find(registry, &param.schema, &value);
    // A list of one value is written like a parameter with one value, and refused like one.
    let is_single = value.as_array().is_some_and(|values| values.len() == 1);
    let mut errors: Vec<_> = faults
        .into_iter()
        .map(|fault| {
            let path: &[PathSegment] = if is_single { &[] } else { &fault.path };
            error(path, fault.kind, &words_of(param, &fault))
        })
        .collect();
    // A parameter that is given several times is a list, which is the same as one text with commas.
    if errors.is_empty()
        && let Some((kind, words)) = broken_rule(location, &param.name, &given.join(","))
    {
        errors.push(error(&[], kind, &words));
    }
    errors
}

fn broken_rule(location: &str, name: &str, text: &str) -> Option<(&'static str, Cow<'static, str>)> {
    match location {
        "query" => query_rules::broken_rule(name, text),
        "path" => query_rules::broken_path_rule(name, text),
        _ => None,
    }
}

/// Every parameter is sent as text, so a refusal does not mention that it is a string. Integers in a path are ids:
/// one that no row can have is not found, and only what cannot be parsed as a number is refused here.
fn words_of(param: &MetaOperationParam, fault: &Fault) -> String {
    let is_of_number = matches!(fault.kind, "type" | "range");
    if param.in_type == MetaParamIn::Path && is_of_number && fault.msg.starts_with("must be a whole number") {
        return format!("must be a whole number from 1 to {MAX_SAFE_INTEGER}");
    }
    fault.msg.strip_suffix(", not a string").unwrap_or(&fault.msg).to_owned()
}

/// The JSON value of a parameter's text. Text that does not fit the schema's type stays a string, which the walk then
/// refuses.
pub(in crate::http) fn value_of_text(registry: &Registry, schema: &MetaSchemaRef, text: &str) -> Value {
    let ty = faults::parts(registry, schema).into_iter().map(|part| part.ty).find(|ty| !ty.is_empty());
    let value = match ty {
        Some("integer") => {
            text.parse::<i64>().map(Value::from).ok().or_else(|| text.parse::<u64>().map(Value::from).ok())
        }
        // Infinite and NaN are not JSON numbers.
        Some("number") => {
            let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64);
            number.map(Value::Number)
        }
        Some("boolean") => text.parse::<bool>().map(Value::from).ok(),
        _ => None,
    };
    value.unwrap_or_else(|| Value::from(text))
}

fn is_in_query(param: &MetaOperationParam) -> bool {
    param.in_type == MetaParamIn::Query
}

fn location_of(param: &MetaOperationParam) -> &'static str {
    match param.in_type {
        MetaParamIn::Query => "query",
        MetaParamIn::Path => "path",
        MetaParamIn::Header => "header",
        MetaParamIn::Cookie | MetaParamIn::CookiePrivate | MetaParamIn::CookieSigned => "cookie",
    }
}

fn error_at(location: &str, name: &str, path: &[PathSegment], kind: &str, msg: &str) -> FieldError {
    let mut steps = vec![PathSegment::Name(name.to_owned())];
    steps.extend_from_slice(path);
    FieldError::in_parameter(location, &steps, kind, msg)
}

fn unknown_parameter(params: &[MetaOperationParam]) -> String {
    let names: Vec<&str> =
        params.iter().filter(|param| is_in_query(param)).map(|param| param.name.as_str()).collect();
    match names.as_slice() {
        [] => "is not a parameter here; there are none".to_owned(),
        names => format!("is not a parameter here; known are {}", names.join(", ")),
    }
}
