//! Live stats, by request and as a stream.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;
use crate::support::settings::Setting;
use crate::support::stream::Stream;
use crate::support::wait::eventually;

const ONE_STREAM: &[Setting] = &[("LOTLINE__LIMITS__STREAMS_PER_USER", "1")];

on_both_databases! {
    an_admin_sees_what_the_tenant_does,
    an_operator_sees_the_node_and_nothing_of_tenants,
    the_stream_brings_stats_once_a_second,
    the_stream_ends_with_its_sign_in,
    the_stream_counts_as_a_connection with super::ONE_STREAM,
}

async fn an_admin_sees_what_the_tenant_does(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let stranger = app.stranger("sue").await;
    let mut socket = bob.connects().await;
    ann.broadcasts("first").await;
    ann.broadcasts("second").await;
    socket.next_durable(2).await;
    let job = json!({ "spider_name": "auto", "target_urls": ["https://portal.example/"] });
    assert_eq!(ann.post("/api/v1/jobs", &job).await.status, 201);

    let stats = ann.get("/api/v1/stats").await.json();
    let theirs = stranger.get("/api/v1/stats").await.json();

    assert_eq!(stats["of"], "tenant");
    assert_eq!(stats["connections"], json!({ "sockets": 1, "uploads": 0, "streams": 0 }));
    assert_eq!((stats["users_online"].as_u64(), stats["lag"].as_u64()), (Some(1), Some(0)), "{stats}");
    assert_eq!(stats["events_per_second"], json!(3.0 / 60.0));
    assert!(stats["frames_delivered"].as_u64() >= Some(3), "{stats}");
    assert!(stats["bytes_delivered"].as_u64() > Some(100), "{stats}");
    assert_eq!((&stats["jobs"], &stats["properties"]), (&json!({ "pending": 1 }), &json!({})));
    assert_eq!((&theirs["jobs"], &theirs["frames_delivered"]), (&json!({}), &json!(0)), "{theirs}");
    bob.get("/api/v1/stats").await.expect_problem(403, "forbidden");
    app.anonymous().get("/api/v1/stats").await.expect_problem(401, "unauthenticated");
}

async fn an_operator_sees_the_node_and_nothing_of_tenants(app: &TestApp) {
    let (ann, operator) = (app.admin("ann").await, app.operator("olga").await);
    let _socket = ann.connects().await;

    let stats = operator.get("/api/v1/stats").await.json();

    assert_eq!(
        (&stats["of"], &stats["leaving"], &stats["disk_full"]),
        (&json!("node"), &json!(false), &json!(false))
    );
    assert_eq!((&stats["connections"]["sockets"], &stats["active_tenants"]), (&json!(1), &json!(1)));
    assert!(stats["resident_bytes"].as_u64() > Some(0) && stats["open_fds"].as_u64() > Some(0), "{stats}");
    assert!(stats.get("jobs").is_none() && !stats.to_string().contains("acme"), "{stats}");
}

async fn follows(admin: &Admin<'_>) -> Stream {
    let mut stream = admin.streams("/sse/stats", None).await;
    assert_eq!(stream.status, 200);
    let hello = stream.next_event().await;
    assert_eq!((hello.event.as_deref(), &hello.id), (Some("connection_established"), &None));
    stream
}

async fn next_stats(stream: &mut Stream) -> Value {
    let block = stream.next_event().await;
    assert_eq!((block.event.as_deref(), &block.id), (Some("stats"), &None), "{block:?}");
    block.json()
}

async fn the_stream_brings_stats_once_a_second(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut stream = follows(&ann).await;
    assert_eq!(next_stats(&mut stream).await["connections"]["streams"], 1);

    let _socket = bob.connects().await;
    app.wait_for_connections(2).await;
    let next = app.while_time_passes(next_stats(&mut stream)).await;

    assert_eq!(next["connections"], json!({ "sockets": 1, "uploads": 0, "streams": 1 }));
    assert_eq!(bob.streams("/sse/stats", None).await.status, 403);
    drop(stream);
    eventually("the stream's end to be noticed", async || {
        app.clock.advance(Duration::from_secs(1));
        app.connections() == 1
    })
    .await;
}

async fn the_stream_ends_with_its_sign_in(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut stream = follows(&ann).await;
    next_stats(&mut stream).await;

    assert_eq!(ann.post("/api/v1/auth/logout", &json!({})).await.status, 204);
    let end = stream.next_event().await;

    assert_eq!((end.event.as_deref(), &end.json()["close_code"]), (Some("problem"), &json!(4410)), "{end:?}");
    assert_eq!(stream.next_block().await, None);
}

async fn the_stream_counts_as_a_connection(app: &TestApp) {
    let ann = app.admin("ann").await;
    let _first = follows(&ann).await;

    let mut second = ann.streams("/sse/stats", None).await;

    let refused = second.next_event().await;
    assert_eq!((refused.event.as_deref(), &refused.json()["close_code"]), (Some("problem"), &json!(4409)));
}
