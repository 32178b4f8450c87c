//! Typing: told when it begins and when it ends, to the others in the room.

use std::time::Duration;

use serde_json::{Value, json};

use super::scene::{A_WHILE, private_room, public_room, told};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;

on_both_databases! {
    the_others_hear_that_somebody_writes_and_stops,
    without_news_it_ends_by_itself_after_five_seconds,
    news_keeps_it_going,
    a_message_ends_it_and_it_may_begin_again,
    the_end_of_the_connection_ends_it,
    who_says_it_all_the_time_is_told_seldom,
    only_members_of_an_open_room_say_it,
}

async fn the_others_hear_that_somebody_writes_and_stops(app: &TestApp) {
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
    let heard = told(&mut of_ann, "typing").await;
    assert_eq!(heard, [word(&room, true), word(&room, false), word("lobby", true)]);
    for own in [&mut of_bob, &mut another] {
        assert_eq!(told(own, "typing").await.len(), 0, "nobody is told of oneself");
    }
}

async fn without_news_it_ends_by_itself_after_five_seconds(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    app.pass(Duration::from_secs(4)).await;
    let before = words(&mut of_ann).await;
    app.pass(A_WHILE).await;

    assert_eq!((before, words(&mut of_ann).await), (vec![true], vec![false]));
}

async fn news_keeps_it_going(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    for _ in 0..4 {
        types(&mut of_bob, &room, true).await;
        app.pass(Duration::from_secs(4)).await;
    }
    let going = words(&mut of_ann).await;
    app.pass(Duration::from_secs(4)).await;

    assert_eq!((going, words(&mut of_ann).await), (vec![true], vec![false]));
}

async fn a_message_ends_it_and_it_may_begin_again(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    of_bob.ask(json!({"type": "chat", "room_id": room, "text": "hello"})).await;
    types(&mut of_bob, &room, true).await;

    of_ann.ask(json!({"type": "ping"})).await;
    let heard: Vec<_> = of_ann.skipped.iter().filter(|one| one["type"] != "presence").collect();
    let kinds: Vec<_> = heard.iter().map(|one| one["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["typing", "chat", "typing", "typing"]);
    assert_eq!(words(&mut of_ann).await, [true, false, true]);
}

async fn the_end_of_the_connection_ends_it(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    types(&mut of_bob, &room, true).await;
    of_bob.leave().await;
    app.has_connections(1).await;

    let end = of_ann.next_of_type("typing").await;
    assert_eq!(end["payload"]["is_typing"], true);
    assert_eq!(of_ann.next_of_type("typing").await["payload"]["is_typing"], false);
}

async fn who_says_it_all_the_time_is_told_seldom(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    for _ in 0..7 {
        types(&mut of_bob, &room, true).await;
        types(&mut of_bob, &room, false).await;
    }
    let at_once = words(&mut of_ann).await;
    app.pass(A_WHILE).await;
    types(&mut of_bob, &room, true).await;

    assert_eq!(at_once, [true, false]);
    assert_eq!(words(&mut of_ann).await, [true]);
    assert_eq!(app.kernel.metrics.typing_dropped.get(), 6);
}

async fn only_members_of_an_open_room_say_it(app: &TestApp) {
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
            let refused =
                sockets[socket].ask(json!({"type": "typing", "room_id": room, "is_typing": is_typing})).await;
            assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!(code)), "{room}");
        }
    }

    for socket in &mut sockets {
        assert_eq!(told(socket, "typing").await.len(), 0);
    }
}

/// Whose socket it is.
const OF_ANN: usize = 0;
const OF_BOB: usize = 1;
const OF_VIC: usize = 2;

/// Says it, and waits until it is known.
async fn types(socket: &mut Socket, room: &str, is_typing: bool) {
    socket.say(json!({"type": "typing", "payload": {"room_id": room, "is_typing": is_typing}})).await;
    let errors = told(socket, "error").await;
    assert!(errors.is_empty(), "{errors:?}");
}

/// What was heard of writing, in order.
async fn words(socket: &mut Socket) -> Vec<bool> {
    let word = |message: &Value| message["payload"]["is_typing"].as_bool().unwrap();
    told(socket, "typing").await.iter().map(word).collect()
}
