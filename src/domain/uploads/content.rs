//! A file's bytes, for a caller that may read it.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::{Uploads, access, key};
use crate::base::ids::UploadId;
use crate::blobs::{self, BlobKey};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::protocol::problem::{Code, Problem};
use crate::storage::uploads;

/// A file that may be read.
pub struct Content {
    pub filename: String,
    pub content_type: String,
    pub size: u64,
    /// In hexadecimal.
    pub sha256: String,
    uploads: Arc<Uploads>,
    key: BlobKey,
}

/// The file; refused until it is complete.
pub async fn content(op: &Op, upload_id: UploadId) -> Result<Content> {
    let tx = op.read().await?;
    let row = access::find_readable(op, &tx, upload_id).await?;
    if row.state != uploads::COMPLETE {
        return Err(Problem::new(Code::Conflict, "The file is not complete yet."));
    }
    Ok(Content {
        filename: row.filename,
        content_type: row.content_type.unwrap_or_default(),
        size: u64::try_from(row.stored).unwrap_or_default(),
        sha256: row.sha256.unwrap_or_default(),
        uploads: Arc::clone(&op.services.uploads),
        key: key(op, upload_id),
    })
}

impl Content {
    /// The bytes within `range`, which lies inside of the file.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, blobs::Result<Bytes>>> {
        Ok(self.uploads.blobs.read(&self.key, range).await?)
    }
}
