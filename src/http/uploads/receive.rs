//! Receives a file that is sent as a form: stores it while it arrives, or, if its key has an answer, only compares it.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio_util::task::TaskTracker;

use super::multipart::{DRAIN_BYTES, FileForm, Part, Parts};
use crate::base::hex::hex;
use crate::base::text::truncate;
use crate::domain::op::Op;
use crate::domain::uploads::{self, IncomingUpload, NewUpload};
use crate::http::idempotency::DeferredIdempotencyKey;
use crate::protocol::problem::{FieldError, PathSegment, Problem};
use crate::protocol::upload::Upload;
use crate::session::ConnectionRegistry;

/// Receives the file of a form. Returns it with the operation, which has the idempotency key of this file then.
pub(super) async fn receive(
    registry: &Arc<ConnectionRegistry>,
    op: Op,
    key: DeferredIdempotencyKey,
    form: FileForm,
) -> Result<(Upload, Op), Problem> {
    let FileForm { mut parts, bad_parameters } = form;
    // For a key that has an answer nothing is stored: the file is only compared with the answered one.
    let is_retry =
        op.clone().with_idempotency_key(key.idempotency_key(&registry.identity, b"")).was_answered().await?;
    if is_retry {
        let compared = hash_form(&mut parts, bad_parameters).await;
        let (facts, sha256) = drain_on_error(&mut parts, compared).await?;
        let op =
            op.with_idempotency_key(key.idempotency_key(&registry.identity, &fingerprint(&facts, &sha256)));
        return Ok((uploads::replay_stored(&op).await?, op));
    }
    let stored = store(&registry.tasks, &op, &mut parts, bad_parameters).await;
    let (file, facts) = drain_on_error(&mut parts, stored).await?;
    let identity = Arc::clone(&registry.identity);
    let context = move |op: Op, sha256: &str| {
        op.with_idempotency_key(key.idempotency_key(&identity, &fingerprint(&facts, sha256)))
    };
    // The whole file has arrived: if the peer disconnects now, it is completed all the same.
    let completing = registry.tasks.spawn(file.complete_for(context));
    completing.await.map_err(|_| Problem::internal())?
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

impl FileMetadata {
    fn declaration(&self) -> NewUpload {
        let (filename, content_type) = (self.filename.clone(), self.content_type.clone());
        NewUpload { filename, content_type, ..NewUpload::default() }
    }
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
    faults: Vec<FieldError>,
) -> Result<(IncomingUpload, FileMetadata), Problem> {
    let mut sink = FileSink::Store { tasks, op, file: None };
    let (facts, sha256) = read_form(parts, &mut sink, faults).await?;
    let FileSink::Store { file: Some(file), .. } = sink else { return Err(Problem::internal()) };
    let mut file = *file;
    if let Some(sha256) = sha256 {
        file.receiving()?.expect_sha256(&sha256)?;
    }
    Ok((file.keep()?, facts))
}

/// Reads a form without storing anything; returns the metadata of its file and its hash.
async fn hash_form(parts: &mut Parts, faults: Vec<FieldError>) -> Result<(FileMetadata, String), Problem> {
    let mut sink = FileSink::Hash(Sha256::new());
    let (facts, _) = read_form(parts, &mut sink, faults).await?;
    let FileSink::Hash(hash) = sink else { return Err(Problem::internal()) };
    Ok((facts, hex(&hash.finalize())))
}

/// Where the bytes of a form's file go.
enum FileSink<'a> {
    Store { tasks: &'a TaskTracker, op: &'a Op, file: Option<Box<DiscardOnDrop>> },
    Hash(Sha256),
}

impl FileSink<'_> {
    async fn begin(&mut self, facts: &FileMetadata) -> Result<(), Problem> {
        if let Self::Store { tasks, op, file } = self {
            let incoming = uploads::begin(op, facts.declaration()).await?;
            *file = Some(Box::new(DiscardOnDrop::new(tasks, incoming)));
        }
        Ok(())
    }

    async fn append(&mut self, piece: Bytes) -> Result<(), Problem> {
        match self {
            Self::Store { file: Some(file), .. } => file.take(piece).await,
            Self::Store { file: None, .. } => Err(Problem::internal()),
            Self::Hash(hash) => {
                hash.update(&piece);
                Ok(())
            }
        }
    }
}

/// Reads all parts of a form; returns the metadata of its file and the SHA-256 that it must have. After a fault, be it
/// one of the known `faults`, no more of the file is kept, and the rest is read only for its own: one refusal names
/// them all.
async fn read_form(
    parts: &mut Parts,
    sink: &mut FileSink<'_>,
    faults: Vec<FieldError>,
) -> Result<(FileMetadata, Option<String>), Problem> {
    let (mut form, mut left) = (FormFields { errors: faults, ..FormFields::default() }, DRAIN_BYTES);
    while let Some(mut part) = parts.next().await? {
        match form.identify(&part) {
            PartKind::File if form.errors.is_empty() => {
                sink.begin(form.file.get_or_insert_default()).await?;
                while let Some(piece) = part.piece().await? {
                    sink.append(piece).await?;
                }
            }
            PartKind::Sha256 => form.declare_sha256(&part.text().await?),
            PartKind::File | PartKind::Bad => {
                if !part.skip(&mut left).await? {
                    return Err(form.refusal());
                }
            }
        }
    }
    form.into_result()
}

/// The fields of a form and its faults so far.
#[derive(Default)]
struct FormFields {
    file: Option<FileMetadata>,
    sha256: Option<String>,
    errors: Vec<FieldError>,
    /// The refusal of the file's metadata; alone it may have a code of its own.
    bad_metadata: Option<Problem>,
}

enum PartKind {
    File,
    Sha256,
    Bad,
}

impl FormFields {
    fn identify(&mut self, part: &Part) -> PartKind {
        match part.name() {
            Some("file") if self.file.is_none() => {
                self.declare_file(part);
                PartKind::File
            }
            Some("sha256") if self.sha256.is_none() => PartKind::Sha256,
            name => {
                self.errors.push(unexpected(name));
                PartKind::Bad
            }
        }
    }

    fn declare_file(&mut self, part: &Part) {
        let Some(filename) = part.file_name() else {
            self.errors.push(error("file", "filename", "must have a file name that can be read"));
            self.file = Some(FileMetadata::default());
            return;
        };
        let facts = FileMetadata { filename, content_type: part.content_type() };
        if let Err(problem) = uploads::validate(&facts.declaration()) {
            self.errors.extend(problem.errors.iter().cloned());
            self.bad_metadata = Some(problem);
        }
        self.file = Some(facts);
    }

    fn declare_sha256(&mut self, text: &str) {
        let sha256 = text.trim();
        self.errors.extend(uploads::sha256_error(sha256));
        self.sha256 = Some(sha256.to_owned());
    }

    fn into_result(mut self) -> Result<(FileMetadata, Option<String>), Problem> {
        match self.file.take() {
            Some(facts) if self.errors.is_empty() => Ok((facts, self.sha256)),
            Some(_) => Err(self.refusal()),
            None => {
                self.errors.push(error("file", "required", "is required"));
                Err(self.refusal())
            }
        }
    }

    fn refusal(self) -> Problem {
        match self.bad_metadata {
            Some(problem) if problem.errors.len() == self.errors.len() => problem,
            _ => Problem::validation(self.errors),
        }
    }
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

/// The error of a part that is repeated or unknown, or has no name.
fn unexpected(name: Option<&str>) -> FieldError {
    match name {
        Some("file") => error("file", "repeated", "must be given once only; send one file at a time"),
        Some("sha256") => error("sha256", "repeated", "must be given once only"),
        Some(name) => error(truncate(name, 100), "unknown", "is not a part of this form"),
        None => FieldError::in_body(&[], "required", "has a part without a name"),
    }
}

fn error(field: &str, kind: &str, words: &str) -> FieldError {
    FieldError::in_body(&[PathSegment::Name(field.to_owned())], kind, words)
}
