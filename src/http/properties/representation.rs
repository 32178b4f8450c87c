//! One property as JSON or as linked data, whichever the client asks for. Each has a tag of its own, and caches are
//! told that the answer depends on `Accept`.

use poem::http::{HeaderMap, HeaderValue, StatusCode, header};
use poem::{IntoResponse, Response};
use poem_openapi::ApiResponse;
use poem_openapi::payload::{Json, Payload};
use poem_openapi::registry::{
    MetaHeader, MetaMediaType, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
};
use poem_openapi::types::{Example, Type};

use crate::http::accept;
use crate::http::etag::{matches_tag, tag_of};
use crate::protocol::linked_data::{LINKED_DATA, real_estate_listing};
use crate::protocol::property::Property;

/// The property, or 304 if the client has this state of it.
pub struct PropertyResponse(Response);

impl PropertyResponse {
    /// The representation that the headers of the request ask for.
    pub(super) fn of(property: Property, asked: &HeaderMap, if_none_match: Option<&str>) -> Self {
        let is_linked = accept::prefers(asked, LINKED_DATA);
        let (tag, mut response) = if is_linked {
            let listing = real_estate_listing(&property);
            let response = Response::builder().content_type(LINKED_DATA).body(listing.to_string());
            (tag_of(&listing), response)
        } else {
            (tag_of(&property), Json(property).into_response())
        };
        if if_none_match.is_some_and(|given| matches_tag(given, &tag)) {
            response = Response::builder().status(StatusCode::NOT_MODIFIED).finish();
        }
        let headers = response.headers_mut();
        headers.append(header::VARY, HeaderValue::from_static("Accept"));
        // A tag is visible ASCII.
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            headers.insert(header::ETAG, tag);
        }
        Self(response)
    }
}

impl IntoResponse for PropertyResponse {
    fn into_response(self) -> Response {
        self.0
    }
}

impl ApiResponse for PropertyResponse {
    fn meta() -> MetaResponses {
        let json =
            MetaMediaType { content_type: Json::<Property>::CONTENT_TYPE, schema: Property::schema_ref() };
        let example = Some(real_estate_listing(&Property::example()));
        let description = Some("A `RealEstateListing` of schema.org, in JSON-LD.");
        let schema = MetaSchema { example, description, ..MetaSchema::new("object") };
        let linked =
            MetaMediaType { content_type: LINKED_DATA, schema: MetaSchemaRef::Inline(Box::new(schema)) };
        let response = |status, description, content| MetaResponse {
            description,
            status: Some(status),
            status_range: None,
            content,
            headers: vec![
                text_header("ETag", "Identifies this state of this representation."),
                text_header("Vary", "Contains `Accept`: the representation depends on it."),
            ],
        };
        MetaResponses {
            responses: vec![
                response(200, "The resource in its current state.", vec![json, linked]),
                response(304, "The resource is unchanged since the `ETag` in `If-None-Match`.", Vec::new()),
            ],
        }
    }

    fn register(registry: &mut Registry) {
        Property::register(registry);
    }
}

/// A header that is always there.
pub(super) fn text_header(name: &str, description: &str) -> MetaHeader {
    MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: true,
        deprecated: false,
        schema: MetaSchemaRef::Inline(Box::new(MetaSchema::new("string"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answer(accept: &'static str, if_none_match: Option<&str>) -> (StatusCode, HeaderMap, String) {
        let asked = HeaderMap::from_iter([(header::ACCEPT, HeaderValue::from_static(accept))]);
        let response = PropertyResponse::of(Property::example(), &asked, if_none_match).into_response();
        let (parts, body) = response.into_parts();
        (parts.status, parts.headers, body.into_string().await.unwrap())
    }

    #[tokio::test]
    async fn each_representation_has_its_type_its_tag_and_says_that_it_varies() {
        let (json, linked) = (answer("*/*", None).await, answer(LINKED_DATA, None).await);

        assert_eq!(json.1[header::CONTENT_TYPE], "application/json; charset=utf-8");
        assert_eq!(linked.1[header::CONTENT_TYPE], LINKED_DATA);
        assert!(linked.2.contains("RealEstateListing") && !json.2.contains("RealEstateListing"));
        assert_ne!(json.1[header::ETAG], linked.1[header::ETAG]);
        assert_eq!([&json.1[header::VARY], &linked.1[header::VARY]], ["Accept", "Accept"]);
    }

    #[tokio::test]
    async fn a_tag_is_good_for_its_own_representation_only() {
        let (_, headers, _) = answer(LINKED_DATA, None).await;
        let tag = headers[header::ETAG].to_str().unwrap();

        let (status, headers, body) = answer(LINKED_DATA, Some(tag)).await;
        assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
        assert_eq!(
            (&headers[header::ETAG], &headers[header::VARY]),
            (&HeaderValue::from_str(tag).unwrap(), &HeaderValue::from_static("Accept"))
        );
        assert_eq!(answer("application/json", Some(tag)).await.0, StatusCode::OK);
    }
}
