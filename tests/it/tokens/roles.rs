//! A role change takes effect on open connections: no message that the new role may not see follows it, and none that
//! it may see is lost.

use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;
use crate::support::socket::Socket;
use crate::support::stream::Stream;

on_both_databases! {
    a_demoted_admin_receives_no_more_admin_messages,
    a_promoted_member_receives_admin_messages_from_then_on,
    a_demoted_admin_may_not_broadcast_on_the_open_socket,
    the_statistics_stream_of_a_demoted_admin_ends,
    what_an_admin_missed_is_not_replayed_to_the_member,
    a_replay_after_the_change_is_judged_by_the_new_role,
}

/// An admin changes a user's role; the change is committed when this returns.
async fn changes_role(admin: &Admin<'_>, of: i64, role: &str) {
    let request = admin.app.http.patch(admin.app.url(&format!("/api/v1/users/{of}")));
    let answer = Response::send(request.bearer_auth(admin.token()).json(&json!({ "role": role }))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Broadcasts to the admins, then to everyone: the second shows that the first was processed.
async fn broadcasts(admin: &Admin<'_>, what: &str) {
    for audience in ["admins", "everyone"] {
        let body = json!({ "message": format!("{what} for {audience}"), "audience": audience });
        assert_eq!(admin.post("/api/v1/admin/broadcast", &body).await.status, 200);
    }
}

/// The messages of one call of `broadcasts`, up to the one for everyone. A role change may take a moment to arrive,
/// so the caller repeats this.
async fn received_messages(
    socket: &mut Socket,
    stream: &mut Stream,
    what: &str,
) -> (Vec<String>, Vec<String>) {
    let last = format!("{what} for everyone");
    let (mut by_socket, mut by_stream) = (Vec::new(), Vec::new());
    while by_socket.last() != Some(&last) {
        by_socket.push(message_text(&socket.next().await));
    }
    while by_stream.last() != Some(&last) {
        by_stream.push(message_text(&stream.next_event().await.json()));
    }
    (by_socket, by_stream)
}

fn message_text(message: &Value) -> String {
    message["message"].as_str().unwrap_or_else(|| panic!("{message}")).to_owned()
}

/// Repeats until both carriers get exactly `wanted` of what is broadcast.
async fn wait_until_received(admin: &Admin<'_>, socket: &mut Socket, stream: &mut Stream, wanted: &[&str]) {
    for round in 0..200 {
        let what = format!("news {round}");
        broadcasts(admin, &what).await;
        let (by_socket, by_stream) = received_messages(socket, stream, &what).await;
        let wanted: Vec<String> = wanted.iter().map(|audience| format!("{what} for {audience}")).collect();
        if by_socket == wanted && by_stream == wanted {
            return;
        }
    }
    panic!("the change of role did not arrive");
}

async fn a_demoted_admin_receives_no_more_admin_messages(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let (mut socket, mut stream) = (eve.connects().await, eve.streams("/sse/events", None).await);
    stream.next_event().await;
    wait_until_received(&ann, &mut socket, &mut stream, &["admins", "everyone"]).await;

    changes_role(&ann, eve.id.0, "member").await;
    wait_until_received(&ann, &mut socket, &mut stream, &["everyone"]).await;
    for round in 0..20 {
        let what = format!("later {round}");
        broadcasts(&ann, &what).await;
        let (by_socket, by_stream) = received_messages(&mut socket, &mut stream, &what).await;
        assert_eq!((by_socket.len(), by_stream.len()), (1, 1), "{by_socket:?} {by_stream:?}");
    }

    assert_eq!(app.connections(), 2);
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn a_promoted_member_receives_admin_messages_from_then_on(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut socket, mut stream) = (bob.connects().await, bob.streams("/sse/events", None).await);
    stream.next_event().await;
    wait_until_received(&ann, &mut socket, &mut stream, &["everyone"]).await;

    changes_role(&ann, bob.id.0, "admin").await;
    wait_until_received(&ann, &mut socket, &mut stream, &["admins", "everyone"]).await;

    let sent = socket.request(json!({"type": "broadcast", "message": "as an admin"})).await;
    assert_eq!(sent["type"], "ack", "{sent}");
}

async fn a_demoted_admin_may_not_broadcast_on_the_open_socket(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let mut socket = eve.connects().await;

    let before = socket.request(json!({"type": "broadcast", "message": "while I may"})).await;
    changes_role(&ann, eve.id.0, "viewer").await;
    let after = socket.request(json!({"type": "broadcast", "message": "though I may not"})).await;

    assert_eq!(before["type"], "ack");
    assert_eq!((after["type"].as_str(), after["code"].as_str()), (Some("error"), Some("forbidden")));
    let list = ann.get("/api/v1/notifications").await.text;
    assert!(list.contains("while I may") && !list.contains("though I may not"), "{list}");
}

async fn what_an_admin_missed_is_not_replayed_to_the_member(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let begin = ann.broadcasts("begin").await["position"].as_str().unwrap().to_owned();
    for round in 0..10 {
        broadcasts(&ann, &format!("news {round}")).await;
    }

    changes_role(&ann, eve.id.0, "member").await;
    let mut socket = eve.resumes(&begin).await;
    let received = socket.next_durable(10).await;

    let received: Vec<String> = received.iter().map(message_text).collect();
    let wanted: Vec<String> = (0..10).map(|round| format!("news {round} for everyone")).collect();
    assert_eq!(received, wanted);
}

async fn a_replay_after_the_change_is_judged_by_the_new_role(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let begin = ann.broadcasts("begin").await["position"].as_str().unwrap().to_owned();
    broadcasts(&ann, "early").await;
    let as_member = bob.reads_events(&begin).await;

    changes_role(&ann, bob.id.0, "admin").await;
    let as_admin = bob.reads_events(&begin).await;
    let mut stream = bob.streams(&format!("/sse/events?since={begin}"), None).await;
    let streamed = stream.next_durable(2).await;

    assert_eq!((as_member.len(), as_admin.len()), (1, 2));
    let streamed: Vec<Value> = streamed.into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(streamed, as_admin);
}

async fn the_statistics_stream_of_a_demoted_admin_ends(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let mut stream = eve.streams("/sse/stats", None).await;
    assert_eq!(stream.next_event().await.json()["type"], "connection_established");
    assert_eq!(stream.next_event().await.json()["of"], "tenant");

    changes_role(&ann, eve.id.0, "viewer").await;

    let last = app
        .while_time_passes(async {
            loop {
                let event = stream.next_event().await.json();
                if event["of"] != "tenant" {
                    return event;
                }
            }
        })
        .await;
    assert_eq!((&last["code"], &last["close_code"]), (&json!("forbidden"), &json!(4403)), "{last}");
    assert_eq!(eve.get("/sse/stats").await.status, 403);
}
