//! Heartbeats: the server pings, drops silent peers, and notices peers that vanished.

use std::time::Duration;

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    the_server_pings_every_25_seconds_and_keeps_who_answers,
    a_peer_that_is_silent_for_two_heartbeats_is_dropped_with_4408,
    a_clients_own_ping_frame_is_answered,
    a_peer_whose_connection_was_cut_is_forgotten,
    a_client_that_closes_gets_its_code_back,
}

async fn the_server_pings_every_25_seconds_and_keeps_who_answers(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for _ in 0..4 {
        app.advance(Duration::from_secs(26)).await;
        socket.expect_ping().await;
        // The pong is sent with the next write; the answer shows that it was read.
        socket.request(json!({"type": "ping"})).await;
    }

    assert_eq!(app.connections(), 1);
}

async fn a_peer_that_is_silent_for_two_heartbeats_is_dropped_with_4408(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    app.advance(Duration::from_secs(40)).await;
    assert_eq!(app.connections(), 1);
    app.advance(Duration::from_secs(13)).await;

    assert_eq!(socket.expect_close().await.0, 4408);
    app.wait_for_connections(0).await;
}

async fn a_clients_own_ping_frame_is_answered(app: &TestApp) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = app.member("bob").await.connects().await.into_stream();

    stream.write_all(&[0x89, 0x82, 0, 0, 0, 0, b'h', b'i']).await.unwrap();
    let mut pong = [0; 4];
    stream.read_exact(&mut pong).await.unwrap();

    assert_eq!(pong, [0x8a, 2, b'h', b'i']);
}

async fn a_peer_whose_connection_was_cut_is_forgotten(app: &TestApp) {
    let bob = app.member("bob").await;
    let stream = bob.connects().await.into_stream();
    let mut stays = bob.connects().await;
    app.wait_for_connections(2).await;

    // A reset instead of a close frame, as from a machine that lost power and came back.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);

    app.wait_for_connections(1).await;
    let status = stays.request(json!({"type": "request_status"})).await;
    assert_eq!(status["user_connections"], 1);
}

async fn a_client_that_closes_gets_its_code_back(app: &TestApp) {
    let socket = app.member("bob").await.connects().await;

    assert_eq!(socket.close().await, 1000);
    app.wait_for_connections(0).await;
}
