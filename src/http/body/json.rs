//! JSON bodies of a type, with the size limit of their kind, and what the readers of other bodies share with them.

use std::marker::PhantomData;

use bytes::Bytes;
use poem::http::Method;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::Type;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::read::body_of_type;
use super::reservation::{BodyReservation, BodySize, Many, Single};
use super::rules::{self, Rules};
use super::schema_reader::{FreeForm, SchemaReader};
use super::unreadable::unreadable_words;
use super::{nulls, numbers};
use crate::base::normalize;
use crate::http::validation::{bad_fields, bad_parameters};
use crate::protocol::problem::{Code, FieldError, Problem};

/// A JSON body with the size limit of its kind.
#[derive(Debug)]
pub struct Body<T, S = Single>(pub T, PhantomData<S>);

/// A JSON body with many rows.
pub type Batch<T> = Body<T, Many>;

impl<'a, T: Rules, S: BodySize> ApiExtractor<'a> for Body<T, S> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(meta::<T>(JSON))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let parameters = bad_parameters(request);
        let bytes = body_of_type::<S>(request, body, JSON).await?;
        Ok(Self(with_parameters(parameters, parse(request, &bytes))?, PhantomData))
    }
}

pub(super) const JSON: &str = "application/json";

pub(super) fn meta<T: Type>(content_type: &'static str) -> MetaRequest {
    MetaRequest {
        description: None,
        content: vec![MetaMediaType { content_type, schema: T::schema_ref() }],
        required: T::IS_REQUIRED,
    }
}

/// Bodies up to this size are parsed without their schema, which is faster; the size bounds the memory that this
/// takes, and it is freed after parsing.
const PLAIN_BYTES: usize = 64 * 1024;

/// Refuses for the faults of the parameters and of the body at once.
pub(super) fn with_parameters<T>(
    parameters: Vec<FieldError>,
    body: Result<T, Problem>,
) -> Result<T, Problem> {
    match body {
        Err(problem) if problem.code != Code::ValidationFailed => Err(problem),
        Ok(body) if parameters.is_empty() => Ok(body),
        Ok(_) => Err(Problem::validation(parameters)),
        Err(problem) if parameters.is_empty() => Err(problem),
        Err(problem) => Err(Problem::validation(parameters.into_iter().chain(problem.errors).collect())),
    }
}

pub(super) fn parse<T: Rules>(request: &Request, bytes: &Bytes) -> Result<T, Problem> {
    if let Some(account) = BodyReservation::of(request) {
        account.charge_parsed(bytes.len())?;
    }
    let bytes = strip_bom(bytes);
    if bytes.is_empty() {
        return T::parse_from_json(None).map_err(|_| Problem::validation(vec![missing_body()]));
    }
    let value = read_json::<T>(bytes, FreeForm::Keep)?;
    // What is made new has no earlier value that null could be meant to empty: there it is the same as absent.
    let mut errors =
        if *request.method() == Method::POST { Vec::new() } else { nulls::null_fields::<T>(&value) };
    errors.extend(numbers::too_large_for::<T>(bytes));
    errors.extend(rules::nul_characters::<T>(bytes, &value));
    if !errors.is_empty() {
        return Err(rules::refusal::<T>(errors, &value, rules::now(request)));
    }
    let nulls = T::null_fields(&value);
    match T::parse_from_json(Some(value)) {
        Ok(parsed) => Ok(parsed.with_null_fields(nulls)),
        // Parsing has consumed the value; parsing a bad body twice is cheaper than copying every good one.
        Err(_) => {
            let value = read_json::<T>(bytes, FreeForm::Drop)?;
            Err(rules::refusal::<T>(Vec::new(), &value, rules::now(request)))
        }
    }
}

/// JSON without the byte order mark that some editors and languages put before it (RFC 8259 section 8.1).
pub(super) fn strip_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn read_json<T: Type>(bytes: &[u8], free_form: FreeForm) -> Result<Value, Problem> {
    let value = if bytes.len() <= PLAIN_BYTES {
        serde_json::from_slice(bytes)
    } else {
        SchemaReader::of::<T>().read(bytes, free_form)
    };
    let mut value = value.map_err(|error| invalid_json(&error))?;
    numbers::normalize_integers::<T>(&mut value);
    trim_names(&mut value);
    Ok(value)
}

/// Normalises names to the form in which they are compared and stored, so that rules check what will be stored.
fn trim_names(body: &mut Value) {
    for (name, value) in body.as_object_mut().into_iter().flatten() {
        if normalize::is_name_field(name) {
            trim(value);
        } else if PARTS.contains(&name.as_str()) {
            trim_names(value);
        }
    }
}

/// Fields that hold an object with names of its own. Free-form fields are not among them.
const PARTS: [&str; 2] = ["admin", "tenant"];

/// The text, or each text of the list, trimmed and composed.
fn trim(value: &mut Value) {
    match value {
        Value::String(text) => *text = normalize::exact(text),
        Value::Array(items) => items.iter_mut().filter(|item| item.is_string()).for_each(trim),
        _ => {}
    }
}

pub(super) fn invalid_json(error: &serde_json::Error) -> Problem {
    let (line, column) = (error.line(), error.column());
    let words = unreadable_words(error).unwrap_or("is not JSON");
    let detail = format!("The body {words}: reading stopped at line {line}, column {column}.");
    Problem::new(Code::InvalidJson, detail)
}

pub(super) fn missing_body() -> FieldError {
    FieldError::in_body(&[], "required", "is required")
}

/// The refusal of a value that is not a `T`.
pub(super) fn refusal<T: Type>(value: &Value) -> Problem {
    let mut errors = bad_fields::<T>(value);
    if errors.is_empty() {
        // A rule of the type that its schema cannot express.
        errors.push(FieldError::in_body(&[], "invalid", "is not acceptable"));
    }
    Problem::validation(errors)
}
