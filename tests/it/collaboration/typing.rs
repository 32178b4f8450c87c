//! Typing: the others in the room are notified when it begins and when it ends.

use std::time::Duration;

use serde_json::{Value, json};

use super::setup::{FLUSH_WAIT, private_room, public_room, received_messages};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;

on_both_databases! {
    other_members_receive_typing_started_and_stopped,
    typing_expires_after_five_seconds_without_a_refresh,
    a_refresh_keeps_typing_active,
    a_message_ends_typing_and_it_may_start_again,
    a_disconnect_ends_typing,
    frequent_typing_messages_are_throttled,
    only_members_of_an_active_room_may_send_typing,
}

async fn other_members_receive_typing_started_and_stopped(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob, mut another) =
        (ann.connects().await, bob.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    types(&mut of_bob, &room, false).await;
    types(&mut of_bob, "lobby", true).await;

    let word = |room: &str, is_typing: bool| {
        let payload = json!({"room_id": room, "is_typing": is_typing});
        json!({"type": "typing", "sender_id": bob.id.0, "payload": payload})
    };
    let received = received_messages(&mut of_ann, "typing").await;
    assert_eq!(received, [word(&room, true), word(&room, false), word("lobby", true)]);
    for own in [&mut of_bob, &mut another] {
        assert_eq!(received_messages(own, "typing").await.len(), 0, "nobody is told of oneself");
    }
}

async fn typing_expires_after_five_seconds_without_a_refresh(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    app.advance(Duration::from_secs(4)).await;
    let before = typing_states(&mut of_ann).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!((before, typing_states(&mut of_ann).await), (vec![true], vec![false]));
}

async fn a_refresh_keeps_typing_active(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    for _ in 0..4 {
        types(&mut of_bob, &room, true).await;
        app.advance(Duration::from_secs(4)).await;
    }
    let going = typing_states(&mut of_ann).await;
    app.advance(Duration::from_secs(4)).await;

    assert_eq!((going, typing_states(&mut of_ann).await), (vec![true], vec![false]));
}

async fn a_message_ends_typing_and_it_may_start_again(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    of_bob.request(json!({"type": "chat", "room_id": room, "text": "hello"})).await;
    types(&mut of_bob, &room, true).await;

    of_ann.request(json!({"type": "ping"})).await;
    let received: Vec<_> = of_ann.skipped.iter().filter(|one| one["type"] != "presence").collect();
    let kinds: Vec<_> = received.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["typing", "chat", "typing", "typing"]);
    assert_eq!(typing_states(&mut of_ann).await, [true, false, true]);
}

async fn a_disconnect_ends_typing(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    of_bob.close().await;
    app.wait_for_connections(1).await;

    let end = of_ann.next_of_type("typing").await;
    assert_eq!(end["payload"]["is_typing"], true);
    assert_eq!(of_ann.next_of_type("typing").await["payload"]["is_typing"], false);
}

async fn frequent_typing_messages_are_throttled(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    for _ in 0..7 {
        types(&mut of_bob, &room, true).await;
        types(&mut of_bob, &room, false).await;
    }
    let at_once = typing_states(&mut of_ann).await;
    app.advance(FLUSH_WAIT).await;
    types(&mut of_bob, &room, true).await;

    assert_eq!(at_once, [true, false]);
    assert_eq!(typing_states(&mut of_ann).await, [true]);
    assert_eq!(app.services.metrics.typing_dropped.get(), 6);
}

async fn only_members_of_an_active_room_may_send_typing(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let private = private_room(&ann, &[&vic]).await;
    let public = public_room(&ann, "hall").await;
    let archived = public_room(&ann, "shed").await;
    assert_eq!(ann.delete(&format!("/api/v1/rooms/{archived}")).await.status, 204);
    let mut sockets = [ann.connects().await, bob.connects().await, vic.connects().await];

    for (socket, room, code) in [
        (OF_BOB, private.as_str(), "not_found"),
        (OF_BOB, "nowhere", "not_found"),
        (OF_BOB, "No Such Room!", "not_found"),
        (OF_BOB, public.as_str(), "forbidden"),
        (OF_VIC, private.as_str(), "forbidden"),
        (OF_ANN, archived.as_str(), "conflict"),
    ] {
        for is_typing in [true, false] {
            let refused = sockets[socket]
                .request(json!({"type": "typing", "room_id": room, "is_typing": is_typing}))
                .await;
            assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!(code)), "{room}");
        }
    }

    for socket in &mut sockets {
        assert_eq!(received_messages(socket, "typing").await.len(), 0);
    }
}

/// The sockets' indexes.
const OF_ANN: usize = 0;
const OF_BOB: usize = 1;
const OF_VIC: usize = 2;

/// Sends it, and waits until it was processed.
async fn types(socket: &mut Socket, room: &str, is_typing: bool) {
    socket.send_json(json!({"type": "typing", "payload": {"room_id": room, "is_typing": is_typing}})).await;
    let errors = received_messages(socket, "error").await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// The typing messages received, in order.
async fn typing_states(socket: &mut Socket) -> Vec<bool> {
    let word = |message: &Value| message["payload"]["is_typing"].as_bool().unwrap();
    received_messages(socket, "typing").await.iter().map(word).collect()
}
