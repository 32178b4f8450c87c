//! Tests of behaviour that all stores share.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::TryStreamExt;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::*;
use crate::base::hex::hex;
use crate::base::ids::{TenantId, UploadId};

fn key(number: u8) -> BlobKey {
    let upload_id: UploadId = format!("0198c0de-0000-7000-8000-0000000000{number:02x}").parse().unwrap();
    BlobKey { tenant_id: TenantId(7), upload_id }
}

/// Both kinds of store; the folder is removed with the test.
fn stores() -> (TempDir, [Arc<BlobStore>; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let local = BlobStore::folder(folder.path().join("uploads")).unwrap();
    (folder, [Arc::new(local), Arc::new(BlobStore::in_memory())])
}

/// Bytes that differ from their neighbours, over three parts of a bucket.
fn content() -> Bytes {
    let length = PART_BYTES as usize * 2 + 12_345;
    (0..length).map(|at| (at % 251) as u8).collect::<Vec<_>>().into()
}

async fn read(blobs: &BlobStore, key: &BlobKey, range: Range<u64>) -> Bytes {
    let pieces: Vec<Bytes> = blobs.read(key, range).await.unwrap().try_collect().await.unwrap();
    pieces.concat().into()
}

#[tokio::test]
async fn what_was_appended_is_read_whole_and_in_parts() {
    let (_folder, stores) = stores();
    for blobs in stores {
        let whole = content();
        blobs.check().await.unwrap();
        let (mut growing, _) = blobs.begin(&key(1)).await.unwrap();
        for start in (0..whole.len()).step_by(1_000_000) {
            growing.append(whole.slice(start..whole.len().min(start + 1_000_000))).await.unwrap();
        }
        let (last, _) = growing.seal().await.unwrap();
        blobs.publish(&key(1), &last).await.unwrap();
        blobs.publish(&key(1), &last).await.unwrap();

        let length = whole.len() as u64;
        assert_eq!(last.stored, length);
        assert!(read(&blobs, &key(1), 0..length).await == whole);
        assert_eq!(read(&blobs, &key(1), 100_000..300_001).await, whole.slice(100_000..300_001));
        assert_eq!(read(&blobs, &key(1), length..length).await, Bytes::new());
    }
}

#[tokio::test]
async fn a_blob_resumes_at_its_checkpoint_and_discards_what_came_after() {
    let (_folder, stores) = stores();
    for blobs in stores {
        let whole = content();
        let (mut growing, first) = blobs.begin(&key(1)).await.unwrap();
        assert_eq!(first.stored, 0);
        growing.append(whole.slice(..PART_BYTES as usize + 10)).await.unwrap();
        let reached = growing.checkpoint().await.unwrap();
        growing.append(Bytes::from_static(b"lost in the crash")).await.unwrap();
        drop(growing);

        let mut growing = blobs.resume(&key(1), &reached).await.unwrap();
        growing.append(whole.slice(reached.stored as usize..)).await.unwrap();
        let (last, sha256) = growing.seal().await.unwrap();
        blobs.publish(&key(1), &last).await.unwrap();

        let expected = hex(&Sha256::digest(&whole));
        assert_eq!(sha256, expected);
        assert!(reached.stored >= PART_BYTES);
        assert!(read(&blobs, &key(1), 0..whole.len() as u64).await == whole);
    }
}

#[tokio::test]
async fn an_empty_blob_is_one_too() {
    let (_folder, stores) = stores();
    for blobs in stores {
        let (mut growing, _) = blobs.begin(&key(1)).await.unwrap();
        let (last, _) = growing.seal().await.unwrap();
        blobs.publish(&key(1), &last).await.unwrap();

        assert_eq!(read(&blobs, &key(1), 0..0).await, Bytes::new());
        let listed: Vec<BlobKey> = blobs.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(listed, [key(1)]);
    }
}

#[tokio::test]
async fn what_is_removed_is_gone_whether_whole_or_begun() {
    let (_folder, stores) = stores();
    for blobs in stores {
        for (number, publish) in [(1, true), (2, false)] {
            let (mut growing, _) = blobs.begin(&key(number)).await.unwrap();
            growing.append(Bytes::from_static(b"some")).await.unwrap();
            let (last, _) = growing.seal().await.unwrap();
            if publish {
                blobs.publish(&key(number), &last).await.unwrap();
            }
            blobs.remove(&key(number), last.progress.as_deref()).await.unwrap();
            blobs.remove(&key(number), last.progress.as_deref()).await.unwrap();
        }

        let listed: Vec<BlobKey> = blobs.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(listed, []);
        assert!(matches!(blobs.read(&key(1), 0..4).await.map(|_| ()), Err(Error::Missing)));
    }
}

#[tokio::test]
async fn strange_files_in_the_folder_are_not_taken_for_blobs() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::folder(folder.path().to_path_buf()).unwrap();
    std::fs::create_dir_all(folder.path().join("7/lost+found")).unwrap();
    std::fs::write(folder.path().join("readme"), "mine").unwrap();
    std::fs::write(folder.path().join("7/lost+found/thing"), "mine").unwrap();

    let listed: Vec<BlobKey> = blobs.list().await.unwrap().try_collect().await.unwrap();

    assert_eq!(listed, []);
}

#[tokio::test]
async fn a_file_that_lost_confirmed_bytes_is_not_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = BlobStore::folder(folder.path().to_path_buf()).unwrap();
    let (mut growing, _) = blobs.begin(&key(1)).await.unwrap();
    growing.append(Bytes::from_static(b"some")).await.unwrap();
    growing.seal().await.unwrap();

    let further = Checkpoint { stored: 5, ..Checkpoint::default() };

    assert!(matches!(blobs.resume(&key(1), &further).await.map(|_| ()), Err(Error::Lost(_))));
}

fn page_key(tenant: i64, number: u8) -> PageKey {
    let id = format!("0198c0de-0000-7000-8000-0000000000{number:02x}").parse().unwrap();
    PageKey { tenant_id: TenantId(tenant), sha256: format!("{number:02x}").repeat(32), id }
}

async fn listed_pages(blobs: &BlobStore, tenant: Option<i64>) -> Vec<PageKey> {
    let listed = blobs.list_pages(tenant.map(TenantId)).await.unwrap();
    let mut listed: Vec<PageKey> = listed.try_collect().await.unwrap();
    listed.sort();
    listed
}

#[tokio::test]
async fn bodies_of_pages_are_read_listed_and_removed_and_are_no_uploads() {
    let (_folder, stores) = stores();
    for blobs in stores {
        let (mut growing, _) = blobs.begin(&key(1)).await.unwrap();
        growing.append(Bytes::from_static(b"an upload")).await.unwrap();
        let (last, _) = growing.seal().await.unwrap();
        blobs.publish(&key(1), &last).await.unwrap();
        let pages = [page_key(7, 1), page_key(7, 2), page_key(8, 3)];
        let body = |page: &PageKey| Bytes::from(page.sha256.clone());
        blobs.put_pages(pages.iter().map(|page| (page.clone(), body(page))).collect()).await.unwrap();

        assert_eq!(blobs.read_page(&pages[1], 64).await.unwrap(), body(&pages[1]));
        assert!(matches!(blobs.read_page(&pages[1], 63).await, Err(Error::Lost(_))));
        assert_eq!(listed_pages(&blobs, None).await, pages);
        assert_eq!(listed_pages(&blobs, Some(7)).await, pages[..2]);
        assert_eq!(listed_pages(&blobs, Some(9)).await, []);

        blobs.remove_pages(&pages[..1]).await.unwrap();
        blobs.remove_pages(&pages[..1]).await.unwrap();

        assert_eq!(listed_pages(&blobs, None).await, pages[1..]);
        assert!(matches!(blobs.read_page(&pages[0], 64).await, Err(Error::Missing)));
        let uploads: Vec<BlobKey> = blobs.list().await.unwrap().try_collect().await.unwrap();
        assert_eq!(uploads, [key(1)]);
    }
}
