//! The file socket.

use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use super::client::{UPLOADS, bytes, chunk, downloads, files, files_on_disk, sends, sha256, used};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

on_both_databases! {
    a_file_is_sent_in_chunks_and_its_senders_sockets_get_the_event,
    the_seeds_clients_can_send_a_file,
    content_that_differs_from_its_metadata_is_refused_and_removed,
    a_chunk_too_many_or_too_large_ends_the_file_and_not_the_socket,
    a_client_that_ignores_its_credit_is_served_all_the_same,
    a_user_has_two_file_sockets_besides_the_others,
    viewers_and_keys_have_no_file_socket,
    messages_that_mean_nothing_are_answered_and_the_socket_stays,
    a_quiet_file_socket_is_pinged_and_a_silent_one_is_dropped,
    thirty_two_files_may_be_begun_and_no_more,
}

async fn a_file_is_sent_in_chunks_and_its_senders_sockets_get_the_event(app: &TestApp) {
    let bob = app.member("bob").await;
    let (mut elsewhere, mut socket) = (bob.connects().await, files(&bob).await);
    let whole = bytes(300_000);

    let metadata = json!({ "type": "metadata", "filename": "plan.bin", "size": 300_000, "sha256": sha256(&whole),
        "content_type": "application/x-plan" });
    let ack = socket.request(metadata).await;
    let first = chunk(&mut socket, &whole[..200_000]).await;
    let second = chunk(&mut socket, &whole[200_000..]).await;
    let success = socket.request(json!({ "type": "complete" })).await;

    assert_eq!((ack["type"].as_str(), ack["offset"].as_u64()), (Some("ack"), Some(0)));
    assert_eq!(ack["message"], "Metadata received, send chunks");
    assert_eq!((ack["chunk_size"].as_u64(), ack["credit"].as_u64()), (Some(1 << 20), Some(8)));
    assert_eq!(first, json!({ "type": "chunk_received", "chunk_number": 1, "offset": 200_000, "credit": 8 }));
    assert_eq!(second["offset"], 300_000);
    assert_eq!(
        (&success["type"], &success["message"]),
        (&json!("success"), &json!("File plan.bin uploaded"))
    );
    assert_eq!((&success["size"], &success["sha256"]), (&json!(300_000), &json!(sha256(&whole))));
    assert_eq!(success["upload_id"], ack["upload_id"]);
    let received = elsewhere.next_of_type("upload_completed").await;
    assert_eq!((&received["upload_id"], &received["filename"]), (&success["upload_id"], &json!("plan.bin")));
    assert!(received["position"].is_string() && received["occurred_at"].is_string(), "{received}");
    let (status, _, content) = downloads(&bob, success["upload_id"].as_str().unwrap(), &[]).await;
    assert!(status == 200 && content == whole);
}

async fn the_seeds_clients_can_send_a_file(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.socket_request(&format!("/ws/file-upload/{}", bob.id)).open().await;

    socket.send_json(json!({ "type": "metadata", "filename": "a.txt" })).await;
    assert_eq!(socket.next().await["type"], "ack");
    assert_eq!(chunk(&mut socket, b"one ").await["chunk_number"], 1);
    assert_eq!(chunk(&mut socket, b"two").await["chunk_number"], 2);
    socket.send_json(json!({ "type": "complete" })).await;
    assert_eq!(socket.next().await["message"], "File a.txt uploaded");

    // Another file may follow, with fields in the other style; an empty one too.
    let second =
        sends(&mut socket, json!({ "type": "metadata", "payload": { "filename": "b.txt" } }), b"").await;
    assert_eq!((&second["message"], &second["size"]), (&json!("File b.txt uploaded"), &json!(0)));
}

async fn content_that_differs_from_its_metadata_is_refused_and_removed(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    let metadata = |size: u64, sha256: &str| json!({ "type": "metadata", "filename": "a", "size": size, "sha256": sha256 });
    let right = sha256(b"some bytes");

    let short = sends(&mut socket, metadata(11, &right), b"some bytes").await;
    let long = sends(&mut socket, metadata(9, &right), b"some bytes").await;
    let other = sends(&mut socket, metadata(10, &"ab".repeat(32)), b"some bytes").await;
    let too_large = sends(&mut socket, metadata((1 << 30) + 1, &right), b"").await;
    let negative =
        socket.request(json!({ "type": "metadata", "filename": "../a", "size": -1, "sha256": "x" })).await;

    assert_eq!((&short["type"], &short["code"]), (&json!("error"), &json!("size_mismatch")), "{short}");
    assert_eq!(long["code"], "size_mismatch", "{long}");
    assert_eq!(other["code"], "checksum_mismatch", "{other}");
    assert_eq!(too_large["code"], "payload_too_large", "{too_large}");
    assert_eq!(negative["code"], "validation_failed", "{negative}");
    for field in ["size: must be 0 or more", "sha256: must be", "filename: must be"] {
        assert!(negative["message"].as_str().unwrap().contains(field), "{field}: {negative}");
    }
    let unread = socket.request(json!({ "type": "metadata", "size": "x", "sha256": "x" })).await;
    assert_eq!(unread["code"], "invalid_message", "{unread}");
    for field in ["the field filename", "size of metadata", "sha256: must be"] {
        assert!(unread["message"].as_str().unwrap().contains(field), "{field}: {unread}");
    }
    assert_eq!(ann.get(UPLOADS).await.json()["data"], json!([]));
    assert_eq!((used(&ann).await, files_on_disk(app.folder())), (0, 0));
    // The socket stayed open, and the next file is accepted, with a size that is written with a decimal point.
    let pointed = json!({ "type": "metadata", "filename": "p", "size": 10.0 });
    assert_eq!(sends(&mut socket, pointed, b"some bytes").await["type"], "success");
    assert_eq!(
        sends(&mut socket, metadata(10, &right.to_uppercase()), b"some bytes").await["type"],
        "success"
    );
}

async fn a_chunk_too_many_or_too_large_ends_the_file_and_not_the_socket(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;

    assert_eq!(chunk(&mut socket, b"early").await["code"], "invalid_message");
    socket.request(json!({ "type": "metadata", "filename": "a", "size": 4 })).await;
    assert_eq!(chunk(&mut socket, b"more than").await["code"], "size_mismatch");
    // Chunks that were sent after the refused one are ignored without an answer.
    socket.send(Message::binary(b"four".to_vec())).await;
    assert_eq!(socket.request(json!({ "type": "complete" })).await["code"], "invalid_message");
    socket.request(json!({ "type": "metadata", "filename": "a" })).await;
    assert_eq!(chunk(&mut socket, &bytes(1 << 20)).await["type"], "chunk_received");
    socket.send(Message::binary(bytes((1 << 20) + 1))).await;
    assert_eq!(socket.expect_close().await.0, 1009);
}

async fn a_client_that_ignores_its_credit_is_served_all_the_same(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    let whole = bytes(100 * 64 * 1024);
    socket.request(json!({ "type": "metadata", "filename": "a" })).await;

    for piece in whole.chunks(64 * 1024) {
        socket.send(Message::binary(piece.to_vec())).await;
    }
    let success = socket.request(json!({ "type": "complete" })).await;

    assert_eq!((&success["type"], &success["sha256"]), (&json!("success"), &json!(sha256(&whole))));
    assert_eq!(socket.skipped.len(), 100);
    assert_eq!(socket.skipped.back().unwrap()["chunk_number"], 100);
}

async fn a_user_has_two_file_sockets_besides_the_others(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut others = Vec::new();
    for _ in 0..5 {
        others.push(bob.connects().await);
    }
    let (first, _second) = (files(&bob).await, files(&bob).await);

    let refused = bob.socket_request("/ws/file-upload").try_handshake().await;

    refused.expect_problem(429, "too_many_connections");
    first.close().await;
    app.wait_for_connections(6).await;
    files(&bob).await;
}

async fn viewers_and_keys_have_no_file_socket(app: &TestApp) {
    use lotline::auth::key_scope::KeyScope;
    let (ann, vic) = (app.admin("ann").await, app.viewer("vic").await);
    let key = app.worker(&ann, &[KeyScope::EventsRead, KeyScope::JobsRun]).await;

    vic.socket_request("/ws/file-upload").try_handshake().await.expect_problem(403, "forbidden");
    key.socket_request("/ws/file-upload").try_handshake().await.expect_problem(403, "forbidden");
    app.anonymous()
        .socket_request("/ws/file-upload")
        .try_handshake()
        .await
        .expect_problem(401, "unauthenticated");
    ann.socket_request(&format!("/ws/file-upload/{}", vic.id))
        .try_handshake()
        .await
        .expect_problem(403, "wrong_user");
    assert_eq!(ann.socket_request("/ws/file-upload").get_without_upgrade().await.status, 426);
}

async fn messages_that_mean_nothing_are_answered_and_the_socket_stays(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;

    for (text, code, words) in [
        ("{", "invalid_json", "Invalid JSON format"),
        ("[]", "invalid_message", "A message is a JSON object with a type"),
        (r#"{"type":"chat","text":"hi"}"#, "unknown_type", "Unknown message type: chat"),
        (r#"{"type":"metadata"}"#, "invalid_message", "metadata needs the field filename, as text"),
        (r#"{"type":"resume","upload_id":"x"}"#, "not_found", "There is nothing here that you may see."),
        (
            r#"{"type":"resume","upload_id":"0198c0de-0000-7000-8000-000000000000"}"#,
            "not_found",
            "There is nothing here that you may see.",
        ),
        (
            r#"{"type":"complete"}"#,
            "invalid_message",
            "No file is being received; send metadata or resume first",
        ),
    ] {
        socket.send_text(text).await;
        let answer = socket.next().await;
        assert_eq!(
            (answer["code"].as_str(), answer["message"].as_str()),
            (Some(code), Some(words)),
            "{answer}"
        );
        assert_eq!(answer["payload"]["message"], answer["message"]);
    }
    let pong = socket.request(json!({ "type": "ping" })).await;
    assert_eq!(pong["type"], "pong");
}

async fn a_quiet_file_socket_is_pinged_and_a_silent_one_is_dropped(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    // Its timer starts when it is served.
    assert_eq!(socket.request(json!({ "type": "ping" })).await["type"], "pong");

    app.advance(std::time::Duration::from_secs(27)).await;
    socket.expect_ping().await;
    app.wait_for_connections(1).await;
    let silent = socket.into_stream();
    app.advance(std::time::Duration::from_secs(80)).await;

    app.wait_for_connections(0).await;
    drop(silent);
}

async fn thirty_two_files_may_be_begun_and_no_more(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = files(&bob).await;
    for _ in 0..32 {
        // Without this the socket's limit of messages per second would be exceeded.
        app.clock.advance(std::time::Duration::from_millis(100));
        assert_eq!(socket.request(json!({ "type": "metadata", "filename": "a" })).await["type"], "ack");
    }

    app.clock.advance(std::time::Duration::from_secs(2));
    let refused = socket.request(json!({ "type": "metadata", "filename": "a" })).await;

    assert_eq!(refused["code"], "rate_limited", "{refused}");
    let first = bob.get(UPLOADS).await.json()["data"][0]["upload_id"].as_str().unwrap().to_owned();
    assert_eq!(bob.delete(&format!("{UPLOADS}/{first}")).await.status, 204);
    eventually("the bytes to go", async || files_on_disk(app.folder()) == 31).await;
    assert_eq!(socket.request(json!({ "type": "metadata", "filename": "a" })).await["type"], "ack");
}
