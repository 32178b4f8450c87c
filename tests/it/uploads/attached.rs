//! Files attached to messages and jobs: the readers of those can read them, and no other caller.

use serde_json::{Value, json};

use super::client::{content, downloads, files, has_file, page};
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_file_of_a_private_room_is_for_its_members_and_for_nobody_else,
    a_file_to_one_person_is_for_the_two,
    a_file_of_a_job_is_for_everybody_of_the_tenant,
    a_message_that_is_deleted_lets_its_file_go,
    files_that_are_not_ones_own_go_with_nothing,
    a_deleted_file_stays_named_and_answers_no_more,
}

/// Asserts that a caller without a right to it gets the same answers as for an unknown file.
async fn learns_nothing(caller: &Caller<'_>, upload_id: &str) {
    let never = "0198c0de-0000-7000-8000-000000000000";
    let received = |answer: Response| {
        let mut problem = answer.expect_problem(404, "not_found");
        problem.as_object_mut().unwrap().remove("request_id");
        problem
    };
    for path in [page as fn(&str) -> String, content] {
        assert_eq!(received(caller.get(&path(upload_id)).await), received(caller.get(&path(never)).await));
    }
}

async fn reads(caller: &Caller<'_>, upload_id: &str) -> bool {
    downloads(caller, upload_id, &[]).await.0 == 200
}

async fn a_file_of_a_private_room_is_for_its_members_and_for_nobody_else(app: &TestApp) {
    let (ann, bob, cid) = (app.admin("ann").await, app.member("bob").await, app.member("cid").await);
    let (vic, dan, sue) = (app.viewer("vic").await, app.member("dan").await, app.stranger("sue").await);
    let members = [bob.id.0, cid.id.0, vic.id.0];
    let room = json!({ "name": "Deal", "visibility": "private", "members": members });
    let room_id = ann.post("/api/v1/rooms", &room).await.json()["room_id"].clone();
    let upload_id = has_file(&bob, "offer.txt", b"our offer").await;
    learns_nothing(&cid, &upload_id).await;

    let mut received = cid.connects().await;
    let sent = json!({ "room_id": room_id, "text": "here it is", "upload_ids": [upload_id] });
    assert_eq!(bob.post("/api/v1/chat/send", &sent).await.status, 200);

    let wanted =
        json!([{ "upload_id": upload_id, "filename": "offer.txt", "content_type": "text/plain", "size": 9 }]);
    assert_eq!(received.next_of_type("chat").await["payload"]["attachments"], wanted);
    let history = cid.get(&format!("/api/v1/rooms/{}/messages", room_id.as_str().unwrap())).await.json();
    assert_eq!(history["data"][0]["attachments"], wanted);
    for reader in [&*bob as &Caller<'_>, &cid, &vic, &ann] {
        assert!(reads(reader, &upload_id).await);
    }
    learns_nothing(&dan, &upload_id).await;
    learns_nothing(&sue, &upload_id).await;
    cid.delete(&page(&upload_id)).await.expect_problem(403, "forbidden");
    // A member that leaves the room loses access to its files.
    let membership = format!("/api/v1/rooms/{}/members/{}", room_id.as_str().unwrap(), cid.id);
    assert_eq!(ann.delete(&membership).await.status, 204);
    learns_nothing(&cid, &upload_id).await;
}

async fn a_file_to_one_person_is_for_the_two(app: &TestApp) {
    let (bob, cid, dan) = (app.member("bob").await, app.member("cid").await, app.member("dan").await);
    let upload_id = has_file(&bob, "a.txt", b"for you").await;
    let (mut received, mut socket) = (cid.connects().await, bob.connects().await);

    let ack = socket
        .request(json!({ "type": "direct_message", "target_user": cid.id.0, "text": "look", "upload_ids": [upload_id] }))
        .await;

    assert_eq!(ack["payload"]["attachments"][0]["upload_id"], upload_id, "{ack}");
    assert_eq!(
        received.next_of_type("direct_message").await["payload"]["attachments"][0]["filename"],
        "a.txt"
    );
    assert!(reads(&bob, &upload_id).await && reads(&cid, &upload_id).await);
    learns_nothing(&dan, &upload_id).await;
}

async fn a_file_of_a_job_is_for_everybody_of_the_tenant(app: &TestApp) {
    use lotline::auth::key_scope::KeyScope;
    let (bob, vic, sue) = (app.member("bob").await, app.viewer("vic").await, app.stranger("sue").await);
    let ann = app.admin("ann").await;
    let key = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let upload_id = has_file(&bob, "streets.csv", b"street,city").await;
    learns_nothing(&vic, &upload_id).await;

    let new = json!({ "spider_name": "auto", "target_urls": ["https://portal.example/"], "upload_ids": [upload_id] });
    let job = bob.post("/api/v1/jobs", &new).await.json();

    assert_eq!(job["attachments"][0]["filename"], "streets.csv", "{job}");
    assert_eq!(
        vic.get(&format!("/api/v1/jobs/{}", job["job_id"])).await.json()["attachments"],
        job["attachments"]
    );
    assert!(reads(&vic, &upload_id).await && reads(&key, &upload_id).await);
    learns_nothing(&sue, &upload_id).await;
}

async fn a_message_that_is_deleted_lets_its_file_go(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);
    let upload_id = has_file(&bob, "a.txt", b"for all").await;
    let sent =
        bob.post("/api/v1/chat/send", &json!({ "text": "look", "upload_ids": [upload_id] })).await.json();
    assert!(reads(&cid, &upload_id).await, "the lobby is everybody's");

    let message = format!("/api/v1/messages/{}", sent["message_id"].as_str().unwrap());
    assert_eq!(bob.delete(&message).await.status, 204);

    learns_nothing(&cid, &upload_id).await;
    assert!(reads(&bob, &upload_id).await);
    let events = cid.reads_events(&beginning(&bob).await).await;
    assert!(!Value::Array(events).to_string().contains(&upload_id), "the log has forgotten it for others");
}

/// The position before the first event, made from the log's epoch.
async fn beginning(caller: &Caller<'_>) -> String {
    let head = caller.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let (epoch, _) = head.split_once('-').unwrap();
    format!("{epoch}-0")
}

async fn files_that_are_not_ones_own_go_with_nothing(app: &TestApp) {
    let (ann, bob, sue) = (app.admin("ann").await, app.member("bob").await, app.stranger("sue").await);
    let (own, anns) = (has_file(&bob, "own", b"1").await, has_file(&ann, "ann's", b"2").await);
    let sues = has_file(&sue, "sue's", b"3").await;
    let mut socket = files(&bob).await;
    let unfinished =
        socket.request(json!({ "type": "metadata", "filename": "a" })).await["upload_id"].clone();
    let never = "0198c0de-0000-7000-8000-000000000000";

    let ids = json!([own, anns, sues, unfinished, never, own]);
    let chat = bob.post("/api/v1/chat/send", &json!({ "text": "hi", "upload_ids": ids })).await;
    let new = json!({ "spider_name": "auto", "target_urls": ["https://a.example/"], "upload_ids": ids });
    let job = bob.post("/api/v1/jobs", &new).await;

    for answer in [chat, job] {
        let problem = answer.expect_problem(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap();
        let words: std::collections::BTreeSet<_> =
            errors.iter().map(|one| one["msg"].as_str().unwrap()).collect();
        let pointers: Vec<_> = errors.iter().map(|one| one["pointer"].as_str().unwrap()).collect();
        assert_eq!(
            pointers,
            ["/upload_ids/1", "/upload_ids/2", "/upload_ids/3", "/upload_ids/4", "/upload_ids/5"]
        );
        assert_eq!(words.len(), 1, "{problem}");
    }
    let no_id = bob.post("/api/v1/chat/send", &json!({ "text": "hi", "upload_ids": ["x"] })).await;
    let error = no_id.expect_problem(422, "validation_failed")["errors"][0].clone();
    assert_eq!((&error["loc"], &error["type"]), (&json!(["body", "upload_ids", 0]), &json!("format")));
    assert_eq!(bob.get("/api/v1/rooms/lobby/messages").await.json()["data"], json!([]));
}

async fn a_deleted_file_stays_named_and_answers_no_more(app: &TestApp) {
    let (ann, bob, cid) = (app.admin("ann").await, app.member("bob").await, app.member("cid").await);
    let upload_id = has_file(&bob, "a.txt", b"for all").await;
    bob.post("/api/v1/chat/send", &json!({ "text": "look", "upload_ids": [upload_id] })).await;

    assert_eq!(ann.delete(&page(&upload_id)).await.status, 204);

    learns_nothing(&cid, &upload_id).await;
    learns_nothing(&bob, &upload_id).await;
    let history = cid.get("/api/v1/rooms/lobby/messages").await.json();
    assert_eq!(history["data"][0]["attachments"][0]["filename"], "a.txt");
    let deeds = ann.get("/api/v1/audit-log").await.json();
    let deeds: Vec<_> = deeds["data"].as_array().unwrap().iter().map(|one| one["action"].clone()).collect();
    assert!(deeds.contains(&json!("upload.deleted")), "{deeds:?}");
}
