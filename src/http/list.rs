//! Lists on the wire: `{data, next_cursor, has_more}` and the `Link` header (RFC 8288) to the next page.

use poem::Request;
use poem_openapi::types::{Example, ParseFromJSON, ToJSON, Type};
use poem_openapi::{ApiResponse, Object, payload::Json};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::base::page::{DEFAULT_LIMIT, Page, PageRequest, decode_cursor, encode_cursor};
use crate::http::validation::CURSOR_WORDS;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// One page of a list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none, example)]
pub struct List<T: ParseFromJSON + ToJSON + Type + Example + Send + Sync> {
    pub data: Vec<T>,
    /// Send it back as `cursor` for the next page; absent on the last one.
    pub next_cursor: Option<String>,
    pub has_more: bool,
}

/// The answer with a page.
#[derive(Debug, ApiResponse)]
pub enum Listed<T: ParseFromJSON + ToJSON + Type + Example + Send + Sync> {
    /// One page of the list.
    #[oai(status = 200)]
    Page(
        Json<List<T>>,
        /// The next page: `<…>; rel="next"`.
        #[oai(header = "Link")]
        Option<String>,
    ),
}

impl<T: ParseFromJSON + ToJSON + Type + Example + Send + Sync> Example for List<T> {
    /// The last page.
    fn example() -> Self {
        Self { data: vec![T::example()], next_cursor: None, has_more: false }
    }
}

/// Parses `limit` and `cursor`. The parameters' schema has bounded the limit already.
pub fn page_request<K: DeserializeOwned>(
    limit: Option<u64>,
    cursor: Option<&str>,
) -> Result<PageRequest<K>, Problem> {
    let after = match cursor {
        None => None,
        Some(text) => Some(decode_cursor(text).ok_or_else(bad_cursor)?),
    };
    Ok(PageRequest { limit: limit.unwrap_or(DEFAULT_LIMIT), after })
}

pub fn bad_cursor() -> Problem {
    let path = [PathSegment::Name("cursor".to_owned())];
    Problem::validation(vec![FieldError::in_parameter("query", &path, "cursor", CURSOR_WORDS)])
}

/// Builds the answer, with the address of the next page.
pub fn listed<T, K>(request: &Request, page: Page<T, K>) -> Listed<T>
where
    T: ParseFromJSON + ToJSON + Type + Example + Send + Sync,
    K: Serialize,
{
    let next_cursor = page.next.as_ref().map(encode_cursor);
    let link = next_cursor.as_ref().map(|cursor| format!("<{}>; rel=\"next\"", next_url(request, cursor)));
    let has_more = next_cursor.is_some();
    Listed::Page(Json(List { data: page.rows, next_cursor, has_more }), link)
}

/// The request's own address with another cursor.
fn next_url(request: &Request, cursor: &str) -> String {
    let uri = request.original_uri();
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
        if name != "cursor" {
            query.append_pair(&name, &value);
        }
    }
    query.append_pair("cursor", cursor);
    format!("{}?{}", uri.path(), query.finish())
}
