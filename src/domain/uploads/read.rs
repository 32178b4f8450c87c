//! Files as callers read them: one without its bytes, the list of them, and the bytes.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::store::{Uploads, blob_key};
use super::{access, view};
use crate::auth::permission::Permission;
use crate::base::ids::{UploadId, UserId};
use crate::base::page::{Page, PageRequest};
use crate::blobs::{self, BlobKey};
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::{Code, Problem};
use crate::protocol::upload::Upload;
use crate::storage::uploads;

/// One file, without its bytes.
pub async fn get(op: &Op, upload_id: UploadId) -> Result<Upload> {
    let tx = op.read().await?;
    view::upload(&access::find_readable(op, &tx, upload_id).await?)
}

/// The caller's files, newest first; an admin may ask for those of one user, or of all.
pub async fn list(op: &Op, of: Option<UserId>, page: PageRequest<i64>) -> Result<Page<Upload, i64>> {
    op.require(Permission::Upload)?;
    let me = require_user(op)?;
    let owner = if op.may(Permission::ManageUploads) { of } else { Some(me) };
    let tx = op.read().await?;
    // Other users' files are an empty list for callers that may not see them.
    let rows = match of {
        Some(of) if owner != Some(of) => Vec::new(),
        _ => uploads::list(&tx, owner, page.after, page.limit + 1).await?,
    };
    let page = Page::from_rows(rows, page.limit, |row| row.id);
    let shown: Result<Vec<Upload>> = page.rows.iter().map(view::upload).collect();
    Ok(Page { rows: shown?, next: page.next })
}

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
        key: blob_key(&op.scope, upload_id),
    })
}

impl Content {
    /// The bytes within `range`, which lies inside of the file.
    pub async fn read(&self, range: Range<u64>) -> Result<BoxStream<'static, blobs::Result<Bytes>>> {
        Ok(self.uploads.blobs.read(&self.key, range).await?)
    }
}
