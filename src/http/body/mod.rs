//! Request bodies: bounded, typed, and refused with every bad field named.

mod form;
mod log_lines;
mod optional;
mod read;

use bytes::Bytes;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, Registry};
use poem_openapi::types::{ParseFromJSON, Type};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::explain::{bad_fields, refuse_bad_parameters};
use crate::protocol::problem::{Code, FieldError, Problem};

pub use form::Form;
pub use log_lines::LogLines;
pub use optional::OptionalBody;
pub use read::{has_essence, read_at_most};

/// A body at most.
pub const BODY_BYTES: usize = 1024 * 1024;
/// A batch at most.
pub const BATCH_BYTES: usize = 8 * 1024 * 1024;

/// A JSON body of at most `LIMIT` bytes.
#[derive(Debug)]
pub struct Body<T, const LIMIT: usize = BODY_BYTES>(pub T);

/// A JSON body that carries many rows.
pub type Batch<T> = Body<T, BATCH_BYTES>;

impl<'a, T: ParseFromJSON, const LIMIT: usize> ApiExtractor<'a> for Body<T, LIMIT> {
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
        refuse_bad_parameters(request)?;
        let bytes = read::body_of_type(request, body, JSON, LIMIT).await?;
        Ok(Self(parse(&bytes)?))
    }
}

const JSON: &str = "application/json";

fn meta<T: Type>(content_type: &'static str) -> MetaRequest {
    MetaRequest {
        description: None,
        content: vec![MetaMediaType { content_type, schema: T::schema_ref() }],
        required: T::IS_REQUIRED,
    }
}

fn parse<T: ParseFromJSON>(bytes: &Bytes) -> Result<T, Problem> {
    let Some(value) = read_json(bytes)? else {
        return T::parse_from_json(None).map_err(|_| Problem::validation(vec![missing_body()]));
    };
    match T::parse_from_json(Some(value)) {
        Ok(parsed) => Ok(parsed),
        // Parsing has consumed the value; a bad body is worth reading twice, a good one is not worth a copy.
        Err(_) => Err(refusal::<T>(&read_json(bytes)?.unwrap_or_default())),
    }
}

/// `None` for a body without any byte.
fn read_json(bytes: &Bytes) -> Result<Option<Value>, Problem> {
    if bytes.is_empty() {
        return Ok(None);
    }
    serde_json::from_slice(bytes).map(Some).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let detail = format!("The body is not JSON: reading stopped at line {line}, column {column}.");
        Problem::new(Code::InvalidJson, detail)
    })
}

fn missing_body() -> FieldError {
    FieldError::in_body(&[], "required", "is required")
}

/// The refusal of a value that is no `T`.
fn refusal<T: Type>(value: &Value) -> Problem {
    let mut errors = bad_fields::<T>(value);
    if errors.is_empty() {
        // A rule that the type has and its schema cannot say.
        errors.push(FieldError::in_body(&[], "invalid", "is not acceptable"));
    }
    Problem::validation(errors)
}
