//! PostgreSQL's own tools replace the log under a running node: every connection is closed, and no event of the new
//! log is delivered as a continuation of the old one.

use serde_json::{Value, json};

use crate::support::app::{Backend, TestApp};
use crate::support::people::Caller;
use crate::support::postgres::{dump, restore};
use crate::support::wait::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_reader_gets_a_gap_after_a_restore_under_a_running_node() {
    let app = TestApp::spawn_with(Backend::Postgres, &[]).await;
    restore_under_running_node(&app).await;
    app.finish().await;
}

async fn restore_under_running_node(app: &TestApp) {
    let ann = app.admin("ann").await;
    let (folder, database) = (tempfile::tempdir().unwrap(), app.database().unwrap().superuser_url());
    let file = folder.path().join("dump");
    let mut socket = ann.connects().await;
    let mut stream = ann.streams("/sse/events", None).await;
    for number in 0..3 {
        ann.broadcasts(&format!("in the copy {number}")).await;
    }
    dump(&database, &file);
    for number in 0..3 {
        ann.broadcasts(&format!("after the copy {number}")).await;
    }
    let old = position(&socket.next_durable(6).await[5]);
    stream.next_durable(6).await;

    // Open database connections survive the restore, and nothing makes the node open a new one.
    let restoring = tokio::task::spawn_blocking(move || {
        restore(&database, &file, &["--clean", "--single-transaction"]);
    });
    within("the restore", restoring).await.unwrap();
    let (code, _) = app.while_time_passes(socket.expect_close()).await;
    let farewell = app.while_time_passes(stream.next_event()).await;
    let end = stream.next_block().await;

    assert_eq!((code, socket.skipped.len()), (1012, 0));
    assert_eq!(
        (farewell.event.as_deref(), farewell.json()["close_code"].as_i64()),
        (Some("problem"), Some(1012))
    );
    assert_eq!(end, None);
    resume_in_new_log(app, &ann, &old).await;
}

async fn resume_in_new_log(app: &TestApp, ann: &crate::support::people::Admin<'_>, old: &str) {
    let mut socket = ann.resumes(old).await;
    let by_socket = socket.next().await;
    let mut stream = ann.streams("/sse/events", Some(old)).await;
    stream.next_event().await;
    let by_stream = stream.next_event().await.json();
    let by_request = page(ann, old).await;
    let new = by_socket["to"].as_str().unwrap().to_owned();

    // Enough events to pass the number at which the old log ended.
    for number in 0..5 {
        ann.broadcasts(&format!("new {number}")).await;
    }
    let received = socket.next_durable(5).await;
    let streamed: Vec<Value> = stream.next_durable(5).await.into_iter().map(|(_, frame)| frame).collect();
    let listed = ann.reads_events(&new).await;
    let still = page(ann, old).await;

    for gap in [&by_socket, &by_stream] {
        assert_eq!((&gap["type"], &gap["reason"]), (&json!("gap"), &json!("other_log")), "{gap}");
    }
    for refused in [&by_request, &still] {
        assert_eq!((&refused["recovered"], &refused["data"]), (&json!(false), &json!([])), "{refused}");
    }
    let words: Vec<_> = received.iter().map(|frame| frame["message"].as_str().unwrap()).collect();
    assert_eq!(words, ["new 0", "new 1", "new 2", "new 3", "new 4"]);
    assert_eq!((&streamed, &listed), (&received, &received));
    assert_eq!(by_request["position"], json!(new));
    drop((socket, stream));
    app.wait_for_connections(0).await;
}

async fn page(who: &Caller<'_>, since: &str) -> Value {
    who.get(&format!("/api/v1/events?since={since}")).await.json()
}

fn position(frame: &Value) -> String {
    frame["position"].as_str().unwrap().to_owned()
}
