//! The errors of uploads for the sender or reader of a file, also those of the blob store.

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

pub fn too_large(most: u64) -> Problem {
    Problem::new(
        Code::PayloadTooLarge,
        format!("A file may have at most {most} bytes; nothing of it was kept."),
    )
}

pub fn wrong_size(said: u64) -> Problem {
    let words =
        format!("The file was said to have {said} bytes and has another number; nothing of it was kept.");
    Problem::new(Code::SizeMismatch, words)
}

/// The error when the file was deleted, or resumed by another connection.
pub fn taken_over() -> Problem {
    Problem::new(
        Code::Conflict,
        "This connection has the file no longer: it goes on elsewhere, or was deleted.",
    )
}

pub fn wrong_checksum() -> Problem {
    Problem::new(
        Code::ChecksumMismatch,
        "The file does not have the SHA-256 that was said; nothing of it was kept.",
    )
}
