//! Maps storage errors to problems for the caller.

use crate::protocol::problem::{Code, Problem};
use crate::storage;

/// Every use case fails with a problem: the code classifies it, the detail explains it to this caller.
pub type Result<T, E = Problem> = std::result::Result<T, E>;

impl From<storage::Error> for Problem {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Unavailable(_) => {
                tracing::warn!(%error, "the database did not answer; the request was refused");
                Self::new(Code::Unavailable, "The database is not available; try again.").retry_after(1)
            }
            storage::Error::Busy => {
                let words = "Too much work of your tenant is waiting for the database; try again.";
                Self::new(Code::Unavailable, words).retry_after(1)
            }
            storage::Error::Full(_) => {
                tracing::error!(%error, "the database's disk is full; the request was refused");
                Self::new(
                    Code::InsufficientStorage,
                    "The server has no room to store this; nothing was changed.",
                )
            }
            // Use cases handle the keys that callers can collide on; a duplicate that gets here is a bug.
            storage::Error::Duplicate(_)
            | storage::Error::Reference(_)
            | storage::Error::Corrupt(_)
            | storage::Error::Other(_) => {
                tracing::error!(%error, "the store failed");
                Self::internal()
            }
        }
    }
}
