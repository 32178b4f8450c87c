//! `rooms.create_on_join`: joining an unknown room creates it.

use serde_json::json;

use super::setup::private_room;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const CREATE: &[Setting] = &[("LOTLINE__ROOMS__CREATE_ON_JOIN", "true")];

on_both_databases! {
    joining_an_unknown_room_makes_it_where_the_configuration_says_so with super::CREATE,
    a_room_that_may_not_be_made_is_not_found with super::CREATE,
    two_who_join_at_once_are_in_one_room with super::CREATE,
    by_default_an_unknown_room_is_not_found,
}

async fn joining_an_unknown_room_makes_it_where_the_configuration_says_so(app: &TestApp) {
    let (bob, cat) = (app.member("bob").await, app.member("cat").await);
    let (mut of_bob, mut of_cat) = (bob.connects().await, cat.connects().await);

    let made = of_bob.request(json!({"type": "join_room", "room_id": "kitchen"})).await;
    let joined = of_cat.request(json!({"type": "join_room", "room_id": "kitchen"})).await;

    assert_eq!(made["payload"]["message"], "Joined room kitchen", "{made}");
    assert_eq!(made["payload"]["members"], json!([bob.id.0]));
    assert_eq!(joined["payload"]["members"], json!([bob.id.0, cat.id.0]));
    let room = bob.get("/api/v1/rooms/kitchen").await.json();
    assert_eq!((&room["visibility"], &room["is_owner"]), (&json!("public"), &json!(true)));
    assert_eq!(cat.get("/api/v1/rooms/kitchen").await.json()["is_owner"], false);
}

async fn a_room_that_may_not_be_made_is_not_found(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let private = private_room(&ann, &[]).await;
    let (mut of_bob, mut of_vic) = (bob.connects().await, vic.connects().await);

    for room in [private.as_str(), "01900000-0000-7000-8000-00000000dead", "Not A Slug"] {
        let refused = of_bob.request(json!({"type": "join_room", "room_id": room})).await;
        assert_eq!(refused["code"], "not_found", "{room}");
    }
    let refused = of_vic.request(json!({"type": "join_room", "room_id": "cellar"})).await;

    assert_eq!(refused["code"], "not_found");
    let rooms = ann.get("/api/v1/rooms").await.json();
    assert_eq!(rooms["data"].as_array().unwrap().len(), 2, "the lobby and the private room: {rooms}");
}

async fn two_who_join_at_once_are_in_one_room(app: &TestApp) {
    let (bob, cat) = (app.member("bob").await, app.member("cat").await);
    let (mut of_bob, mut of_cat) = (bob.connects().await, cat.connects().await);

    let join = json!({"type": "join_room", "room_id": "porch"});
    let (one, other) = tokio::join!(of_bob.request(join.clone()), of_cat.request(join));

    for answer in [one, other] {
        assert_eq!(answer["payload"]["message"], "Joined room porch", "{answer}");
    }
    let members = bob.get("/api/v1/rooms/porch/members").await.json();
    assert_eq!(members["data"].as_array().unwrap().len(), 2);
    let owners = members["data"].as_array().unwrap().iter().filter(|one| one["is_owner"] == true);
    assert_eq!(owners.count(), 1);
}

async fn by_default_an_unknown_room_is_not_found(app: &TestApp) {
    let mut socket = app.member("bob").await.connects().await;

    let refused = socket.request(json!({"type": "join_room", "room_id": "kitchen"})).await;

    assert_eq!(refused["code"], "not_found");
}
