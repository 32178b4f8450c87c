//! A JSON body that may be left out, for operations that existing clients call with query parameters instead.

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaRequest, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};

use super::json::{JSON, meta, parse, with_parameters};
use super::read::body_of_type;
use super::reservation::Single;
use super::rules::Rules;
use crate::http::validation::bad_parameters;
use crate::protocol::problem::Problem;

/// A JSON body, or none.
#[derive(Debug)]
pub struct OptionalBody<T>(pub Option<T>);

impl<'a, T: Rules> ApiExtractor<'a> for OptionalBody<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest { required: false, ..meta::<T>(JSON) })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let parameters = bad_parameters(request);
        // Clients that send no body often name a type all the same, and forms without fields are empty.
        let taken = body.take().map_err(|_| Problem::internal())?;
        if taken.is_empty() || request.header("content-length") == Some("0") {
            return with_parameters(parameters, without_body(request)).map_err(Into::into);
        }
        *body = RequestBody::new(taken);
        let bytes = body_of_type::<Single>(request, body, JSON).await?;
        if bytes.is_empty() {
            return with_parameters(parameters, without_body(request)).map_err(Into::into);
        }
        Ok(Self(Some(with_parameters(parameters, parse(request, &bytes))?)))
    }
}

fn without_body<T: Rules>(request: &Request) -> Result<OptionalBody<T>, Problem> {
    let faults = T::violations_without_body(request.original_uri().query().unwrap_or_default());
    if faults.is_empty() { Ok(OptionalBody(None)) } else { Err(Problem::validation(faults)) }
}
