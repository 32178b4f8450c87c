//! A user of another tenant, and one of the same tenant outside of a private room, learn nothing.

use serde_json::{Value, json};

use super::setup::{FLUSH_WAIT, grace_passes, listing, private_room, received_messages};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    non_members_receive_nothing_of_a_private_room_and_its_members,
    another_tenants_listing_cannot_be_viewed,
}

/// Types of messages about people.
const EPHEMERAL_TYPES: [&str; 4] = ["presence", "typing", "viewers", "system"];

async fn non_members_receive_nothing_of_a_private_room_and_its_members(app: &TestApp) {
    let (ann, bob, eve) = (app.admin("ann").await, app.member("bob").await, app.member("eve").await);
    let (adm, sue) = (app.admin("adm").await, app.stranger("sue").await);
    let room = private_room(&ann, &[&bob]).await;
    // The outsiders have their own rooms, and so get presence; one of these has the same name as the private room.
    private_room(&adm, &[&eve]).await;
    private_room(&sue, &[]).await;
    let mut of_ann = ann.connects().await;
    let mut outsiders = [eve.connects().await, adm.connects().await, sue.connects().await];
    app.advance(FLUSH_WAIT).await;
    for outsider in &mut outsiders {
        received_messages(outsider, "presence").await;
    }

    let mut of_bob = bob.connects().await;
    of_bob.send_json(json!({"type": "typing", "room_id": room, "is_typing": true})).await;
    of_bob.send_json(json!({"type": "presence", "status": "away"})).await;
    of_bob.request(json!({"type": "chat", "room_id": room, "text": "hush"})).await;
    app.advance(FLUSH_WAIT).await;
    of_bob.close().await;
    grace_passes(app).await;

    for kind in ["presence", "typing", "system"] {
        assert!(!received_messages(&mut of_ann, kind).await.is_empty(), "{kind} was there to be heard");
    }
    for outsider in &mut outsiders {
        for kind in EPHEMERAL_TYPES {
            let mut received = received_messages(outsider, kind).await;
            // The presence of each other may come late.
            received.retain(|frame| !is_about_users(frame, &[eve.id.0, adm.id.0]));
            assert_eq!(received, Vec::<Value>::new());
        }
        // Requests about the room get the same answers as for an unknown room.
        for message in ["typing", "join_room", "chat"] {
            let mut answers = Vec::new();
            for name in [room.as_str(), "01900000-0000-7000-8000-00000000dead"] {
                let ask = json!({"type": message, "room_id": name, "is_typing": true, "text": "x"});
                answers.push(outsider.request(ask).await);
            }
            answers.iter_mut().for_each(|answer| *answer = without_names(answer));
            // An admin of the tenant may see the room, but is not a member.
            if answers[0]["code"] != "forbidden" {
                assert_eq!(answers[0], answers[1], "{message}");
            }
        }
    }
    assert_eq!(received_messages(&mut of_ann, "typing").await.len(), 0);
}

/// Whether it is a presence message about these people only.
fn is_about_users(frame: &Value, people: &[i64]) -> bool {
    let users = frame["payload"]["users"].as_array();
    let is_one = |user: &Value| user["user_id"].as_i64().is_some_and(|id| people.contains(&id));
    frame["type"] == "presence" && users.is_some_and(|users| users.iter().all(is_one))
}

fn without_names(answer: &Value) -> Value {
    let mut answer = answer.clone();
    answer.as_object_mut().unwrap().remove("reply_to");
    answer
}

async fn another_tenants_listing_cannot_be_viewed(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let house = listing(app, &ann).await;
    let (mut of_ann, mut of_sue) = (ann.connects().await, sue.connects().await);
    of_ann.send_json(json!({"type": "viewing", "property_id": house})).await;
    // What was sent before it is done when a ping is answered.
    of_ann.request(json!({"type": "ping"})).await;

    let theirs = of_sue.request(json!({"type": "viewing", "property_id": house})).await;
    let nobodys = of_sue.request(json!({"type": "viewing", "property_id": 4_503_599_627_370_496_i64})).await;
    app.advance(FLUSH_WAIT).await;

    assert_eq!(theirs["code"], "not_found");
    assert_eq!(without_names(&theirs), without_names(&nobodys));
    assert_eq!(received_messages(&mut of_ann, "viewers").await.last().unwrap()["payload"]["count"], 1);
    assert_eq!(received_messages(&mut of_sue, "viewers").await.len(), 0);
    assert_eq!(sue.get("/api/v1/viewing").await.json()["data"], json!([]));
    sue.get(&format!("/api/v1/properties/{house}/viewers")).await.expect_problem(404, "not_found");
}
