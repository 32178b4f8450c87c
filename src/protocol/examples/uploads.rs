//! A file that is attached to a message or a job.

use poem_openapi::types::Example;

use super::{USER, UUID, after};
use crate::protocol::upload::{Upload, UploadStatus};

/// The content of the file.
pub const CONTENT: &str = "The kitchen looks south.\n";
/// Its SHA-256 in hexadecimal.
pub const SHA256: &str = "aa68378c381da170f24a2dde9e4a1f5df98d3dab169c7181aaf5ee9e8d049657";

impl Example for Upload {
    fn example() -> Self {
        Self {
            upload_id: UUID.to_owned(),
            filename: "remarks.txt".to_owned(),
            status: UploadStatus::Complete,
            size: i64::try_from(CONTENT.len()).unwrap_or_default(),
            content_type: Some("text/plain".to_owned()),
            declared_type: Some("text/plain".to_owned()),
            sha256: Some(SHA256.to_owned()),
            user_id: USER,
            created_at: after(0),
            completed_at: Some(after(0)),
            expires_at: None,
        }
    }
}
