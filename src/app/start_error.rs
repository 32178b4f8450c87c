//! Why the server does not start: one line for the operator.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::http::serve::BindError;
use crate::storage::OpenError;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Store(#[from] OpenError),
    #[error(transparent)]
    Bind(#[from] BindError),
    #[error("cannot listen on {address} for metrics: {why}; choose another with telemetry.metrics_bind")]
    MetricsBind { address: SocketAddr, why: String },
    #[error("cannot use {}: {cause}", path.display())]
    Folder { path: PathBuf, cause: std::io::Error },
    #[error("the signing keys cannot be used: {0}")]
    Keys(String),
    #[error(
        "there is no signing key for {algorithm} in {}; run this where the server's data folder is, or set server.data_dir",
        folder.display()
    )]
    NoKeys { algorithm: &'static str, folder: PathBuf },
    #[error("the key that encrypts the headers of spiders cannot be used: {0}")]
    SealKey(String),
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

impl StartError {
    /// The error of the listener for metrics, which has a key of its own.
    pub(super) fn metrics_bind(error: BindError) -> Self {
        let (address, why) = match error {
            BindError::InUse(address) => (address, "the port is in use by another process".to_owned()),
            BindError::Denied(address) => (address, "this user may not use the port".to_owned()),
            BindError::AddressNotAvailable(address) => {
                (address, "the machine does not have this address".to_owned())
            }
            BindError::Other { address, source } => (address, source.to_string()),
        };
        Self::MetricsBind { address, why }
    }
}
