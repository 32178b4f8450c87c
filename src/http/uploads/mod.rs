//! Files of users: uploaded as a form or over the upload socket, listed, read in parts, deleted.

mod content;
mod filename;
mod multipart;
mod receive;

use std::sync::Arc;

use poem::Request;
use poem::web::Data;
use poem_openapi::param::{Header, Path, Query};
use poem_openapi::payload::Json;
use poem_openapi::{ApiResponse, OpenApi};
use uuid::Uuid;

use self::content::{ContentConditions, ContentResponse, content};
use self::multipart::FileForm;
use self::receive::receive;
use super::base::BASE;
use super::caller::{Caller, ReadJobs, Upload as MayUpload};
use super::etag::{Tagged, require_match, tagged};
use super::idempotency::{DeferredIdempotencyKey, Replayable};
use super::list::{Listed, listed, page_request};
use super::tags::Tag;
use crate::base::ids::{UploadId, UserId};
use crate::domain::uploads;
use crate::protocol::problem::Problem;
use crate::protocol::upload::Upload;
use crate::session::ConnectionRegistry;

pub struct UploadsApi;

#[OpenApi(tag = "Tag::Uploads")]
impl UploadsApi {
    /// Upload a file
    ///
    /// As a form with the part `file`. For large files the upload socket, `/ws/file-upload`, is better: it can resume
    /// after a disconnect. The body is stored while it arrives; a file that breaks a rule is discarded.
    #[oai(path = "/uploads", method = "post", operation_id = "create_upload")]
    async fn create(
        &self,
        registry: Data<&Arc<ConnectionRegistry>>,
        caller: Caller<MayUpload>,
        #[oai(name = "Idempotency-Key")] once: DeferredIdempotencyKey,
        form: FileForm,
    ) -> Result<Replayable<Created>, Problem> {
        let (upload, op) = receive(registry.0, caller.op, once, form).await?;
        let location = format!("{BASE}/uploads/{}", upload.upload_id);
        Ok(Replayable::new(op.idempotency(), Created::Upload(Json(upload), location)))
    }

    /// List files
    ///
    /// The caller's own, newest first, unfinished ones included; for admins those of all users.
    #[oai(path = "/uploads", method = "get", operation_id = "list_uploads")]
    async fn list(
        &self,
        request: &Request,
        caller: Caller<MayUpload>,
        /// Only files of this user: for admins.
        #[oai(validator(minimum(value = "1"), maximum(value = "9007199254740991")))]
        user_id: Query<Option<i64>>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u64>>,
        #[oai(validator(max_length = 500))] cursor: Query<Option<String>>,
    ) -> Result<Listed<Upload>, Problem> {
        let page = page_request(limit.0, cursor.0.as_deref())?;
        let page = uploads::list(&caller.op, user_id.0.map(UserId), page).await?;
        Ok(listed(request, page))
    }

    /// Read the metadata of a file
    ///
    /// For its sender, admins, and all users that may read a message or job that it is attached to.
    #[oai(path = "/uploads/:upload_id", method = "get", operation_id = "get_upload")]
    async fn get(
        &self,
        caller: Caller<ReadJobs>,
        upload_id: Path<Uuid>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<Tagged<Upload>, Problem> {
        let upload = uploads::get(&caller.op, UploadId(upload_id.0)).await?;
        Ok(tagged(upload, if_none_match.0.as_deref()))
    }

    /// Delete a file
    ///
    /// For its sender and admins. Messages and jobs that it is attached to keep its name.
    #[oai(path = "/uploads/:upload_id", method = "delete", operation_id = "delete_upload")]
    async fn delete(
        &self,
        caller: Caller<MayUpload>,
        upload_id: Path<Uuid>,
        #[oai(name = "If-Match")] if_match: Header<Option<String>>,
    ) -> Result<Deleted, Problem> {
        let if_match = if_match.0.as_deref();
        let unchanged = |upload: &_| require_match(upload, if_match);
        uploads::delete(&caller.op, UploadId(upload_id.0), &unchanged).await?;
        Ok(Deleted::Done)
    }

    /// Download a file
    ///
    /// Always as an attachment. For users that may read its metadata. One range of bytes may be requested; several at
    /// once are answered with the whole file.
    #[oai(path = "/uploads/:upload_id/content", method = "get", operation_id = "get_upload_content")]
    async fn content(
        &self,
        caller: Caller<ReadJobs>,
        upload_id: Path<Uuid>,
        /// `bytes=FIRST-LAST`, `bytes=FIRST-` or `bytes=-COUNT`.
        #[oai(name = "Range")]
        range: Header<Option<String>>,
        /// The `ETag` that the range is meant for; if the file is another one, the whole file is sent.
        #[oai(name = "If-Range")]
        if_range: Header<Option<String>>,
        #[oai(name = "If-None-Match")] if_none_match: Header<Option<String>>,
    ) -> Result<ContentResponse, Problem> {
        let asked = ContentConditions {
            range: range.0.as_deref(),
            if_range: if_range.0.as_deref(),
            if_none_match: if_none_match.0.as_deref(),
        };
        content(&caller.op, UploadId(upload_id.0), asked).await
    }
}

/// A new file.
#[derive(Debug, ApiResponse)]
pub enum Created {
    /// The file is stored.
    #[oai(status = 201)]
    Upload(
        Json<Upload>,
        /// The file's address.
        #[oai(header = "Location")]
        String,
    ),
}

/// Deleted.
#[derive(Debug, ApiResponse)]
pub enum Deleted {
    /// The file is removed for all users, and its part of the quota is free.
    #[oai(status = 204)]
    Done,
}
