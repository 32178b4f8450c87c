//! A tenant's upload quota.

use serde_json::json;

use super::client::{UPLOADS, bytes, chunk, files, files_on_disk, form, page, posts, sends, used};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;
use crate::support::wait::eventually;

const SMALL: &[Setting] =
    &[("LOTLINE__UPLOADS__TENANT_BYTES", "1000000"), ("LOTLINE__UPLOADS__MAX_BYTES", "1000000")];

on_both_databases! {
    of_two_files_that_race_for_the_last_of_the_quota_one_is_taken with super::SMALL,
    a_file_of_unknown_size_takes_what_it_needs_and_no_more with super::SMALL,
    a_deleted_file_gives_its_bytes_back with super::SMALL,
    a_file_larger_than_may_be_is_refused_on_the_way with super::SMALL,
    another_tenants_files_take_nothing with super::SMALL,
}

async fn of_two_files_that_race_for_the_last_of_the_quota_one_is_taken(app: &TestApp) {
    let ann = app.admin("ann").await;
    let people = [app.member("bob").await, app.member("cid").await];
    for round in 0..5 {
        let (mut one, mut two) = (files(&people[0]).await, files(&people[1]).await);
        let announced = || json!({ "type": "metadata", "filename": "a", "size": 600_000 });

        let (first, second) = tokio::join!(one.request(announced()), two.request(announced()));

        let (taken, refused) = if first["type"] == "ack" { (&first, &second) } else { (&second, &first) };
        assert_eq!(
            (&taken["type"], &refused["code"]),
            (&json!("ack"), &json!("insufficient_storage")),
            "{round}"
        );
        assert_eq!(used(&ann).await, 600_000);
        assert_eq!(ann.delete(&page(taken["upload_id"].as_str().unwrap())).await.status, 204);
        assert_eq!(used(&ann).await, 0);
        for socket in [one, two] {
            socket.close().await;
        }
        app.wait_for_connections(0).await;
    }
    assert_eq!(files_on_disk(app.folder()), 0);
}

async fn a_file_of_unknown_size_takes_what_it_needs_and_no_more(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    let first =
        sends(&mut socket, json!({ "type": "metadata", "filename": "a", "size": 900_000 }), &bytes(900_000))
            .await;
    assert_eq!((&first["type"], used(&ann).await), (&json!("success"), 900_000));

    // Two files of unknown size: the second one runs out of space in the middle.
    let fits = sends(&mut socket, json!({ "type": "metadata", "filename": "b" }), &bytes(60_000)).await;
    assert_eq!((&fits["type"], used(&ann).await), (&json!("success"), 960_000));
    let refused = sends(&mut socket, json!({ "type": "metadata", "filename": "c" }), &bytes(100_000)).await;
    let by_form = posts(&ann, form("c", "text/plain", &bytes(100_000), &[]), None).await;

    assert_eq!(refused["code"], "insufficient_storage", "{refused}");
    assert!(refused["message"].as_str().unwrap().contains("1000000 bytes of uploads"), "{refused}");
    by_form.expect_problem(507, "insufficient_storage");
    eventually("the refused files to go", async || files_on_disk(app.folder()) == 2).await;
    assert_eq!(used(&ann).await, 960_000);
    let usage = ann.get("/api/v1/usage").await.json();
    let quota =
        usage["data"].as_array().unwrap().iter().find(|one| one["quota"] == "upload_bytes").unwrap().clone();
    assert_eq!((&quota["limit"], &quota["refused"]), (&json!(1_000_000), &json!(2)));
}

async fn a_deleted_file_gives_its_bytes_back(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    let metadata = || json!({ "type": "metadata", "filename": "a", "size": 800_000 });
    let success = sends(&mut socket, metadata(), &bytes(800_000)).await;
    assert_eq!(socket.request(metadata()).await["code"], "insufficient_storage");

    assert_eq!(ann.delete(&page(success["upload_id"].as_str().unwrap())).await.status, 204);

    assert_eq!(used(&ann).await, 0);
    assert_eq!(sends(&mut socket, metadata(), &bytes(800_000)).await["type"], "success");
}

async fn a_file_larger_than_may_be_is_refused_on_the_way(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = files(&ann).await;
    socket.request(json!({ "type": "metadata", "filename": "a" })).await;
    assert_eq!(chunk(&mut socket, &bytes(700_000)).await["type"], "chunk_received");

    let refused = chunk(&mut socket, &bytes(700_000)).await;

    assert_eq!(refused["code"], "payload_too_large", "{refused}");
    assert_eq!(ann.get(UPLOADS).await.json()["data"], json!([]));
    assert_eq!((used(&ann).await, files_on_disk(app.folder())), (0, 0));
}

async fn another_tenants_files_take_nothing(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let metadata = || json!({ "type": "metadata", "filename": "a", "size": 1_000_000 });

    assert_eq!(files(&ann).await.request(metadata()).await["type"], "ack");
    assert_eq!(files(&sue).await.request(metadata()).await["type"], "ack");
    assert_eq!((used(&ann).await, used(&sue).await), (1_000_000, 1_000_000));
}
