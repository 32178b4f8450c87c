//! A stored file as the wire shows it.

use crate::base::clock::rfc3339;
use crate::domain::error::Result;
use crate::protocol::upload::{Upload, UploadStatus};
use crate::storage::uploads::{self, UploadRow};
use crate::storage::{Error, time};

pub fn upload(row: &UploadRow) -> Result<Upload> {
    let status = match row.state.as_str() {
        uploads::RECEIVING => UploadStatus::Receiving,
        uploads::COMPLETE => UploadStatus::Complete,
        other => return Err(Error::Corrupt(format!("{other:?} is no state of an upload")).into()),
    };
    Ok(Upload {
        upload_id: row.upload_id.to_string(),
        filename: row.filename.clone(),
        status,
        size: row.stored,
        content_type: row.content_type.clone(),
        declared_type: row.declared_type.clone(),
        sha256: row.sha256.clone(),
        user_id: row.user_id,
        created_at: rfc3339(time(row.created_at)),
        completed_at: row.completed_at.map(|at| rfc3339(time(at))),
        expires_at: row.expires_at.map(|at| rfc3339(time(at))),
    })
}
