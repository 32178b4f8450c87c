//! Beginning an upload.

use super::declaration::{self, NewUpload};
use super::incoming::{IncomingUpload, IncomingUploadParts};
use super::quota;
use super::remove::discard;
use super::store::blob_key;
use crate::auth::permission::Permission;
use crate::base::ids::{UploadId, UserId};
use crate::blobs::BlobWriter;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::{Code, Problem};
use crate::storage::micros;
use crate::storage::uploads::{self, UploadProgress, UploadRow};

/// Maximum number of unfinished uploads of one user.
const MAX_UNFINISHED: u64 = 32;
/// Quota that is reserved at first for a file of unknown size.
const FIRST_BYTES: u64 = 0;

/// Inserts the file's row, reserves its quota, and opens its blob.
pub async fn begin(op: &Op, new: NewUpload) -> Result<IncomingUpload> {
    op.require(Permission::Upload)?;
    let owner = require_user(op)?;
    let size = declaration::check(&new, op.services.uploads.max_bytes())?;
    let upload_id = UploadId::new(&op.services.clock);
    let lock = op.services.uploads.locks.acquire(upload_id, &op.services.clock).await?;
    let reserved = size.unwrap_or(FIRST_BYTES);
    let row = insert(op, owner, upload_id, &new, reserved).await?;
    match open(op, &row).await {
        Ok(blob_writer) => {
            Ok(IncomingUpload::new(IncomingUploadParts { op: op.clone(), lock, blob_writer, row, stored: 0 }))
        }
        Err(problem) => {
            discard(op, upload_id, row.writer).await;
            Err(problem)
        }
    }
}

async fn insert(
    op: &Op,
    owner: UserId,
    upload_id: UploadId,
    new: &NewUpload,
    reserved: u64,
) -> Result<UploadRow> {
    let change = op.begin().await?;
    if uploads::unfinished(&change.tx, owner).await? >= MAX_UNFINISHED {
        let words = format!("You have {MAX_UNFINISHED} unfinished uploads; finish or delete some first.");
        return Err(Problem::new(Code::RateLimited, words).retry_after(60));
    }
    quota::reserve(op, &change.tx, reserved).await?;
    let now = op.now();
    let sha256 = new.sha256.as_deref().map(str::to_ascii_lowercase);
    let row = uploads::NewUpload {
        upload_id,
        user_id: owner,
        filename: &new.filename,
        declared_type: new.content_type.as_deref(),
        declared_size: new.size,
        declared_sha256: sha256.as_deref(),
        reserved: quota::signed(reserved),
        now: micros(now),
        expires_at: micros(now + op.services.uploads.settings.abandoned_after),
    };
    let row = uploads::insert(&change.tx, row).await?;
    op.commit(change).await?;
    Ok(row)
}

/// The blob's progress in the store is saved before the first byte: otherwise it could not be found again.
async fn open(op: &Op, row: &UploadRow) -> Result<BlobWriter> {
    let key = blob_key(&op.scope, UploadId(row.upload_id));
    let (blob_writer, first) = op.services.uploads.blobs.begin(&key).await?;
    if first.progress.is_some() {
        let now = op.now();
        let reached = UploadProgress {
            stored: quota::signed(first.stored),
            hash_state: &first.hash_state,
            progress: first.progress.as_deref(),
            now: micros(now),
            expires_at: micros(now + op.services.uploads.settings.abandoned_after),
        };
        let change = op.begin().await?;
        uploads::advance(&change.tx, UploadId(row.upload_id), row.writer, reached).await?;
        op.commit(change).await?;
    }
    Ok(blob_writer)
}
