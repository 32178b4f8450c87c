//! `lotline openapi`, `lotline asyncapi`: the documents as committed.

use super::start_error::StartError;
use crate::http::router;

pub fn openapi(public_url: Option<&str>) -> Result<String, StartError> {
    router::openapi(public_url).map_err(|error| StartError::Document(error.to_string()))
}

pub fn asyncapi(public_url: Option<&str>) -> String {
    router::asyncapi(public_url)
}
