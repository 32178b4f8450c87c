//! An unfinished message uses memory: it ends after two heartbeats, whatever frames come in between.

use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncWriteExt;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::raw::{RawConnection, masked};

on_both_databases! {
    a_message_that_does_not_end_closes_its_socket_whatever_comes_in_between,
    one_message_after_the_other_is_no_unfinished_one,
}

const SOCKET_PATHS: [&str; 3] = ["/ws", "/ws/echo", "/ws/file-upload"];

async fn opens(app: &TestApp, name: &str, path: &str) -> RawConnection {
    let member = app.member(name).await;
    RawConnection::over(match path {
        // Past its first message: a client that has read ahead would lose it.
        "/ws" => member.connects().await.into_stream(),
        _ => member.socket_request(path).open().await.into_stream(),
    })
}

async fn a_message_that_does_not_end_closes_its_socket_whatever_comes_in_between(app: &TestApp) {
    for (number, path) in SOCKET_PATHS.into_iter().enumerate() {
        let mut raw = opens(app, &format!("m{number}"), path).await;
        // The first fragment of a text. The server must have read it before time passes.
        raw.stream.write_all(&[0x01, 0x81, 0, 0, 0, 0, b'a']).await.unwrap();
        raw.stream.write_all(&masked(0x9, b"")).await.unwrap();
        raw.expect_pong().await;

        for _ in 0..6 {
            // A ping, a pong, and one more fragment.
            raw.stream.write_all(&masked(0x9, b"")).await.unwrap();
            raw.stream.write_all(&masked(0xa, b"")).await.unwrap();
            raw.stream.write_all(&[0x00, 0x81, 0, 0, 0, 0, b'b']).await.unwrap();
            app.advance(Duration::from_secs(9)).await;
        }

        assert_eq!(raw.close_code().await, 4408, "{path}");
    }
    app.wait_for_connections(0).await;
}

async fn one_message_after_the_other_is_no_unfinished_one(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut raw = RawConnection::over(bob.socket_request("/ws/echo").open().await.into_stream());

    // Each write ends one message and begins the next.
    raw.stream.write_all(&[0x01, 0x81, 0, 0, 0, 0, b'a']).await.unwrap();
    for _ in 0..6 {
        app.advance(Duration::from_secs(30)).await;
        let end = [0x80, 0x81, 0, 0, 0, 0, b'z'];
        raw.stream.write_all(&[&end[..], &[0x01, 0x81, 0, 0, 0, 0, b'a']].concat()).await.unwrap();
        // Must be read before more time passes.
        assert_eq!(raw.message().await.as_deref(), Some("az"));
    }
    assert_eq!(app.connections(), 1);
    let mut plain = bob.connects().await;
    assert_eq!(plain.request(json!({"type": "ping"})).await["type"], "pong");
}
