//! Rooms: creating, finding, joining and managing them.

use reqwest::Method;
use serde_json::{Value, json};

use super::setup::{private_room, public_room, received_messages};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_private_room_is_visible_to_its_members_and_admins_only,
    joining_and_leaving_are_published_once_per_user_however_many_tabs,
    owners_add_and_remove_members,
    a_bad_room_names_every_field_that_is_wrong,
    a_room_that_has_changed_is_not_archived,
    everybody_is_in_the_lobby_and_nobody_leaves_it,
    a_viewer_learns_who_is_in_the_rooms_that_the_viewer_is_in,
    a_removed_user_leaves_their_rooms,
}

async fn a_private_room_is_visible_to_its_members_and_admins_only(app: &TestApp) {
    let (ann, bob, eve) = (app.admin("ann").await, app.member("bob").await, app.member("eve").await);
    let (sue, vic) = (app.stranger("sue").await, app.viewer("vic").await);
    let room = private_room(&ann, &[&bob]).await;
    let path = format!("/api/v1/rooms/{room}");

    assert_eq!(bob.get(&path).await.json()["is_member"], true);
    for outsider in [&*eve, &*sue, &*vic] {
        outsider.get(&path).await.expect_problem(404, "not_found");
        outsider.get(&format!("{path}/members")).await.expect_problem(404, "not_found");
        outsider.get(&format!("{path}/messages")).await.expect_problem(404, "not_found");
        let rooms = outsider.get("/api/v1/rooms").await.json();
        assert!(!rooms.to_string().contains(&room), "{rooms}");
        assert_eq!(rooms["data"].as_array().unwrap().len(), 1, "the lobby: {rooms}");
    }
    assert!(uuid::Uuid::parse_str(&room).is_ok(), "a private room's id tells nothing: {room}");
    let named = json!({ "room_id": "attic", "name": "Attic", "visibility": "private" });
    ann.post("/api/v1/rooms", &named).await.expect_problem(422, "validation_failed");
    eve.post("/api/v1/rooms", &json!({ "name": "mine", "visibility": "public", "room_id": "mine" }))
        .await
        .expect_problem(403, "forbidden");
}

async fn joining_and_leaving_are_published_once_per_user_however_many_tabs(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = public_room(&ann, "kitchen").await;
    let mut of_ann = ann.connects().await;
    let (mut first, mut second) = (bob.connects().await, bob.connects().await);

    let joined = first.request(json!({ "type": "join_room", "room_id": room })).await;
    let again = second.request(json!({ "type": "join_room", "payload": { "room_id": room } })).await;
    let told_join = received_messages(&mut of_ann, "system").await;
    drop(first);
    app.wait_for_connections(2).await;
    let told_tab = received_messages(&mut of_ann, "system").await;
    let left = second.request(json!({ "type": "leave_room", "room_id": room })).await;
    let told_leave = received_messages(&mut of_ann, "system").await;

    assert_eq!(joined["type"], "system");
    let members = json!([ann.id.0, bob.id.0]);
    for answer in [&joined, &again] {
        let payload = &answer["payload"];
        assert_eq!((&payload["message"], &payload["members"]), (&json!("Joined room kitchen"), &members));
        assert!(answer["position"].is_string());
    }
    let events =
        |received: &[Value]| -> Vec<Value> { received.iter().map(|one| one["payload"].clone()).collect() };
    assert_eq!(
        events(&told_join),
        [json!({ "event": "user_joined", "user_id": bob.id.0, "room_id": "kitchen" })]
    );
    assert_eq!(told_tab, Vec::<Value>::new(), "another tab is there still");
    assert_eq!(
        received_messages(&mut second, "system").await,
        Vec::<Value>::new(),
        "whoever comes or goes knows it"
    );
    assert_eq!(left["payload"]["message"], "Left room kitchen");
    assert_eq!(
        events(&told_leave),
        [json!({ "event": "user_left", "user_id": bob.id.0, "room_id": "kitchen" })]
    );
    let unknown = second.request(json!({ "type": "join_room", "room_id": "cellar" })).await;
    assert_eq!((&unknown["type"], &unknown["code"]), (&json!("error"), &json!("not_found")));
}

async fn owners_add_and_remove_members(app: &TestApp) {
    let (ann, bob, cat) = (app.admin("ann").await, app.member("bob").await, app.member("cat").await);
    let room = private_room(&ann, &[&bob]).await;
    let path = |person: i64| format!("/api/v1/rooms/{room}/members/{person}");
    let put = async |caller: &crate::support::people::Person<'_>, who: i64, owner: bool| {
        let request = app.http.put(app.url(&path(who))).bearer_auth(caller.token());
        crate::support::answer::Response::send(request.json(&json!({ "is_owner": owner }))).await
    };
    let start = cat.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let mut of_cat = cat.connects().await;

    put(&bob, cat.id.0, false).await.expect_problem(403, "forbidden");
    assert_eq!(put(&ann, bob.id.0, true).await.json()["is_owner"], true);
    assert_eq!(put(&bob, cat.id.0, false).await.status, 200);
    bob.post("/chat/send", &json!({ "room_id": room, "text": "welcome" })).await;
    assert_eq!(of_cat.next_of_type("chat").await["payload"]["text"], "welcome");
    assert_eq!(bob.delete(&path(cat.id.0)).await.status, 204);
    bob.post("/chat/send", &json!({ "room_id": room, "text": "among us" })).await;

    assert_eq!(received_messages(&mut of_cat, "chat").await, Vec::<Value>::new());
    assert_eq!(received_messages(&mut of_cat, "system").await, Vec::<Value>::new());
    let log = cat.reads_events(&start).await;
    assert!(log.iter().all(|frame| frame["payload"]["user_id"] != cat.id.0), "{log:?}");
    cat.get(&format!("/api/v1/rooms/{room}")).await.expect_problem(404, "not_found");
    put(&ann, 4_503_599_627_370_496, false).await.expect_problem(404, "not_found");
    let members = bob.get(&format!("/api/v1/rooms/{room}/members")).await.json();
    let names: Vec<_> =
        members["data"].as_array().unwrap().iter().map(|one| one["username"].clone()).collect();
    assert_eq!(names, [json!("ann"), json!("bob")]);
}

async fn a_bad_room_names_every_field_that_is_wrong(app: &TestApp) {
    let ann = app.admin("ann").await;

    let body = json!({ "room_id": "Not A Slug", "name": "", "visibility": "secret", "topics": 1 });
    let problem = ann.post("/api/v1/rooms", &body).await.expect_problem(422, "validation_failed");

    let named: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|one| one["pointer"].as_str().unwrap()).collect();
    for field in ["/visibility", "/topics"] {
        assert!(named.contains(&field), "{problem}");
    }
    public_room(&ann, "kitchen").await;
    let twice = json!({ "room_id": "kitchen", "name": "Kitchen", "visibility": "public" });
    ann.post("/api/v1/rooms", &twice).await.expect_problem(409, "conflict");
}

async fn a_room_that_has_changed_is_not_archived(app: &TestApp) {
    let ann = app.admin("ann").await;
    public_room(&ann, "kitchen").await;
    let path = "/api/v1/rooms/kitchen";
    let old = ann.get(path).await.header("etag").unwrap().to_owned();
    let patched = ann.patch(path, &json!({ "topic": "Pies" })).await;
    let new = patched.header("etag").unwrap().to_owned();

    let late = ann.conditional(Method::DELETE, path, ("if-match", &old), None).await;
    let archived = ann.conditional(Method::DELETE, path, ("if-match", &new), None).await;

    late.expect_problem(412, "precondition_failed");
    assert_eq!(archived.status, 204, "{archived:?}");
}

async fn everybody_is_in_the_lobby_and_nobody_leaves_it(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = bob.connects().await;

    let joined = socket.request(json!({ "type": "join_room", "room_id": "lobby" })).await;
    let left = socket.request(json!({ "type": "leave_room", "room_id": "lobby" })).await;

    assert_eq!(joined["payload"]["message"], "Joined room lobby");
    assert_eq!(left["code"], "conflict", "{left}");
    let members = ann.get("/api/v1/rooms/lobby/members").await.json();
    assert_eq!(members["data"].as_array().unwrap().len(), 2);
}

async fn a_viewer_learns_who_is_in_the_rooms_that_the_viewer_is_in(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    public_room(&ann, "kitchen").await;
    let private = json!({ "name": "Ours", "visibility": "private", "members": [vic.id.0] });
    let private = ann.post("/api/v1/rooms", &private).await.json()["room_id"].as_str().unwrap().to_owned();
    let mut socket = vic.connects().await;

    for path in ["/api/v1/users/directory", "/api/v1/rooms/lobby/members", "/api/v1/rooms/kitchen/members"] {
        vic.get(path).await.expect_problem(403, "forbidden");
        assert_eq!(bob.get(path).await.status, 200, "{path}");
    }
    let own = vic.get(&format!("/api/v1/rooms/{private}/members")).await.json();
    assert_eq!(own["data"].as_array().unwrap().len(), 2, "{own}");
    let joined = socket.request(json!({ "type": "join_room", "room_id": "lobby" })).await;
    assert_eq!(joined["payload"]["members"], json!([vic.id.0]), "{joined}");
}

async fn a_removed_user_leaves_their_rooms(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    bob.post("/chat/send", &json!({ "room_id": room, "text": "I was here" })).await;

    assert_eq!(ann.delete(&format!("/api/v1/users/{}", bob.id)).await.status, 204);

    let members = ann.get(&format!("/api/v1/rooms/{room}/members")).await.json();
    assert_eq!(members["data"].as_array().unwrap().len(), 1, "{members}");
    let history = ann.get(&format!("/api/v1/rooms/{room}/messages")).await.json();
    assert_eq!(history["data"][0]["text"], "I was here", "what was said stays");
}
