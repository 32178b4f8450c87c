//! `lotline openapi`, `lotline asyncapi`: the documents as they are committed.

use super::start_error::StartError;
use crate::http::router;

pub fn openapi() -> Result<String, StartError> {
    router::openapi().map_err(|error| StartError::Document(error.to_string()))
}

pub fn asyncapi() -> String {
    router::asyncapi()
}
