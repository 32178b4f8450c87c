//! WebSocket, server-sent events and REST send the same frames in the same order; a reader may switch between them.

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    the_three_carriers_bring_the_same_frames,
    each_carrier_goes_on_where_another_stopped,
    the_last_event_id_wins_over_since,
    a_quiet_stream_keeps_its_position,
    a_stream_has_the_headers_and_the_retry_that_a_browser_needs,
    a_position_of_a_pong_is_safe_to_resume_from,
    a_page_of_events_may_be_cut_anywhere,
}

async fn broadcast(ann: &Admin<'_>, numbers: std::ops::Range<usize>) {
    for number in numbers {
        ann.broadcasts(&number.to_string()).await;
    }
}

fn numbers(frames: &[Value]) -> Vec<usize> {
    frames.iter().map(|frame| frame["message"].as_str().unwrap().parse().unwrap()).collect()
}

fn position(frame: &Value) -> &str {
    frame["position"].as_str().unwrap()
}

async fn start(ann: &Admin<'_>) -> String {
    let page = ann.get("/api/v1/events").await.json();
    assert_eq!((page["data"].as_array().map(Vec::len), page["has_more"].as_bool()), (Some(0), Some(false)));
    position(&page).to_owned()
}

async fn the_three_carriers_bring_the_same_frames(app: &TestApp) {
    let ann = app.admin("ann").await;
    let start = start(&ann).await;
    let mut live_socket = ann.connects().await;
    let mut live_stream = ann.streams("/sse/events", None).await;
    live_stream.next_event().await;
    broadcast(&ann, 0..10).await;

    let by_rest = ann.reads_events(&start).await;
    let by_live_socket = live_socket.next_durable(10).await;
    let by_live_stream = live_stream.next_durable(10).await;
    let by_socket = ann.resumes(&start).await.next_durable(10).await;
    let by_stream = ann.streams("/sse/events", Some(&start)).await.next_durable(10).await;

    assert_eq!(numbers(&by_rest), (0..10).collect::<Vec<_>>());
    assert_eq!(by_live_socket, by_rest);
    assert_eq!(by_socket, by_rest);
    for stream in [by_live_stream, by_stream] {
        for ((id, frame), wanted) in stream.iter().zip(&by_rest) {
            assert_eq!((frame, id.as_str()), (wanted, position(wanted)));
        }
    }
}

async fn each_carrier_goes_on_where_another_stopped(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    broadcast(&ann, 0..20).await;

    let by_socket = socket.next_durable(5).await;
    let by_stream = ann.streams("/sse/events", Some(position(&by_socket[4]))).await.next_durable(5).await;
    let by_rest = ann.reads_events(&by_stream[4].0).await;
    let by_other_socket = ann.resumes(position(&by_rest[4])).await.next_durable(5).await;
    let by_notifications =
        ann.streams("/sse/notifications", Some(position(&by_rest[4]))).await.next_durable(5).await;

    let by_stream: Vec<Value> = by_stream.into_iter().map(|(_, frame)| frame).collect();
    let by_notifications: Vec<Value> = by_notifications.into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(numbers(&by_socket), (0..5).collect::<Vec<_>>());
    assert_eq!(numbers(&by_stream), (5..10).collect::<Vec<_>>());
    assert_eq!(numbers(&by_rest), (10..20).collect::<Vec<_>>());
    assert_eq!(numbers(&by_other_socket), (15..20).collect::<Vec<_>>());
    assert_eq!(by_notifications, by_other_socket);
}

async fn the_last_event_id_wins_over_since(app: &TestApp) {
    let ann = app.admin("ann").await;
    let start = start(&ann).await;
    broadcast(&ann, 0..4).await;
    let all = ann.reads_events(&start).await;

    let path = format!("/sse/events?since={start}");
    let by_since = ann.streams(&path, None).await.next_durable(1).await;
    let by_id = ann.streams(&path, Some(position(&all[1]))).await.next_durable(1).await;

    assert_eq!((&by_since[0].1, &by_id[0].1), (&all[0], &all[2]));
}

async fn a_quiet_stream_keeps_its_position(app: &TestApp) {
    let ann = app.admin("ann").await;
    let sue = app.stranger("sue").await;
    let mut stream = ann.streams("/sse/events", None).await;
    let hello = stream.next_block().await.unwrap();
    let place = stream.next_block().await.unwrap();
    sue.broadcasts("elsewhere").await;

    app.advance(std::time::Duration::from_secs(17)).await;
    let beat = stream.next_block().await.unwrap();

    for block in [&place, &beat] {
        assert_eq!((&block.event, &block.data), (&None, &None));
        assert_eq!(block.id, hello.id);
    }
    assert!(beat.id.is_some());
}

async fn a_stream_has_the_headers_and_the_retry_that_a_browser_needs(app: &TestApp) {
    let ann = app.admin("ann").await;

    let mut named = ann.streams("/sse/notifications", None).await;
    let mut typed = ann.streams("/sse/notifications?names=type", None).await;
    let alias = ann.streams("/events", None).await;
    let hello = named.next_block().await.unwrap();
    typed.next_event().await;
    ann.broadcasts("hello").await;

    let header = |name: &str| named.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!((named.status, alias.status), (200, 200));
    assert_eq!(header("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(header("cache-control").as_deref(), Some("no-cache"));
    assert_eq!(header("x-accel-buffering").as_deref(), Some("no"));
    assert_eq!(hello.event.as_deref(), Some("connection_established"));
    assert_eq!(hello.json()["position"].as_str(), hello.id.as_deref());
    assert!(hello.retry.is_some());
    assert_eq!(named.next_event().await.event.as_deref(), Some("notification"));
    assert_eq!(typed.next_event().await.event.as_deref(), Some("system_notification"));
}

async fn a_position_of_a_pong_is_safe_to_resume_from(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    broadcast(&ann, 0..3).await;
    let seen = socket.next_durable(3).await;

    let pong = socket.request(serde_json::json!({"type": "ping"})).await;
    broadcast(&ann, 3..5).await;

    assert_eq!(position(&pong), position(&seen[2]));
    assert_eq!(numbers(&ann.reads_events(position(&pong)).await), [3, 4]);
    assert_eq!(numbers(&ann.resumes(position(&pong)).await.next_durable(2).await), [3, 4]);
}

async fn a_page_of_events_may_be_cut_anywhere(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut since = start(&ann).await;
    broadcast(&ann, 0..7).await;

    let mut received = Vec::new();
    for _ in 0..4 {
        let page = ann.get(&format!("/api/v1/events?since={since}&limit=2")).await.json();
        received.extend(numbers(page["data"].as_array().unwrap()));
        since = position(&page).to_owned();
    }
    let end = ann.get(&format!("/api/v1/events?since={since}&limit=2")).await.json();

    assert_eq!(received, (0..7).collect::<Vec<_>>());
    assert_eq!((end["has_more"].as_bool(), position(&end)), (Some(false), since.as_str()));
}
