//! Limits on client messages: size, rate, kind.

use std::io::Write;
use std::net::Shutdown;
use std::time::Duration;

use serde_json::json;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::within;

on_both_databases! {
    a_binary_message_closes_the_socket_with_1003,
    text_that_is_not_utf8_closes_the_socket_with_1007,
    a_message_of_the_limit_is_served_and_a_larger_one_closes_with_1009,
    over_thirty_messages_a_second_each_is_refused_and_the_next_second_is_served,
    ten_seconds_over_the_limit_close_the_socket_with_4429,
    a_flood_is_refused_up_to_four_times_the_limit_and_its_sender_still_receives_events,
    unsolicited_pongs_count_as_messages,
    a_peer_that_never_stops_talking_leaves_the_thread_to_others,
    the_echo_sends_text_and_binary_back_and_knows_no_rate,
}

async fn a_binary_message_closes_the_socket_with_1003(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    socket.send(Message::binary(b"{\"type\":\"ping\"}".as_slice())).await;

    assert_eq!(socket.expect_close().await.0, 1003);
    app.wait_for_connections(0).await;
}

async fn text_that_is_not_utf8_closes_the_socket_with_1007(app: &TestApp) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = app.member("bob").await.connects().await.into_stream();

    // A text frame of one byte that is not UTF-8, masked with zeros.
    stream.write_all(&[0x81, 0x81, 0, 0, 0, 0, 0xff]).await.unwrap();
    let mut frame = [0; 4];
    stream.read_exact(&mut frame).await.unwrap();

    assert_eq!((frame[0], u16::from_be_bytes([frame[2], frame[3]])), (0x88, 1007));
}

async fn a_message_of_the_limit_is_served_and_a_larger_one_closes_with_1009(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;
    let padded = |bytes: usize| {
        let bare = json!({"type": "ping", "pad": ""}).to_string().len();
        json!({"type": "ping", "pad": "x".repeat(bytes - bare)}).to_string()
    };

    socket.send_text(&padded(64 * 1024)).await;
    assert_eq!(socket.next().await["type"], "pong");
    socket.send_text(&padded(64 * 1024 + 1)).await;

    assert_eq!(socket.expect_close().await.0, 1009);
}

async fn over_thirty_messages_a_second_each_is_refused_and_the_next_second_is_served(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for _ in 0..32 {
        socket.send_json(json!({"type": "ping"})).await;
    }
    for _ in 0..30 {
        assert_eq!(socket.next().await["type"], "pong");
    }
    for _ in 0..2 {
        let refused = socket.next().await;
        assert_eq!(
            (refused["type"].as_str(), refused["code"].as_str()),
            (Some("error"), Some("rate_limited"))
        );
    }
    app.clock.advance(Duration::from_secs(1));

    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn ten_seconds_over_the_limit_close_the_socket_with_4429(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for _second in 0..10 {
        for _ in 0..31 {
            socket.send_json(json!({"type": "ping"})).await;
        }
        assert_eq!(socket.next_of_type("error").await["code"], "rate_limited");
        app.clock.advance(Duration::from_secs(1));
    }
    for _ in 0..31 {
        socket.try_send(Message::text("{\"type\":\"ping\"}")).await;
    }

    let (code, reason) = socket.expect_close().await;
    assert_eq!(code, 4429);
    assert!(reason.contains("retry_after="), "{reason}");
}

async fn a_flood_is_refused_up_to_four_times_the_limit_and_its_sender_still_receives_events(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for _ in 0..1_000 {
        socket.try_send(Message::text("{\"type\":\"ping\"}")).await;
    }
    for _ in 0..30 {
        assert_eq!(socket.next().await["type"], "pong");
    }
    for _ in 0..90 {
        assert_eq!(socket.next().await["code"], "rate_limited");
    }
    app.admin("ann").await.broadcasts("still there?").await;

    assert_eq!(socket.next().await["message"], "still there?");
    drop(socket);
    // Nothing is read before the second is over, so the server does not notice the disconnect earlier either.
    app.while_time_passes(app.wait_for_connections(0)).await;
}

async fn unsolicited_pongs_count_as_messages(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    for _second in 0..10 {
        for _ in 0..30 {
            socket.send(Message::Pong(Bytes::new())).await;
        }
        socket.send_json(json!({"type": "ping"})).await;
        assert_eq!(socket.next().await["code"], "rate_limited");
        app.clock.advance(Duration::from_secs(1));
    }
    for _ in 0..31 {
        socket.try_send(Message::Pong(Bytes::new())).await;
    }

    assert_eq!(socket.expect_close().await.0, 4429);
}

async fn a_peer_that_never_stops_talking_leaves_the_thread_to_others(app: &TestApp) {
    let talker =
        app.member("bob").await.socket_request("/ws/echo").open().await.into_stream().into_std().unwrap();
    let mut other = app.member("eve").await.connects().await;
    talker.set_nonblocking(false).unwrap();
    let mut mouth = talker.try_clone().unwrap();

    // Pongs get no answer, so the client never has to wait for one.
    let talking = std::thread::spawn(move || {
        let pongs = [0x8a, 0x80, 0, 0, 0, 0].repeat(100_000);
        (0..400).find(|_| mouth.write_all(&pongs).is_err())
    });
    for _ in 0..20 {
        assert_eq!(other.request(json!({"type": "ping"})).await["type"], "pong");
    }
    let still_talks = !talking.is_finished();
    talker.shutdown(Shutdown::Both).unwrap();

    assert!(still_talks, "nobody else was served before 240 MB were read");
    within("the talker's end", tokio::task::spawn_blocking(|| talking.join())).await.unwrap().unwrap();
}

async fn the_echo_sends_text_and_binary_back_and_knows_no_rate(app: &TestApp) {
    let mut socket = app.member("bob").await.socket_request("/ws/echo").open().await;

    for number in 0..100 {
        socket.send_json(json!({"number": number})).await;
        assert_eq!(socket.next().await, json!({"number": number}));
    }
    let large = "x".repeat(1024 * 1024);
    socket.send_json(json!(large)).await;

    assert_eq!(socket.next().await, json!(large));
    app.anonymous().socket_request("/ws/echo").try_handshake().await.expect_problem(401, "unauthenticated");
}
