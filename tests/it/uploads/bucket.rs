//! Files in an S3-compatible bucket, on a real server: `scripts/with-s3`.

use std::time::Duration;

use serde_json::json;

use super::client::{bytes, chunk, content, downloads, files, form, page, posts, sha256, used};
use crate::support::app::{Backend, TestApp};
use crate::support::settings::Setting;
use crate::support::wait::eventually;

const MIB: usize = 1024 * 1024;

/// A node that stores files in a new bucket, and the bucket's address.
async fn spawn(bucket: &'static str) -> (TestApp, String) {
    let endpoint = std::env::var("LOTLINE_TEST_S3").expect("run this through scripts/with-s3");
    let address = format!("{endpoint}/{bucket}");
    let made = reqwest::Client::new().put(&address).send().await.unwrap();
    assert!(made.status().is_success(), "{made:?}");
    // Settings are `'static` everywhere else; this one is known at run time.
    let endpoint: &'static str = Box::leak(endpoint.into_boxed_str());
    let settings: &[Setting] = &[
        ("LOTLINE__UPLOADS__BUCKET", bucket),
        ("LOTLINE__UPLOADS__ENDPOINT", endpoint),
        ("LOTLINE__UPLOADS__ACCESS_KEY_ID", "testing"),
        ("LOTLINE__UPLOADS__SECRET_ACCESS_KEY", "testing-secret"),
    ];
    (TestApp::spawn_with(Backend::Sqlite, settings).await, address)
}

/// The numbers of finished objects and of unfinished ones in the bucket.
async fn objects(address: &str) -> (usize, usize) {
    let count = async |query: &str, tag: &str| {
        let text = reqwest::get(format!("{address}{query}")).await.unwrap().text().await.unwrap();
        text.matches(tag).count()
    };
    (count("?list-type=2", "<Contents>").await, count("?uploads", "<Upload>").await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an S3-compatible server: scripts/with-s3"]
async fn a_file_of_several_parts_goes_on_after_a_cut_and_is_read_in_ranges() {
    let (app, address) = spawn("several-parts").await;
    let ann = app.admin("ann").await;
    let whole = bytes(20 * MIB + 12_345);
    let mut socket = files(&ann).await;
    let metadata =
        json!({ "type": "metadata", "filename": "plan.bin", "size": whole.len(), "sha256": sha256(&whole) });
    let ack = socket.request(metadata).await;
    for piece in whole[..18 * MIB].chunks(MIB) {
        assert_eq!(chunk(&mut socket, piece).await["type"], "chunk_received");
    }
    socket.close().await;
    app.wait_for_connections(0).await;

    let mut socket = files(&ann).await;
    let resumed = socket.request(json!({ "type": "resume", "upload_id": ack["upload_id"] })).await;
    let offset = usize::try_from(resumed["offset"].as_u64().unwrap()).unwrap();
    assert_eq!(offset, 16 * MIB, "two whole parts of eight mebibytes");
    for piece in whole[offset..].chunks(MIB) {
        assert_eq!(chunk(&mut socket, piece).await["type"], "chunk_received");
    }
    let success = socket.request(json!({ "type": "complete" })).await;

    assert_eq!(success["sha256"], sha256(&whole), "{success}");
    let id = ack["upload_id"].as_str().unwrap();
    assert!(downloads(&ann, id, &[]).await.2 == whole);
    let (status, headers, body) = downloads(&ann, id, &[("range", "bytes=8388600-8388615")]).await;
    assert!(status == 206 && body == whole[8_388_600..8_388_616], "{headers:?}");
    assert_eq!(objects(&address).await, (1, 0));
    assert_eq!(ann.delete(&page(id)).await.status, 204);
    ann.get(&content(id)).await.expect_problem(404, "not_found");
    assert_eq!((objects(&address).await, used(&ann).await), ((0, 0), 0));
    socket.close().await;
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an S3-compatible server: scripts/with-s3"]
async fn small_and_empty_files_and_refused_ones_leave_what_they_should() {
    let (app, address) = spawn("small-files").await;
    let ann = app.admin("ann").await;

    let small = posts(&ann, form("a.txt", "text/plain", b"some text", &[]), None).await;
    let empty = posts(&ann, form("b.txt", "text/plain", b"", &[]), None).await;
    let refused =
        posts(&ann, form("c.txt", "text/plain", b"text", &[("sha256", &"ab".repeat(32))]), None).await;

    assert_eq!((small.status, empty.status), (201, 201), "{small:?} {empty:?}");
    refused.expect_problem(422, "checksum_mismatch");
    eventually("the refused file to go", async || objects(&address).await == (2, 0)).await;
    for (answer, wanted) in [(small, b"some text".as_slice()), (empty, b"")] {
        let id = answer.json()["upload_id"].as_str().unwrap().to_owned();
        assert_eq!(downloads(&ann, &id, &[]).await.2, wanted);
    }
    app.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs an S3-compatible server: scripts/with-s3"]
async fn an_abandoned_file_leaves_no_parts() {
    let (app, address) = spawn("abandoned-files").await;
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    socket.request(json!({ "type": "metadata", "filename": "a" })).await;
    for _ in 0..9 {
        assert_eq!(chunk(&mut socket, &bytes(MIB)).await["type"], "chunk_received");
    }
    socket.close().await;
    app.wait_for_connections(0).await;
    assert_eq!(objects(&address).await, (0, 1));

    app.clock.advance(Duration::from_secs(86_400));
    eventually("the parts to go", async || {
        app.clock.advance(Duration::from_secs(61));
        objects(&address).await == (0, 0)
    })
    .await;
    app.finish().await;
}
