//! Deleting or changing a thing removes it at once from the answers that are stored for retries.

use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    the_text_of_a_deleted_message_is_in_no_stored_response,
    an_edited_message_is_kept_as_it_is_now,
    a_deleted_file_and_a_removed_spider_leave_their_keys_used_and_their_answers_empty,
}

/// The stored answers of all keys.
async fn stored_responses(app: &TestApp) -> String {
    let connection = app.raw_database().await;
    let rows = crate::store::tables::rows(&connection, "SELECT answer FROM idempotency_keys").await;
    let answers: Vec<String> = rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect();
    connection.close().await.unwrap();
    answers.join("\n")
}

/// Sends it by request under a key and by socket under a client message id: each answer is stored.
async fn sends_chat(app: &TestApp, caller: &Caller<'_>, text: &str) -> [String; 2] {
    let body = json!({ "text": text });
    let by_request = caller.posts_with_key("by-request", "/api/v1/chat/send", &body).await.json();
    let mut socket = caller.connects().await;
    let said = json!({ "type": "chat", "text": text, "client_message_id": "by-socket" });
    let by_socket = socket.request(said).await;
    assert!(stored_responses(app).await.contains(text));
    [&by_request, &by_socket].map(|answer| answer["message_id"].as_str().unwrap().to_owned())
}

fn path(message: &str) -> String {
    format!("/api/v1/messages/{message}")
}

async fn the_text_of_a_deleted_message_is_in_no_stored_response(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let [first, second] = sends_chat(app, &bob, "a canary in the coal mine").await;

    assert_eq!(bob.delete(&path(&first)).await.status, 204);
    assert_eq!(ann.delete(&path(&second)).await.status, 204);

    assert!(!stored_responses(app).await.contains("canary"), "{}", stored_responses(app).await);
    // The retry gets the same answer, and no message is sent again.
    let body = json!({ "text": "a canary in the coal mine" });
    let again = bob.posts_with_key("by-request", "/api/v1/chat/send", &body).await;
    assert_eq!((again.status, again.is_replay(), &again.json()["message_id"]), (200, true, &json!(first)));
    let mut socket = bob.connects().await;
    let said =
        json!({ "type": "chat", "text": "a canary in the coal mine", "client_message_id": "by-socket" });
    let again = socket.request(said).await;
    assert_eq!((&again["message_id"], &again["payload"]["text"]), (&json!(second), &json!("")));
    let history = ann.get("/api/v1/rooms/lobby/messages").await.json();
    assert_eq!(history["data"].as_array().unwrap().len(), 2, "{history}");
}

async fn an_edited_message_is_kept_as_it_is_now(app: &TestApp) {
    let bob = app.member("bob").await;
    let [first, second] = sends_chat(app, &bob, "a first wrod").await;

    for message in [&first, &second] {
        let edited = bob.patch(&path(message), &json!({ "text": "a first word" })).await;
        assert_eq!(edited.status, 200, "{edited:?}");
    }

    let kept = stored_responses(app).await;
    assert!(!kept.contains("wrod") && kept.contains("a first word"), "{kept}");
}

async fn a_deleted_file_and_a_removed_spider_leave_their_keys_used_and_their_answers_empty(app: &TestApp) {
    let ann = app.admin("ann").await;
    let uploads = async || -> Response {
        let file = "--edge\r\ncontent-disposition: form-data; name=\"file\"; filename=\"canary.txt\"\r\n\r\nx\r\n--edge--\r\n";
        let request = app.http.post(app.url("/api/v1/uploads")).bearer_auth(ann.token());
        let request = request.header("idempotency-key", "k").body(file);
        Response::send(request.header("content-type", "multipart/form-data; boundary=edge")).await
    };
    let upload: Value = uploads().await.json();
    let body = json!({ "name": "canary", "runner": "external" });
    assert_eq!(ann.posts_with_key("k", "/api/v1/spiders", &body).await.status, 201);
    assert!(stored_responses(app).await.contains("canary"));

    let path = format!("/api/v1/uploads/{}", upload["upload_id"].as_str().unwrap());
    assert_eq!(ann.delete(&path).await.status, 204);
    assert_eq!(ann.delete("/api/v1/spiders/canary").await.status, 204);

    assert!(!stored_responses(app).await.contains("canary"), "{}", stored_responses(app).await);
    uploads().await.expect_problem(410, "gone");
    ann.posts_with_key("k", "/api/v1/spiders", &body).await.expect_problem(410, "gone");
}
