//! Resumed uploads.

use serde_json::json;

use super::client::{bytes, chunk, downloads, files, files_on_disk, page, sends, sha256, used};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    after_a_cut_the_file_goes_on_where_it_is_stored,
    a_connection_that_was_cut_without_a_word_gives_the_file_to_the_next,
    a_file_that_was_complete_before_the_cut_is_reported_complete,
    nobody_goes_on_with_another_persons_file,
    a_deleted_file_cannot_be_gone_on_with,
    another_file_may_come_between_the_two_halves,
}

async fn after_a_cut_the_file_goes_on_where_it_is_stored(app: &TestApp) {
    let bob = app.member("bob").await;
    let whole = bytes(500_000);
    let mut socket = files(&bob).await;
    let metadata =
        json!({ "type": "metadata", "filename": "a.bin", "size": 500_000, "sha256": sha256(&whole) });
    let upload_id = socket.request(metadata).await["upload_id"].clone();
    chunk(&mut socket, &whole[..200_000]).await;
    socket.close().await;
    app.wait_for_connections(0).await;

    let shown = bob.get(&page(upload_id.as_str().unwrap())).await.json();
    let mut socket = files(&bob).await;
    let ack = socket.request(json!({ "type": "resume", "upload_id": upload_id })).await;
    assert_eq!((&shown["status"], &shown["size"]), (&json!("receiving"), &json!(200_000)));
    assert_eq!((&ack["type"], &ack["offset"]), (&json!("ack"), &json!(200_000)));
    chunk(&mut socket, &whole[200_000..]).await;
    let success = socket.request(json!({ "type": "complete" })).await;

    assert_eq!((&success["type"], &success["sha256"]), (&json!("success"), &json!(sha256(&whole))));
    let (_, _, content) = downloads(&bob, upload_id.as_str().unwrap(), &[]).await;
    assert!(content == whole);
}

async fn a_connection_that_was_cut_without_a_word_gives_the_file_to_the_next(app: &TestApp) {
    let bob = app.member("bob").await;
    let whole = bytes(300_000);
    let mut before = files(&bob).await;
    let upload_id =
        before.request(json!({ "type": "metadata", "filename": "a.bin" })).await["upload_id"].clone();
    chunk(&mut before, &whole[..100_000]).await;

    // The server still considers the old connection alive.
    let mut after = files(&bob).await;
    let ack = after.request(json!({ "type": "resume", "upload_id": upload_id })).await;
    let received = before.next().await;
    assert_eq!(ack["offset"], 100_000, "{ack}");
    assert_eq!(received["code"], "conflict", "{received}");
    before.send(tokio_tungstenite::tungstenite::Message::binary(whole[100_000..].to_vec())).await;
    chunk(&mut after, &whole[100_000..]).await;
    let success = after.request(json!({ "type": "complete" })).await;

    assert_eq!(success["sha256"], sha256(&whole), "{success}");
}

async fn a_file_that_was_complete_before_the_cut_is_reported_complete(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    let success = sends(&mut socket, json!({ "type": "metadata", "filename": "a" }), b"whole").await;
    socket.close().await;

    let again =
        files(&bob).await.request(json!({ "type": "resume", "upload_id": success["upload_id"] })).await;

    assert_eq!((&again["type"], &again["sha256"]), (&json!("success"), &success["sha256"]));
    assert_eq!(again["message"], "File a uploaded");
}

async fn nobody_goes_on_with_another_persons_file(app: &TestApp) {
    let (bob, ann, sue) = (app.member("bob").await, app.admin("ann").await, app.stranger("sue").await);
    let mut socket = files(&bob).await;
    let upload_id = socket.request(json!({ "type": "metadata", "filename": "a" })).await["upload_id"].clone();

    for other in [&ann, &sue] {
        let answer = files(other).await.request(json!({ "type": "resume", "upload_id": upload_id })).await;
        assert_eq!(answer["code"], "not_found", "{answer}");
    }
    // The connection with the file was not affected.
    assert_eq!(chunk(&mut socket, b"go on").await["type"], "chunk_received");
}

async fn a_deleted_file_cannot_be_gone_on_with(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    let ack = socket.request(json!({ "type": "metadata", "filename": "a", "size": 10 })).await;
    chunk(&mut socket, b"half").await;
    let upload_id = ack["upload_id"].as_str().unwrap();

    assert_eq!(ann.delete(&page(upload_id)).await.status, 204);
    let received = socket.next().await;
    let resumed = socket.request(json!({ "type": "resume", "upload_id": upload_id })).await;

    assert_eq!(received["code"], "conflict", "{received}");
    assert_eq!(resumed["code"], "not_found", "{resumed}");
    ann.get(&page(upload_id)).await.expect_problem(404, "not_found");
    assert_eq!((used(&ann).await, files_on_disk(app.folder())), (0, 0));
}

async fn another_file_may_come_between_the_two_halves(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    let first = socket.request(json!({ "type": "metadata", "filename": "first" })).await["upload_id"].clone();
    chunk(&mut socket, b"one ").await;

    let second = sends(&mut socket, json!({ "type": "metadata", "filename": "second" }), b"between").await;
    let ack = socket.request(json!({ "type": "resume", "upload_id": first })).await;
    chunk(&mut socket, b"two").await;
    let success = socket.request(json!({ "type": "complete" })).await;

    assert_eq!(second["type"], "success");
    assert_eq!(ack["offset"], 4);
    assert_eq!(success["sha256"], sha256(b"one two"));
}
