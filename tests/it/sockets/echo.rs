//! `/ws/echo`: one connection per user, and what it stores.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::eventually;

on_both_databases! {
    a_second_echo_of_a_user_is_refused_as_a_sixth_socket_is,
    a_closed_echo_makes_room_for_the_next_at_once,
    unfinished_messages_of_a_tenant_share_what_the_node_keeps_of_them,
}

async fn a_second_echo_of_a_user_is_refused_as_a_sixth_socket_is(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut first = bob.socket_request("/ws/echo").open().await;

    let refused = bob.socket_request("/ws/echo").try_handshake().await;
    let received = bob.socket_request("/ws/echo").query("reject", "close").open().await.expect_close().await;

    let problem = refused.expect_problem(429, "too_many_connections");
    assert_eq!(problem["detail"], "Too many connections: one at a time on /ws/echo");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(received.0, 4409);
    assert!(
        received.1.starts_with("Too many connections: one at a time on /ws/echo;retry_after="),
        "{}",
        received.1
    );
    first.send_json(json!("still mine")).await;
    assert_eq!(first.next().await, json!("still mine"));
    // The user's other sockets and another user's echo are not affected.
    for _ in 0..4 {
        bob.socket_request("/ws").open().await;
    }
    app.member("cid").await.socket_request("/ws/echo").open().await;
}

async fn a_closed_echo_makes_room_for_the_next_at_once(app: &TestApp) {
    let bob = app.member("bob").await;

    for round in 0..20 {
        let mut socket = bob.socket_request("/ws/echo").open().await;
        socket.send_json(json!(round)).await;
        assert_eq!(socket.next().await, json!(round));
        match round % 2 {
            0 => assert_eq!(socket.close().await, 1000),
            // A text that is not UTF-8: the server closes the connection.
            _ => {
                let mut stream = socket.into_stream();
                stream.write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.unwrap();
                let mut frame = [0; 2];
                tokio::io::AsyncReadExt::read_exact(&mut stream, &mut frame).await.unwrap();
                assert_eq!(frame[0], 0x88);
            }
        }
    }
}

/// A tenant's share is 128 MiB: eight of 15 MiB fit, the ninth does not, and another tenant's does.
async fn unfinished_messages_of_a_tenant_share_what_the_node_keeps_of_them(app: &TestApp) {
    const LENGTH: usize = 15 * 1024 * 1024;
    let begin = [&[0x82, 0xff][..], &(LENGTH as u64).to_be_bytes(), &[0; 4]].concat();
    let all_but_one = vec![0; LENGTH - 1];
    let mut unfinished = Vec::new();
    for number in 0..8 {
        let user = app.member(&format!("m{number}")).await;
        let mut stream = user.socket_request("/ws/echo").open().await.into_stream();
        stream.write_all(&[&begin[..], &all_but_one].concat()).await.unwrap();
        unfinished.push(stream);
    }
    eventually("all of it to be read", async || app.unfinished_message_bytes() == 8 * LENGTH).await;

    let mut ninth = app.member("m8").await.socket_request("/ws/echo").open().await.into_stream();
    // Its further data is read slowly, by the clock, and then not at all.
    // The eight stay within the two heartbeats that a message has to be finished.
    let span = Duration::from_secs(20);
    let _ = app.while_at_most(span, ninth.write_all(&[&begin[..], &all_but_one].concat())).await;
    app.while_at_most(span, app.wait_for_connections(8)).await;
    let mut other = app.stranger("sue").await.socket_request("/ws/echo").open().await;
    let large = json!("x".repeat(1024 * 1024));
    other.send_json(large.clone()).await;
    assert_eq!(other.next().await, large);
    eventually("the ninth's to be given back", async || app.unfinished_message_bytes() == 8 * LENGTH).await;

    drop(unfinished);
    app.while_time_passes(app.wait_for_connections(0)).await;
    eventually("all to be given back", async || app.unfinished_message_bytes() == 0).await;
}
