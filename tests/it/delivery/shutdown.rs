//! A node that stops says so to everybody, and their positions hold on the next one.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_stopping_node_sends_its_sockets_away_with_1012,
    a_stopping_node_ends_its_streams_with_a_problem_event,
    what_was_told_before_the_end_is_delivered_before_the_goodbye,
}

async fn a_stopping_node_sends_its_sockets_away_with_1012(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut sockets = [bob.connects().await, bob.connects().await];

    app.stop();

    for socket in &mut sockets {
        let away = socket.next().await;
        let (code, reason) = socket.is_closed().await;
        assert_eq!(away["type"], "going_away");
        assert!(away["reconnect_after_ms"].as_u64().unwrap() < 10_000, "{away}");
        assert_eq!((code, reason.as_str()), (1012, "restart;retry_after=10"));
    }
}

async fn a_stopping_node_ends_its_streams_with_a_problem_event(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut stream = bob.streams("/sse/events", None).await;
    stream.next_event().await;

    app.stop();

    assert_eq!(stream.next_event().await.event.as_deref(), Some("going_away"));
    let problem = stream.next_event().await;
    assert_eq!(problem.event.as_deref(), Some("problem"));
    assert_eq!((&problem.json()["close_code"], &problem.json()["code"]), (&json!(1012), &json!("restart")));
    assert_eq!(stream.next_block().await, None);
}

async fn what_was_told_before_the_end_is_delivered_before_the_goodbye(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    for number in 0..50 {
        ann.broadcasts(&number.to_string()).await;
    }

    app.stop();
    let (code, _) = socket.is_closed().await;

    let types: Vec<&str> = socket.skipped.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(code, 1012);
    assert_eq!(types[..50], ["system_notification"; 50]);
    assert_eq!(types[50..], ["going_away"]);
}
