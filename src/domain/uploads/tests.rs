//! Tests of the upload use cases, on a manual clock.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use tempfile::TempDir;

use super::store::{UploadSettings, Uploads};
use super::*;
use crate::auth::key_scope::Role;
use crate::base::ids::UploadId;
use crate::blobs::BlobStore;
use crate::domain::limits::quota::{Quota, Quotas};
use crate::domain::limits::{LimitSettings, Limits};
use crate::domain::op::{Op, Services};
use crate::domain::testing::World;
use crate::protocol::problem::Code;
use crate::storage::{upload_totals, uploads};

fn named(filename: &str) -> NewUpload {
    NewUpload { filename: filename.to_owned(), ..NewUpload::default() }
}

async fn has_begun(op: &Op, filename: &str, piece: &'static [u8]) -> IncomingUpload {
    let mut file = begin(op, named(filename)).await.unwrap();
    file.append(Bytes::from_static(piece)).await.unwrap();
    file
}

async fn resumes(op: &Op, id: UploadId) -> IncomingUpload {
    match resume(op, id).await.unwrap() {
        Resumed::Receiving(file) => *file,
        Resumed::Complete(upload) => panic!("complete already: {upload:?}"),
    }
}

async fn reads(op: &Op, upload_id: &str) -> Vec<u8> {
    let content = content(op, upload_id.parse().unwrap()).await.unwrap();
    let pieces: Vec<Bytes> = content.read(0..content.size).await.unwrap().try_collect().await.unwrap();
    pieces.concat()
}

/// The tenant's reserved quota, by the total and by the rows.
async fn reserved(op: &Op) -> (i64, i64) {
    let tx = op.read().await.unwrap();
    let rows = uploads::list(&tx, None, None, 100).await.unwrap();
    (upload_totals::read(&tx).await.unwrap(), rows.iter().map(|row| row.reserved).sum())
}

/// A second node on the same database and folder.
async fn another_node(world: &World, folder: &TempDir) -> Services {
    let mut services = world.restarted().await;
    services.uploads = in_folder(folder);
    services
}

fn in_folder(folder: &TempDir) -> Arc<Uploads> {
    let blobs = BlobStore::folder(folder.path().to_path_buf()).unwrap();
    Arc::new(Uploads::new(blobs, UploadSettings::default()))
}

#[tokio::test]
async fn an_upload_resumed_on_another_node_is_lost_to_the_first() {
    let (mut world, folder) = (World::new().await, tempfile::tempdir().unwrap());
    world.services.uploads = in_folder(&folder);
    let ann = world.user("ann", Role::Member).await;
    let mut first = has_begun(&ann, "a", b"one ").await;
    let reached = first.blob_writer.checkpoint().await.unwrap();
    first.save_checkpoint(&reached).await.unwrap();
    let services = another_node(&world, &folder).await;
    let mut elsewhere = ann.clone();
    elsewhere.services = services;

    let mut second = resumes(&elsewhere, first.upload_id()).await;
    second.append(Bytes::from_static(b"two")).await.unwrap();
    let late = first.complete().await.unwrap_err();
    let upload = second.complete().await.unwrap();

    assert_eq!(late.code, Code::Conflict);
    assert_eq!(reads(&ann, &upload.upload_id).await, b"one two");
}

#[tokio::test]
async fn a_published_file_whose_event_is_missing_is_completed_on_resume() {
    let world = World::new().await;
    let ann = world.user("ann", Role::Member).await;
    let mut file = has_begun(&ann, "a", b"whole").await;
    let (id, key) = (file.upload_id(), file.key());
    let (whole, _) = file.blob_writer.seal().await.unwrap();
    file.save_checkpoint(&whole).await.unwrap();
    ann.services.uploads.blobs.publish(&key, &whole).await.unwrap();
    // The process ends here.
    drop(file);

    let again = resumes(&ann, id).await;
    assert_eq!(again.offset(), 5);
    let upload = again.complete().await.unwrap();

    assert_eq!(reads(&ann, &upload.upload_id).await, b"whole");
}

#[tokio::test]
async fn the_total_is_the_sum_of_what_files_have_reserved() {
    let mut world = World::new().await;
    let quotas = Quotas::default().with(Quota::UploadBytes, 100);
    let settings = LimitSettings { quotas, ..LimitSettings::default() };
    world.services.limits = Limits::new(settings, Arc::clone(&world.services.rates)).into();
    let ann = world.user("ann", Role::Member).await;

    let sized = NewUpload { size: Some(40), ..named("sized") };
    let sized = begin(&ann, sized).await.unwrap();
    assert_eq!(reserved(&ann).await, (40, 40));
    let open = has_begun(&ann, "open", b"ten bytes.").await;
    assert_eq!(reserved(&ann).await, (50, 50));
    let too_much = NewUpload { size: Some(51), ..named("too much") };
    assert_eq!(begin(&ann, too_much).await.map(|_| ()).unwrap_err().code, Code::InsufficientStorage);
    open.complete().await.unwrap();
    assert_eq!(reserved(&ann).await, (50, 50));
    sized.discard().await;

    assert_eq!(reserved(&ann).await, (10, 10));
}

#[tokio::test]
async fn a_paused_upload_that_is_not_resumed_is_swept() {
    let world = World::new().await;
    let ann = world.user("ann", Role::Member).await;
    let file = has_begun(&ann, "a", b"some").await;
    let id = file.upload_id();
    file.pause().await;
    let held = has_begun(&ann, "held", b"some").await;
    world.advance_ms(24 * 3_600_000 + 1);

    assert_eq!(sweep(&world.services).await.unwrap(), 1);

    assert_eq!(resume(&ann, id).await.map(|_| ()).unwrap_err().code, Code::NotFound);
    // A connection of this node still has the other one.
    assert!(held.complete().await.is_ok());
}
