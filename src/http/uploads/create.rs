//! `POST /uploads`.

use std::sync::Arc;

use bytes::Bytes;
use poem_openapi::ApiResponse;
use poem_openapi::payload::Json;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use super::form::FileForm;
use super::parts::{Part, Parts};
use crate::domain::op::Op;
use crate::domain::uploads::{self, IncomingUpload, NewUpload};
use crate::http::idempotency::{DeferredIdempotencyKey, Replayable};
use crate::http::router::BASE;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::upload::Upload;
use crate::session::ConnectionRegistry;

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

pub(super) async fn create(
    registry: &Arc<ConnectionRegistry>,
    op: Op,
    key: DeferredIdempotencyKey,
    form: FileForm,
) -> Result<Replayable<Created>, Problem> {
    let FileForm(mut parts) = form;
    // For a key that has an answer nothing is stored: the file is only compared with the answered one.
    let is_retry =
        op.clone().with_idempotency_key(key.idempotency_key(&registry.identity, b"")).was_answered().await?;
    let (upload, op) = if is_retry {
        let compared = hash_form(&mut parts).await;
        let (facts, sha256) = drain_on_error(&mut parts, compared).await?;
        let op =
            op.with_idempotency_key(key.idempotency_key(&registry.identity, &fingerprint(&facts, &sha256)));
        (uploads::replay_stored(&op).await?, op)
    } else {
        let stored = store(&registry.tasks, &op, &mut parts).await;
        let (file, facts) = drain_on_error(&mut parts, stored).await?;
        let identity = Arc::clone(&registry.identity);
        let context = move |op: Op, sha256: &str| {
            op.with_idempotency_key(key.idempotency_key(&identity, &fingerprint(&facts, sha256)))
        };
        // The whole file has arrived: if the peer disconnects now, it is completed all the same.
        let completing = registry.tasks.spawn(file.complete_for(context));
        completing.await.map_err(|_| Problem::internal())??
    };
    let location = format!("{BASE}/uploads/{}", upload.upload_id);
    Ok(Replayable::new(op.idempotency(), Created::Upload(Json(upload), location)))
}

/// Lets the peer finish sending before it gets a refusal.
async fn drain_on_error<T>(parts: &mut Parts, result: Result<T, Problem>) -> Result<T, Problem> {
    if result.is_err() {
        parts.drain().await;
    }
    result
}

/// What identifies a file: all its metadata, and its bytes.
#[derive(Default)]
struct FileMetadata {
    filename: String,
    content_type: Option<String>,
}

fn fingerprint(facts: &FileMetadata, sha256: &str) -> Vec<u8> {
    let kind = facts.content_type.as_deref().unwrap_or_default();
    // None of them contains a line break.
    format!("{}\n{kind}\n{sha256}", facts.filename).into_bytes()
}

/// Stores the file of a form. If the request is aborted, nothing of the file remains.
async fn store(
    tasks: &TaskTracker,
    op: &Op,
    parts: &mut Parts,
) -> Result<(IncomingUpload, FileMetadata), Problem> {
    let (mut kept, mut facts, mut sha256) = (None, FileMetadata::default(), None);
    while let Some(mut part) = parts.next().await? {
        match part.name() {
            "file" if kept.is_none() => {
                facts = facts_of(&part)?;
                let new = NewUpload {
                    filename: facts.filename.clone(),
                    content_type: facts.content_type.clone(),
                    ..NewUpload::default()
                };
                let file = kept.insert(DiscardOnDrop::new(tasks, uploads::begin(op, new).await?));
                while let Some(piece) = part.piece().await? {
                    file.take(piece).await?;
                }
            }
            "sha256" => sha256 = Some(part.text().await?),
            name => return Err(unexpected(name)),
        }
    }
    let mut file = kept.ok_or_else(missing)?;
    if let Some(sha256) = sha256 {
        file.receiving()?.expect_sha256(sha256.trim())?;
    }
    Ok((file.keep()?, facts))
}

/// Reads a form without storing anything; returns the metadata of its file and its hash.
async fn hash_form(parts: &mut Parts) -> Result<(FileMetadata, String), Problem> {
    let (mut facts, mut hash) = (None, Sha256::new());
    while let Some(mut part) = parts.next().await? {
        match part.name() {
            "file" if facts.is_none() => {
                facts = Some(facts_of(&part)?);
                while let Some(piece) = part.piece().await? {
                    hash.update(&piece);
                }
            }
            "sha256" => _ = part.text().await?,
            name => return Err(unexpected(name)),
        }
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((facts.ok_or_else(missing)?, sha256))
}

fn facts_of(part: &Part) -> Result<FileMetadata, Problem> {
    let words = "must have a file name that can be read";
    let filename = part.file_name().ok_or_else(|| bad("file", "filename", words))?;
    Ok(FileMetadata { filename, content_type: part.content_type() })
}

/// A file that is discarded unless it is kept: peers that disconnect and time limits abort requests.
struct DiscardOnDrop {
    tasks: TaskTracker,
    file: Option<IncomingUpload>,
}

impl DiscardOnDrop {
    fn new(tasks: &TaskTracker, file: IncomingUpload) -> Self {
        Self { tasks: tasks.clone(), file: Some(file) }
    }

    fn receiving(&mut self) -> Result<&mut IncomingUpload, Problem> {
        self.file.as_mut().ok_or_else(Problem::internal)
    }

    async fn take(&mut self, piece: Bytes) -> Result<(), Problem> {
        self.receiving()?.append(piece).await
    }

    fn keep(mut self) -> Result<IncomingUpload, Problem> {
        self.file.take().ok_or_else(Problem::internal)
    }
}

impl Drop for DiscardOnDrop {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            self.tasks.spawn(file.discard());
        }
    }
}

fn missing() -> Problem {
    bad("file", "required", "is required")
}

fn unexpected(name: &str) -> Problem {
    match name {
        "file" => bad("file", "repeated", "must be given once only; send one file at a time"),
        name => bad(crate::base::text::truncate(name, 100), "unknown", "is not a part of this form"),
    }
}

fn bad(field: &str, kind: &str, words: &str) -> Problem {
    Problem::validation(vec![FieldError::in_body(&[PathSegment::Name(field.to_owned())], kind, words)])
}
