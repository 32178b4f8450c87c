//! Errors of the blob store, as far as callers distinguish them.

use std::io;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such blob.
    #[error("there is no such blob")]
    Missing,
    /// The disk is full.
    #[error("there is no room for the blob: {0}")]
    Full(io::Error),
    /// The same call may succeed later.
    #[error("the store of uploads does not answer: {0}")]
    Unavailable(String),
    /// A saved checkpoint is invalid: the store has less than it confirmed.
    #[error("the store of uploads has lost what it had: {0}")]
    Lost(String),
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::Missing,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full(error)
            }
            _ => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<object_store::Error> for Error {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Missing,
            other => Self::Unavailable(other.to_string()),
        }
    }
}
