//! Viewers of a listing.

use serde_json::{Value, json};

use super::setup::{FLUSH_WAIT, listing, received_messages};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;
use crate::support::wait::eventually;

on_both_databases! {
    viewers_of_a_listing_see_each_other,
    people_count_and_not_their_tabs,
    a_user_who_stops_viewing_or_disconnects_is_no_viewer,
    what_is_viewed_is_read_by_request_too,
    an_unknown_listing_is_not_found_and_what_is_viewed_stays,
    fifty_viewers_who_come_and_go_cost_each_viewer_one_message_a_second,
    a_hundred_and_one_viewers_get_only_changes_of_a_twentieth,
}

async fn viewers_of_a_listing_see_each_other(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.viewer("bob").await);
    let house = listing(app, &ann).await;
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    views(&mut of_ann, json!(house)).await;
    app.advance(FLUSH_WAIT).await;
    let alone = received_messages(&mut of_ann, "viewers").await;
    views(&mut of_bob, json!(house.to_string())).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!(alone.len(), 1);
    let payload = json!({"property_id": house, "count": 1, "users": [ann.id.0]});
    assert_eq!(alone[0], json!({"type": "viewers", "payload": payload}));
    for socket in [&mut of_ann, &mut of_bob] {
        let both = received_messages(socket, "viewers").await;
        assert_eq!(both.len(), 1);
        assert_eq!((&both[0]["payload"]["count"], users(&both[0]).len()), (&json!(2), 2));
    }
}

async fn people_count_and_not_their_tabs(app: &TestApp) {
    let ann = app.admin("ann").await;
    let house = listing(app, &ann).await;
    let mut tabs = [ann.connects().await, ann.connects().await];

    for tab in &mut tabs {
        views(tab, json!(house)).await;
    }
    app.advance(FLUSH_WAIT).await;

    for tab in &mut tabs {
        assert_eq!(received_messages(tab, "viewers").await[0]["payload"]["count"], 1);
    }
}

async fn a_user_who_stops_viewing_or_disconnects_is_no_viewer(app: &TestApp) {
    let ann = app.admin("ann").await;
    let (bob, cat) = (app.member("bob").await, app.member("cat").await);
    let house = listing(app, &ann).await;
    let mut sockets = [ann.connects().await, bob.connects().await, cat.connects().await];
    for socket in &mut sockets {
        views(socket, json!(house)).await;
    }
    app.advance(FLUSH_WAIT).await;
    let [mut of_ann, mut of_bob, of_cat] = sockets;
    received_messages(&mut of_ann, "viewers").await;
    received_messages(&mut of_bob, "viewers").await;

    views(&mut of_bob, Value::Null).await;
    app.advance(FLUSH_WAIT).await;
    let after_bob = received_messages(&mut of_ann, "viewers").await;
    // Disconnected as by a kill: the system closes the socket.
    drop(of_cat.into_stream());
    app.wait_for_connections(2).await;
    app.advance(FLUSH_WAIT).await;
    let after_cat = received_messages(&mut of_ann, "viewers").await;

    assert_eq!(after_bob.last().unwrap()["payload"]["count"], 2);
    assert_eq!(users(after_cat.last().unwrap()), [ann.id.0]);
    assert_eq!(received_messages(&mut of_bob, "viewers").await.len(), 0, "who turned away is told nothing");
    of_ann.close().await;
    eventually("the last viewer to be forgotten", async || {
        bob.get("/api/v1/viewing").await.json() == json!({"data": [], "has_more": false})
    })
    .await;
}

async fn what_is_viewed_is_read_by_request_too(app: &TestApp) {
    let ann = app.admin("ann").await;
    let house = listing(app, &ann).await;
    let nobody = ann.get(&format!("/api/v1/properties/{house}/viewers")).await.json();
    let mut socket = ann.connects().await;

    views(&mut socket, json!(house)).await;

    assert_eq!(nobody, json!({"property_id": house, "count": 0, "users": []}));
    let viewers = ann.get(&format!("/api/v1/properties/{house}/viewers")).await.json();
    assert_eq!(viewers, json!({"property_id": house, "count": 1, "users": [ann.id.0]}));
    let viewing = ann.get("/api/v1/viewing").await.json();
    assert_eq!(viewing["data"], json!([{"property_id": house, "count": 1}]));
    ann.get("/api/v1/properties/4503599627370496/viewers").await.expect_problem(404, "not_found");
}

async fn an_unknown_listing_is_not_found_and_what_is_viewed_stays(app: &TestApp) {
    let ann = app.admin("ann").await;
    let house = listing(app, &ann).await;
    let mut socket = ann.connects().await;
    views(&mut socket, json!(house)).await;

    let refused = socket.request(json!({"type": "viewing", "property_id": 4_503_599_627_370_496_i64})).await;
    let bad = socket.request(json!({"type": "viewing", "property_id": "house"})).await;

    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("not_found")));
    assert_eq!(bad["code"], "invalid_message");
    let viewers = ann.get(&format!("/api/v1/properties/{house}/viewers")).await.json();
    assert_eq!(viewers["count"], 1);
}

async fn fifty_viewers_who_come_and_go_cost_each_viewer_one_message_a_second(app: &TestApp) {
    let ann = app.admin("ann").await;
    let house = listing(app, &ann).await;
    let mut of_ann = ann.connects().await;
    views(&mut of_ann, json!(house)).await;
    let mut crowd = open_viewers(app, 50).await;
    app.advance(FLUSH_WAIT).await;
    received_messages(&mut of_ann, "viewers").await;
    let begin = app.clock.now();

    for _ in 0..3 {
        for socket in &mut crowd {
            views(socket, json!(house)).await;
        }
        app.advance(FLUSH_WAIT).await;
        for socket in &mut crowd {
            views(socket, Value::Null).await;
        }
        app.advance(FLUSH_WAIT).await;
    }

    let seconds = (app.clock.now() - begin).num_seconds() as usize + 1;
    let received = received_messages(&mut of_ann, "viewers").await;
    assert!(received.len() <= seconds, "{} messages in {seconds} seconds", received.len());
    assert_eq!(users(received.last().unwrap()), [ann.id.0]);
    let most = received.iter().map(|message| message["payload"]["count"].as_i64().unwrap()).max();
    assert_eq!(most, Some(51));
    assert!(received.iter().all(|message| users(message).len() <= 20));
    for socket in &mut crowd {
        let received = received_messages(socket, "viewers").await.len();
        assert!(received <= seconds, "{received} messages in {seconds} seconds");
    }
}

async fn a_hundred_and_one_viewers_get_only_changes_of_a_twentieth(app: &TestApp) {
    let ann = app.admin("ann").await;
    let house = listing(app, &ann).await;
    let mut of_ann = ann.connects().await;
    views(&mut of_ann, json!(house)).await;
    let mut crowd = open_viewers(app, 106).await;
    let (first, others) = crowd.split_at_mut(100);
    for socket in first {
        views(socket, json!(house)).await;
    }
    app.advance(FLUSH_WAIT).await;
    assert_eq!(last_count(&mut of_ann).await, Some(101));

    let mut received = Vec::new();
    for socket in others {
        views(socket, json!(house)).await;
        app.advance(FLUSH_WAIT).await;
        // A new viewer gets the count however little it has changed.
        received.push((last_count(&mut of_ann).await, last_count(socket).await.is_some()));
    }

    let after: Vec<_> = received.iter().map(|(count, _)| *count).collect();
    assert_eq!(after, [None, None, None, None, None, Some(107)]);
    assert!(received.iter().all(|(_, newcomer)| *newcomer));
}

/// Sockets of `size` different users.
async fn open_viewers(app: &TestApp, size: usize) -> Vec<Socket> {
    let mut sockets = Vec::with_capacity(size);
    for nth in 0..size {
        sockets.push(app.viewer(&format!("v{nth}")).await.connects().await);
    }
    sockets
}

/// Sends what is on the screen, and waits until it was processed.
async fn views(socket: &mut Socket, property_id: Value) {
    socket.send_json(json!({"type": "viewing", "property_id": property_id})).await;
    let errors = received_messages(socket, "error").await;
    assert!(errors.is_empty(), "{errors:?}");
}

fn users(message: &Value) -> Vec<i64> {
    message["payload"]["users"].as_array().unwrap().iter().map(|user| user.as_i64().unwrap()).collect()
}

async fn last_count(socket: &mut Socket) -> Option<i64> {
    received_messages(socket, "viewers").await.last().and_then(|message| message["payload"]["count"].as_i64())
}
