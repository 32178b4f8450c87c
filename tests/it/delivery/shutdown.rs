//! A node that shuts down announces it on every connection, and positions stay valid on the next node.

use serde_json::json;
use tokio::net::TcpStream;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

on_both_databases! {
    a_stopping_node_closes_its_sockets_with_1012,
    a_draining_node_refuses_new_connections_while_it_closes_the_others,
    a_node_whose_clients_all_leave_does_not_wait_for_the_rest_of_its_window,
    a_few_streams_and_sockets_are_closed_within_a_second with &[("LOTLINE__SERVER__SHUTDOWN_SECONDS", "600")],
    load_balancers_get_their_delay_before_clients_are_disconnected with &[
        ("LOTLINE__SERVER__DRAIN_DELAY_SECONDS", "5"),
    ],
    a_stopping_node_ends_its_streams_with_a_problem_event,
    events_before_shutdown_are_delivered_before_the_close,
}

async fn a_stopping_node_closes_its_sockets_with_1012(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut sockets = [bob.connects().await, bob.connects().await];

    app.stop();

    let mut advised = Vec::new();
    for socket in &mut sockets {
        advised.push(socket.next_of_type("going_away").await["reconnect_after_ms"].as_u64().unwrap());
        let (code, reason) = app.while_time_passes(socket.expect_close()).await;
        assert_eq!(code, 1012);
        let seconds: u64 = reason.strip_prefix("restart;retry_after=").unwrap().parse().unwrap();
        assert!((1..=10).contains(&seconds), "{reason}");
    }
    // Both end at once, with an advised delay of ten seconds at most.
    assert!(advised.iter().all(|after| *after <= 10_100), "{advised:?}");
    assert_ne!(advised[0], advised[1]);
}

async fn a_draining_node_refuses_new_connections_while_it_closes_the_others(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;

    app.stop();
    socket.next_of_type("going_away").await;

    let refused = bob.socket_request("/ws").try_handshake().await;
    let mut stream = bob.streams("/sse/events", None).await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key("retry-after"));
    assert_eq!(stream.next_event().await.event.as_deref(), Some("problem"));
    assert_eq!(app.anonymous().get("/readyz").await.status, 503);
    assert_eq!(bob.get("/api/v1/users/me").await.status, 200);
    assert_eq!(app.while_time_passes(socket.expect_close()).await.0, 1012);
}

async fn a_node_whose_clients_all_leave_does_not_wait_for_the_rest_of_its_window(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;

    app.stop();
    socket.next_of_type("going_away").await;
    socket.close().await;

    // The clock is not advanced, so only the last disconnect can have ended the wait.
    eventually("the listener to close", async || TcpStream::connect(app.address).await.is_err()).await;
}

async fn a_few_streams_and_sockets_are_closed_within_a_second(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut stream = bob.streams("/sse/events", None).await;
    let mut socket = bob.connects().await;
    stream.next_event().await;

    app.stop();
    stream.next_event().await;
    socket.next_of_type("going_away").await;
    app.advance(std::time::Duration::from_secs(1)).await;

    // The clock is not advanced from here on, one second into the ten minutes that the node may take.
    assert_eq!(stream.next_event().await.event.as_deref(), Some("problem"));
    assert_eq!(socket.expect_close().await.0, 1012);
    eventually("the listener to close", async || TcpStream::connect(app.address).await.is_err()).await;
}

async fn load_balancers_get_their_delay_before_clients_are_disconnected(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;

    app.stop();
    eventually("readiness to go", async || app.anonymous().get("/readyz").await.status == 503).await;
    let newcomer = bob.connects().await;
    drop(newcomer);
    assert_eq!(socket.request(json!({ "type": "ping" })).await["type"], "pong");

    let (code, _) = app.while_time_passes(socket.expect_close()).await;
    assert_eq!(code, 1012);
}

async fn a_stopping_node_ends_its_streams_with_a_problem_event(app: &TestApp) {
    let ann = app.admin("ann").await;
    ann.post("/api/v1/spiders", &json!({ "name": "outside", "runner": "external" })).await;
    let job = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    let job = ann.post("/api/v1/jobs", &job).await.json()["job_id"].as_i64().unwrap();
    let mut streams = Vec::new();
    for path in ["/sse/events", "/sse/notifications", "/sse/stats", &format!("/sse/logs/{job}")] {
        let mut stream = ann.streams(path, None).await;
        stream.next_event().await;
        streams.push((path.to_owned(), stream));
    }

    app.stop();

    for (path, mut stream) in streams {
        app.while_time_passes(stream.next_named("going_away")).await;
        let problem = app.while_time_passes(stream.next_named("problem")).await;
        let data = problem.json();
        assert_eq!((&data["close_code"], &data["code"]), (&json!(1012), &json!("restart")), "{path}");
        assert!(problem.retry.is_some_and(|retry| (1..=10_000).contains(&retry)), "{path} {problem:?}");
        assert_eq!(stream.next_block().await, None, "{path}");
    }
}

async fn events_before_shutdown_are_delivered_before_the_close(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    for number in 0..50 {
        ann.broadcasts(&number.to_string()).await;
    }

    app.stop();
    let (code, _) = app.while_time_passes(socket.expect_close()).await;

    let types: Vec<&str> = socket.skipped.iter().map(|message| message["type"].as_str().unwrap()).collect();
    assert_eq!(code, 1012);
    assert_eq!(types[..50], ["system_notification"; 50]);
    assert_eq!(types[50..], ["going_away"]);
}
