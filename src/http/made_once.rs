//! Documents and pages: each is made when it is first requested, and shared from then on. A start does not wait for
//! them.

use std::sync::LazyLock;

use bytes::Bytes;
use poem::{Endpoint, Response};

use super::document::DocumentError;
use crate::protocol::problem::Problem;

type Make = Box<dyn FnOnce() -> Result<String, DocumentError> + Send>;

/// An endpoint that answers with what `make` returns. The text is shared, not copied: a client that reads it slowly
/// holds no copy of its own.
pub(super) fn made_once(
    make: impl FnOnce() -> Result<String, DocumentError> + Send + 'static,
    answer: impl Fn(Bytes) -> Response + Send + Sync + 'static,
) -> impl Endpoint<Output = Response> + 'static {
    let make: Make = Box::new(make);
    let made = LazyLock::new(move || make().map(Bytes::from));
    poem::endpoint::make_sync(move |_| -> poem::Result<Response> {
        match &*made {
            Ok(text) => Ok(answer(text.clone())),
            Err(error) => {
                tracing::error!(%error, "a document of the program's own is not valid");
                Err(Problem::internal().into())
            }
        }
    })
}
