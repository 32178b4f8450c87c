//! Forms, parsed by the same types as JSON.

use std::collections::BTreeMap;

use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaRequest, MetaSchemaRef, Registry};
use poem_openapi::types::ParseFromJSON;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use serde_json::Value;

use super::json::{meta, refusal, with_parameters};
use super::read::body_of_type;
use super::reservation::{BodyReservation, Single};
use crate::http::validation::{bad_fields, bad_parameters, parts_of, value_of_text};
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// A form (`application/x-www-form-urlencoded`). Fields that the type does not know are ignored, as
/// RFC 6749 section 3.2 asks of a token endpoint.
#[derive(Debug)]
pub struct Form<T>(pub T);

const FORM: &str = "application/x-www-form-urlencoded";

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for Form<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        Some(meta::<T>(FORM))
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let parameters = bad_parameters(request);
        let bytes = body_of_type::<Single>(request, body, FORM).await?;
        if let Some(account) = BodyReservation::of(request) {
            account.charge_parsed(bytes.len())?;
        }
        Ok(Self(with_parameters(parameters, parse(&bytes))?))
    }
}

fn parse<T: ParseFromJSON>(bytes: &[u8]) -> Result<T, Problem> {
    let mut given: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(bytes) {
        given.entry(name.into_owned()).or_default().push(value.into_owned());
    }
    let (value, mut errors) = object_of::<T>(&given);
    if errors.is_empty() {
        return T::parse_from_json(Some(value.clone())).map_err(|_| refusal::<T>(&value));
    }
    let mut others = bad_fields::<T>(&value);
    others.retain(|other| errors.iter().all(|one| one.loc != other.loc));
    errors.extend(others);
    Err(Problem::validation(errors))
}

/// The form's known fields as the JSON object from which `T` is parsed, and those that are repeated.
fn object_of<T: ParseFromJSON>(given: &BTreeMap<String, Vec<String>>) -> (Value, Vec<FieldError>) {
    let mut registry = Registry::new();
    T::register(&mut registry);
    let schema = T::schema_ref();
    let fields = parts_of(&registry, &schema).into_iter().flat_map(|part| &part.properties);
    let fields: Vec<&(&str, MetaSchemaRef)> = fields.collect();

    let texts = |name: &str| given.get(name).map(Vec::as_slice).unwrap_or_default();
    let repeated =
        fields.iter().filter(|(name, _)| texts(name).len() > 1).map(|(name, _)| repeated(name)).collect();
    let values = fields.iter().filter_map(|(name, schema)| {
        let text = texts(name).first()?;
        Some(((*name).to_owned(), value_of_text(&registry, schema, text)))
    });
    (Value::Object(values.collect()), repeated)
}

fn repeated(name: &str) -> FieldError {
    FieldError::in_body(&[PathSegment::Name(name.to_owned())], "repeated", "must be given once only")
}
