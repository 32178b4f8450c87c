//! Unfinished uploads expire, and bytes without a row are removed.

use std::time::Duration;

use lotline::domain::uploads::sweep_orphans;
use serde_json::json;

use super::client::{UPLOADS, chunk, files, files_on_disk, has_file, page, used};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

const HOUR: Duration = Duration::from_secs(3_600);

on_both_databases! {
    an_abandoned_file_goes_after_a_day_with_its_bytes_and_its_part_of_the_quota,
    bytes_without_a_row_go_and_those_with_one_stay,
    bytes_that_could_not_be_removed_are_removed_later,
}

async fn an_abandoned_file_goes_after_a_day_with_its_bytes_and_its_part_of_the_quota(app: &TestApp) {
    let ann = app.admin("ann").await;
    let kept = has_file(&ann, "kept", b"whole").await;
    let mut socket = files(&ann).await;
    let ack = socket.request(json!({ "type": "metadata", "filename": "a", "size": 10 })).await;
    chunk(&mut socket, b"half").await;
    socket.close().await;
    app.wait_for_connections(0).await;
    let token = |hours: u32| app.clock.advance(HOUR * hours);

    token(23);
    app.advance(Duration::from_secs(180)).await;
    assert_eq!(files_on_disk(app.folder()), 2);
    token(1);

    eventually("the abandoned file to go", async || {
        app.clock.advance(Duration::from_secs(61));
        files_on_disk(app.folder()) == 1
    })
    .await;
    let ann = ann.another_token().await;
    let ann = crate::support::people::Caller { app, credential: Some(ann) };
    eventually("its row to go", async || {
        ann.get(&page(ack["upload_id"].as_str().unwrap())).await.status == 404
    })
    .await;
    assert_eq!(used(&ann).await, 5);
    assert_eq!(ann.get(&page(&kept)).await.status, 200);
}

async fn bytes_without_a_row_go_and_those_with_one_stay(app: &TestApp) {
    let ann = app.admin("ann").await;
    let kept = has_file(&ann, "kept", b"whole").await;
    let orphan = |id: &str| {
        let folder = app.folder().join(format!("uploads/{}/{}", app.acme, &id[id.len() - 2..]));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(id), "left over").unwrap();
    };
    // One created 60 days ago and one just now, by the times in their ids.
    let (old, young) = (0x019a_b6f0_0000_u64, 1_764_000_000_000_u64);
    let named = |at: u64| format!("{:08x}-{:04x}-7000-8000-000000000007", at >> 16, at & 0xffff);
    orphan(&named(old - 172_800_000 * 30));
    orphan(&named(young));

    let gone = sweep_orphans(&app.services).await.unwrap();

    assert_eq!((gone, files_on_disk(app.folder())), (1, 2));
    app.clock.advance(HOUR * 25);
    // The node's own timer may have removed them already.
    sweep_orphans(&app.services).await.unwrap();
    eventually("the bytes to go", async || files_on_disk(app.folder()) == 1).await;
    let ann = crate::support::people::Caller { app, credential: Some(ann.another_token().await) };
    assert_eq!(ann.get(UPLOADS).await.json()["data"][0]["upload_id"], kept);
}

async fn bytes_that_could_not_be_removed_are_removed_later(app: &TestApp) {
    let ann = app.admin("ann").await;
    let id = has_file(&ann, "a", b"whole").await;
    let path = app.folder().join(format!("uploads/{}/{}/{id}", app.acme, &id[id.len() - 2..]));
    // A directory cannot be removed like a file.
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();

    assert_eq!(ann.delete(&page(&id)).await.status, 204);
    ann.get(&page(&id)).await.expect_problem(404, "not_found");
    assert_eq!(used(&ann).await, 0);
    std::fs::remove_dir(&path).unwrap();
    std::fs::write(&path, "whole").unwrap();

    eventually("the bytes to go", async || {
        app.clock.advance(Duration::from_secs(61));
        files_on_disk(app.folder()) == 0
    })
    .await;
}
