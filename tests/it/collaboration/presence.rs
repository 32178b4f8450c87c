//! Presence: per person over all tabs, a snapshot and then changes, once a second.

use std::time::Duration;

use serde_json::json;

use super::setup::{
    FLUSH_WAIT, grace_passes, presence_entry, private_room, public_room, received_messages,
    received_presence, statuses,
};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;

on_both_databases! {
    a_new_connection_gets_the_presence_snapshot_and_the_others_get_its_change,
    a_person_is_away_when_all_tabs_are,
    a_page_reload_publishes_no_presence,
    a_user_who_disconnects_is_offline_after_the_grace_period_and_published_once,
    a_tab_in_the_background_that_only_answers_pings_stays_online,
    a_silent_peer_is_offline_within_two_heartbeats,
    joining_a_room_brings_the_presence_of_its_members,
    leaving_a_room_ends_the_presence_of_its_members,
    viewers_see_presence_and_do_not_set_it,
    the_lobby_publishes_no_presence,
    a_crowd_costs_each_receiver_one_message_a_second,
    a_stream_gets_no_presence_typing_or_viewers,
}

async fn a_new_connection_gets_the_presence_snapshot_and_the_others_get_its_change(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    private_room(&ann, &[&bob]).await;
    let mut of_ann = ann.connects().await;
    let empty = of_ann.next_of_type("presence").await;
    app.advance(FLUSH_WAIT).await;

    let mut of_bob = bob.connects().await;
    let snapshot = of_bob.next_of_type("presence").await;
    app.advance(FLUSH_WAIT).await;
    let diff = received_messages(&mut of_ann, "presence").await;

    assert_eq!(empty["payload"], json!({"users": [], "snapshot": true}));
    let there = json!([{"user_id": ann.id.0, "status": "online"}]);
    assert_eq!(snapshot["payload"], json!({"users": there, "snapshot": true}));
    let come = json!([{"user_id": bob.id.0, "status": "online"}]);
    assert_eq!(diff.len(), 1);
    assert_eq!(diff[0]["payload"], json!({"users": come, "snapshot": false}));
    assert_eq!(received_presence(&mut of_bob).await, [], "nobody is told of oneself");
}

async fn a_person_is_away_when_all_tabs_are(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    private_room(&ann, &[&bob]).await;
    let mut of_ann = ann.connects().await;
    let mut tabs = [bob.connects().await, bob.connects().await];
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_ann).await;

    let mut received = Vec::new();
    for (nth, status) in [(0, "away"), (1, "away"), (0, "online")] {
        let tab = &mut tabs[nth];
        tab.send_json(json!({"type": "presence", "payload": {"status": status}})).await;
        received_messages(tab, "error").await;
        app.advance(FLUSH_WAIT).await;
        received.push(received_presence(&mut of_ann).await);
    }

    assert_eq!(received, [vec![], vec![presence_entry(&bob, "away")], vec![presence_entry(&bob, "online")]]);
}

async fn a_page_reload_publishes_no_presence(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut tab, mut behind) =
        (ann.connects().await, bob.connects().await, bob.connects().await);
    behind.send_json(json!({"type": "presence", "status": "away"})).await;
    answers_a_ping(&mut behind).await;
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_ann).await;

    for _ in 0..5 {
        tab.close().await;
        app.advance(Duration::from_secs(4)).await;
        tab = bob.connects().await;
        // A snapshot in between must not show it either.
        let seen = statuses(&ann.connects().await.next_of_type("presence").await);
        assert_eq!(seen, [presence_entry(&bob, "online")]);
    }
    grace_passes(app).await;

    assert_eq!(received_presence(&mut of_ann).await, []);
    assert_eq!(received_messages(&mut of_ann, "system").await.len(), 0);
}

async fn a_user_who_disconnects_is_offline_after_the_grace_period_and_published_once(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let mut of_ann = ann.connects().await;
    let tabs = [bob.connects().await, bob.connects().await];
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_ann).await;

    for tab in tabs {
        tab.close().await;
    }
    app.wait_for_connections(1).await;
    app.advance(Duration::from_secs(8)).await;
    let within_grace = received_presence(&mut of_ann).await;
    grace_passes(app).await;

    assert_eq!(within_grace, []);
    assert_eq!(received_presence(&mut of_ann).await, [presence_entry(&bob, "offline")]);
    let gone = received_messages(&mut of_ann, "system").await;
    assert_eq!(gone.len(), 1, "{gone:?}");
    let payload = json!({"event": "user_disconnected", "user_id": bob.id.0, "room_id": room});
    assert_eq!(gone[0], json!({"type": "system", "payload": payload}));
}

async fn a_tab_in_the_background_that_only_answers_pings_stays_online(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_ann).await;

    for _ in 0..4 {
        app.advance(Duration::from_secs(26)).await;
        for socket in [&mut of_ann, &mut of_bob] {
            answers_a_ping(socket).await;
        }
    }

    assert_eq!(received_presence(&mut of_ann).await, []);
}

/// The pong is sent with the next write.
async fn answers_a_ping(socket: &mut Socket) {
    socket.request(json!({"type": "ping"})).await;
}

async fn a_silent_peer_is_offline_within_two_heartbeats(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    private_room(&ann, &[&bob]).await;
    let mut of_ann = ann.connects().await;
    let silent = bob.connects().await.into_stream();
    // The first message may be an empty snapshot.
    let online = async {
        loop {
            let received = statuses(&of_ann.next_of_type("presence").await);
            if !received.is_empty() {
                return received;
            }
        }
    };
    assert_eq!(app.while_at_most(FLUSH_WAIT, online).await, [presence_entry(&bob, "online")]);

    for seconds in [24, 22] {
        app.advance(Duration::from_secs(seconds)).await;
        answers_a_ping(&mut of_ann).await;
    }
    let before = received_presence(&mut of_ann).await;
    // Together with the time before: two heartbeats of 25 seconds, a tick of one second, a close timeout of two.
    app.advance(Duration::from_secs(10)).await;

    assert_eq!(before, []);
    assert_eq!(statuses(&of_ann.next_of_type("presence").await), [presence_entry(&bob, "offline")]);
    drop(silent);
}

async fn joining_a_room_brings_the_presence_of_its_members(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = public_room(&ann, "hall").await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    app.advance(FLUSH_WAIT).await;
    assert_eq!(
        (received_presence(&mut of_ann).await, received_presence(&mut of_bob).await),
        (vec![], vec![])
    );

    of_bob.request(json!({"type": "join_room", "room_id": room})).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!(received_presence(&mut of_bob).await, [presence_entry(&ann, "online")]);
    assert_eq!(received_presence(&mut of_ann).await, [presence_entry(&bob, "online")]);
}

async fn leaving_a_room_ends_the_presence_of_its_members(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_bob).await;
    received_presence(&mut of_ann).await;

    of_bob.request(json!({"type": "leave_room", "room_id": room})).await;
    app.advance(FLUSH_WAIT).await;
    for socket in [&mut of_ann, &mut of_bob] {
        socket.send_json(json!({"type": "presence", "status": "away"})).await;
        answers_a_ping(socket).await;
    }
    app.advance(FLUSH_WAIT).await;

    assert_eq!(received_presence(&mut of_bob).await, []);
    assert_eq!(received_presence(&mut of_ann).await, []);
}

async fn viewers_see_presence_and_do_not_set_it(app: &TestApp) {
    let (ann, vic) = (app.admin("ann").await, app.viewer("vic").await);
    private_room(&ann, &[&vic]).await;
    let (mut of_ann, mut of_vic) = (ann.connects().await, vic.connects().await);
    app.advance(FLUSH_WAIT).await;

    let refused = of_vic.request(json!({"type": "presence", "status": "away"})).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("forbidden")));
    assert_eq!(received_presence(&mut of_vic).await, [presence_entry(&ann, "online")]);
    assert_eq!(received_presence(&mut of_ann).await, [presence_entry(&vic, "online")]);
}

async fn the_lobby_publishes_no_presence(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut of_ann, of_bob) = (ann.connects().await, bob.connects().await);
    app.advance(FLUSH_WAIT).await;

    of_bob.close().await;
    app.wait_for_connections(1).await;
    grace_passes(app).await;

    assert_eq!(received_messages(&mut of_ann, "presence").await.len(), 0);
    assert_eq!(received_messages(&mut of_ann, "system").await.len(), 0);
}

async fn a_crowd_costs_each_receiver_one_message_a_second(app: &TestApp) {
    const CROWD: usize = 30;
    let ann = app.admin("ann").await;
    let mut members = Vec::new();
    for nth in 0..CROWD {
        members.push(app.member(&format!("m{nth}")).await);
    }
    let people: Vec<_> = members.iter().map(|member| &**member).collect();
    private_room(&ann, &people).await;
    let mut of_ann = ann.connects().await;
    app.advance(FLUSH_WAIT).await;
    received_presence(&mut of_ann).await;
    let begin = app.clock.now();

    let mut sockets = Vec::new();
    for member in &members {
        sockets.push(member.connects().await);
    }
    app.advance(FLUSH_WAIT).await;
    let come = received_messages(&mut of_ann, "presence").await;
    let last = received_messages(sockets.last_mut().unwrap(), "presence").await;
    let first = received_messages(&mut sockets[0], "presence").await;

    let seconds = (app.clock.now() - begin).num_seconds() as usize + 1;
    for messages in [&come, &last, &first] {
        assert!(messages.len() <= seconds + 1, "{} messages in {seconds} seconds", messages.len());
    }
    assert_eq!(come.iter().flat_map(statuses).count(), CROWD, "each is told of once");
    let seen: std::collections::BTreeSet<_> = first.iter().flat_map(statuses).map(|(user, _)| user).collect();
    assert_eq!(seen.len(), CROWD, "ann and all the others");
}

async fn a_stream_gets_no_presence_typing_or_viewers(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let mut stream = ann.streams("/sse/events", None).await;
    stream.next_event().await;

    let mut of_bob = bob.connects().await;
    of_bob.send_json(json!({"type": "typing", "room_id": room, "is_typing": true})).await;
    app.advance(FLUSH_WAIT).await;
    let ack = of_bob.request(json!({"type": "chat", "room_id": room, "text": "hello"})).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!(ack["type"], "ack", "{ack}");
    assert_eq!(stream.next_event().await.json()["type"], "chat");
    // A stream does not make its user present.
    assert_eq!(received_presence(&mut of_bob).await, []);
}
