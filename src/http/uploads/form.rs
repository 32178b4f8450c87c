//! The body of a file that is sent as a form. The use case that stores the file reads it, piece by piece.

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaMediaType, MetaRequest, MetaSchema, MetaSchemaRef, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use serde_json::json;

use super::parts::{AHEAD_BYTES, Parts};
use crate::domain::uploads::too_large;
use crate::http::body::BodyReservation;
use crate::http::caller::identity;
use crate::http::validation::refuse_bad_parameters;
use crate::protocol::examples::uploads::CONTENT;
use crate::protocol::problem::{Code, Problem};

/// A form that has not been read yet.
pub struct FileForm(pub(super) Parts);

const FORM: &str = "multipart/form-data";

impl<'a> ApiExtractor<'a> for FileForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        let text = |description| MetaSchema { description: Some(description), ..MetaSchema::new("string") };
        let file = text("The file, with its name and, if known, its type.");
        let file = MetaSchema { format: Some("binary"), ..file };
        let sha256 = text("In hexadecimal; when it is given, the file must have it.");
        // The use case checks it: the form is read piece by piece.
        let sha256 = MetaSchema { pattern: Some("^[0-9a-fA-F]{64}$".to_owned()), ..sha256 };
        let inline = |schema| MetaSchemaRef::Inline(Box::new(schema));
        let schema = MetaSchema {
            required: vec!["file"],
            properties: vec![("file", inline(file)), ("sha256", inline(sha256))],
            example: Some(json!({ "file": CONTENT })),
            ..MetaSchema::new("object")
        };
        let schema = inline(schema);
        Some(MetaRequest {
            description: Some("One file."),
            content: vec![MetaMediaType { content_type: FORM, schema }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        refuse_bad_parameters(request)?;
        let boundary = request.content_type().and_then(|given| multer::parse_boundary(given).ok());
        let boundary = boundary.ok_or_else(|| {
            Problem::new(
                Code::UnsupportedMediaType,
                format!("The body must be sent as {FORM} with a boundary."),
            )
        })?;
        // Before the first byte is requested: a client that waits for 100 Continue sends nothing of a too large file.
        refuse_too_large(request)?;
        // The file is stored while it arrives: only the parser's read-ahead is in memory.
        if let Some(account) = BodyReservation::of(request) {
            account.charge(usize::try_from(AHEAD_BYTES).unwrap_or_default())?;
        }
        let body = body.take().map_err(|_| Problem::internal())?;
        Ok(Self(Parts::new(body, boundary)))
    }
}

/// Bytes of a form around its file: the heads of its parts and the parts that are not files.
const AROUND_BYTES: u64 = 64 * 1024;

/// Refuses a form if its announced length exceeds the largest file.
fn refuse_too_large(request: &Request) -> Result<(), Problem> {
    let announced = request.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    let most = identity(request)?.services.uploads.max_bytes();
    match announced {
        Some(length) if length > most.saturating_add(AROUND_BYTES) => Err(too_large(most)),
        _ => Ok(()),
    }
}
