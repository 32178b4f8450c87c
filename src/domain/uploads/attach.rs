//! Files attached to a message or a job. Only the sender's own: access to a file does not allow passing it on.

use std::collections::HashMap;

use crate::base::ids::{UploadId, UserId};
use crate::domain::error::Result;
use crate::protocol::message::Attachment;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::storage::TenantTx;
use crate::storage::upload_attachments::{self, AttachmentTarget};
use crate::storage::uploads::{self, UploadRow};

const FIELD: &str = "upload_ids";

/// The files of these ids, in order, locked until the transaction ends. The error lists every id that is not a
/// complete file of the owner, for whatever reason.
pub async fn lock_own_files(tx: &TenantTx, owner: UserId, ids: &[String]) -> Result<Vec<UploadRow>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let parsed: Vec<Option<UploadId>> = ids.iter().map(|id| id.parse().ok()).collect();
    let known: Vec<UploadId> = parsed.iter().flatten().copied().collect();
    let rows = uploads::lock_all(tx, &known).await?.into_iter();
    let rows = rows.filter(|row| row.user_id == owner.0 && row.state == uploads::COMPLETE);
    let mut rows: HashMap<UploadId, UploadRow> = rows.map(|row| (UploadId(row.upload_id), row)).collect();
    let (mut files, mut errors) = (Vec::with_capacity(ids.len()), Vec::new());
    for (index, id) in (0..).zip(parsed) {
        match id.and_then(|id| rows.remove(&id)) {
            Some(row) => files.push(row),
            None => {
                let path = [PathSegment::Name(FIELD.to_owned()), PathSegment::Index(index)];
                let words = "must be a finished upload of the sender's, named once";
                errors.push(FieldError::in_body(&path, "unknown", words));
            }
        }
    }
    if errors.is_empty() { Ok(files) } else { Err(Problem::validation(errors)) }
}

/// The files as they are stored with their host; `None` when there are none.
pub fn to_json(files: &[UploadRow]) -> Option<String> {
    let attachment = |row: &UploadRow| Attachment {
        upload_id: row.upload_id.to_string(),
        filename: row.filename.clone(),
        content_type: row.content_type.clone().unwrap_or_default(),
        size: row.stored,
    };
    let files: Vec<Attachment> = files.iter().map(attachment).collect();
    // Texts and numbers always serialise.
    (!files.is_empty()).then(|| serde_json::to_string(&files).unwrap_or_default())
}

/// Parses what [`to_json`] has written.
pub fn from_json(json: Option<&str>) -> Vec<Attachment> {
    json.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// Allows readers of the host to read the files.
pub async fn bind(tx: &TenantTx, files: &[UploadRow], host: AttachmentTarget) -> Result<()> {
    let ids: Vec<i64> = files.iter().map(|row| row.id).collect();
    Ok(upload_attachments::insert(tx, &ids, host).await?)
}
