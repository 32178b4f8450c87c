//! Messages to the sender of a file on other connections.

use poem_openapi::Object;
use serde::Serialize;

use super::logged::Logged;

/// A file is stored: for all connections of the user that sent it.
#[derive(Clone, Debug, Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct UploadCompleted {
    pub upload_id: String,
    pub filename: String,
    /// The media type, by the file's first bytes.
    pub content_type: String,
    /// Bytes.
    pub size: i64,
    /// In hexadecimal.
    pub sha256: String,
    /// Float seconds since the epoch.
    pub timestamp: f64,
    #[oai(flatten)]
    #[serde(flatten)]
    pub logged: Logged,
}
