//! Beginning an upload.

use super::incoming::{IncomingUpload, IncomingUploadParts};
use super::remove::discard;
use super::{filename, key, quota};
use crate::auth::permission::Permission;
use crate::base::ids::{UploadId, UserId};
use crate::base::text::has_length;
use crate::blobs::BlobWriter;
use crate::domain::error::Result;
use crate::domain::op::Op;
use crate::domain::rooms::access::require_user;
use crate::protocol::problem::{Code, FieldError, PathSegment, Problem};
use crate::storage::micros;
use crate::storage::uploads::{self, UploadProgress, UploadRow};

/// Maximum number of unfinished uploads of one user.
const MAX_UNFINISHED: u64 = 32;
/// Maximum characters of a declared type.
const MAX_TYPE: usize = 200;
/// Quota that is reserved at first for a file of unknown size.
const FIRST_BYTES: u64 = 0;

/// A file as its sender announces it.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    pub filename: String,
    pub size: Option<i64>,
    pub content_type: Option<String>,
    /// In hexadecimal.
    pub sha256: Option<String>,
}

/// Inserts the file's row, reserves its quota, and opens its blob.
pub async fn begin(op: &Op, new: NewUpload) -> Result<IncomingUpload> {
    op.require(Permission::Upload)?;
    let owner = require_user(op)?;
    let size = check(op, &new)?;
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
    let (blob_writer, first) = op.services.uploads.blobs.begin(&key(op, UploadId(row.upload_id))).await?;
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

/// Checks all fields, and reports every invalid one; returns the declared size.
fn check(op: &Op, new: &NewUpload) -> Result<Option<u64>> {
    let mut errors = Vec::new();
    let mut add = |field: &str, kind: &str, words: &str| {
        errors.push(FieldError::in_body(&[PathSegment::Name(field.to_owned())], kind, words));
    };
    let size = new.size.map(u64::try_from);
    if matches!(size, Some(Err(_))) {
        add("size", "minimum", "must be 0 or more");
    }
    if new.content_type.as_deref().is_some_and(|text| !is_media_type(text)) {
        add("content_type", "invalid", "must be a media type, such as image/png, of at most 200 characters");
    }
    if new.sha256.as_deref().is_some_and(|text| !is_sha256(text)) {
        add("sha256", "invalid", "must be the 64 hexadecimal digits of a SHA-256");
    }
    let named = filename::check(&new.filename);
    if errors.is_empty() {
        named?;
    } else {
        errors.extend(named.err().into_iter().flat_map(|problem| problem.errors));
        return Err(Problem::validation(errors));
    }
    let size = size.and_then(std::result::Result::ok);
    let most = op.services.uploads.max_bytes();
    if size.is_some_and(|size| size > most) {
        return Err(too_large(most));
    }
    Ok(size)
}

pub fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let whole = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    whole && has_length(text, 3, MAX_TYPE) && !text.chars().any(char::is_control)
}

pub fn too_large(most: u64) -> Problem {
    Problem::new(
        Code::PayloadTooLarge,
        format!("A file may have at most {most} bytes; nothing of it was kept."),
    )
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn media_types_and_digests_are_recognised() {
        assert!(
            ["image/png", "text/csv; charset=utf-8", "application/geo+json"].into_iter().all(is_media_type)
        );
        assert!(
            !["png", "image/", "/png", "im age/png", "a/b/c\n", "a/b; \u{7}"].into_iter().any(is_media_type)
        );
        assert!(is_sha256(&"aB".repeat(32)) && !is_sha256(&"a".repeat(63)) && !is_sha256(&"g".repeat(64)));
    }
}
