//! Why the server does not start: one line for the operator.

use std::path::PathBuf;

use crate::http::serve::BindError;
use crate::storage::OpenError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot use {}: {cause}", path.display())]
    Folder { path: PathBuf, cause: std::io::Error },
    #[error("the signing keys cannot be used: {0}")]
    Keys(String),
    #[error("the token issuers cannot be used: {0}")]
    Issuers(String),
    #[error("{key} is set, and this version runs as one node only; leave it out")]
    OneNodeOnly { key: &'static str },
    #[error("signals cannot be listened for: {0}")]
    Signals(std::io::Error),
    #[error("the crawler cannot be started: {0}")]
    Crawler(String),
    #[error("the watchdog's thread cannot be started: {0}")]
    Watchdog(String),
    #[error("the API document cannot be made: {0}")]
    Document(String),
    #[error("the place for uploads cannot be used: {0}")]
    Uploads(String),
    #[error("the tenants' quotas cannot be read: {0}")]
    Quotas(String),
    #[error("the first tenant and user cannot be made: {0}")]
    Bootstrap(String),
}
