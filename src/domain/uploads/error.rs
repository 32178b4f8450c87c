//! Maps failures of the blob store to errors for the sender or reader of a file.

use crate::blobs;
use crate::protocol::problem::{Code, Problem};

impl From<blobs::Error> for Problem {
    fn from(error: blobs::Error) -> Self {
        match error {
            blobs::Error::Missing => {
                tracing::error!("an upload has a row and no bytes");
                Self::new(Code::Gone, "The file's bytes are not there any more.")
            }
            blobs::Error::Lost(_) => {
                tracing::error!(%error, "an upload cannot be resumed");
                Self::new(Code::Gone, "The server has lost the beginning of the file; send it anew.")
            }
            blobs::Error::Full(_) => {
                tracing::error!(%error, "there is no room for uploads");
                Self::new(
                    Code::InsufficientStorage,
                    "The server has no room for the file; nothing of it was kept.",
                )
            }
            blobs::Error::Unavailable(_) => {
                tracing::warn!(%error, "the store of uploads failed");
                Self::new(
                    Code::Unavailable,
                    "The store of files is not available; go on with the upload later.",
                )
                .retry_after(5)
            }
        }
    }
}

/// Whether the upload may be resumed later: it broke no rule, and something else failed.
pub fn is_retryable(problem: &Problem) -> bool {
    matches!(problem.code, Code::Unavailable | Code::Internal | Code::Conflict | Code::RateLimited)
}
