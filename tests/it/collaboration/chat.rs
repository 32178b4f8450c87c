//! Chat messages: their recipients, the sender's answer, and what is stored.

use reqwest::Method;
use serde_json::{Value, json};

use super::setup::{private_room, public_room, received_messages};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Person;
use crate::support::socket::Socket;

on_both_databases! {
    a_message_reaches_the_members_and_the_senders_other_sockets_and_the_reply_is_the_stored_message,
    a_message_without_a_room_goes_to_the_lobby_of_all_users,
    a_direct_message_is_for_two,
    a_client_message_id_deduplicates_across_sockets_and_requests,
    a_text_has_1_to_1000_characters_counted_as_unicode_scalar_values,
    sender_fields_from_a_client_are_ignored,
    an_edit_is_published_and_a_deleted_message_is_gone_from_history_and_log,
    an_empty_change_changes_nothing_and_a_late_one_is_refused,
    only_its_author_or_an_admin_changes_a_message,
    a_member_sees_messages_since_the_current_membership_began,
    unread_messages_are_counted_until_they_are_marked,
    an_archived_room_is_read_and_takes_nothing_more,
    history_is_read_in_pages,
}

/// Sends it to a room; returns the `ack`.
async fn sends_chat(socket: &mut Socket, room: &str, text: &str) -> Value {
    let ack = socket.request(json!({ "type": "chat", "room_id": room, "text": text })).await;
    assert_eq!(ack["type"], "ack", "{ack}");
    ack
}

/// Texts of a room's history, newest first.
async fn history(person: &Person<'_>, room: &str) -> Vec<String> {
    let page = person.get(&format!("/api/v1/rooms/{room}/messages")).await.json();
    texts(&page)
}

fn texts(page: &Value) -> Vec<String> {
    let rows = page["data"].as_array().unwrap_or_else(|| panic!("{page}")).iter();
    rows.map(|row| row["text"].as_str().unwrap().to_owned()).collect()
}

async fn a_message_reaches_the_members_and_the_senders_other_sockets_and_the_reply_is_the_stored_message(
    app: &TestApp,
) {
    let (ann, bob, cat) = (app.admin("ann").await, app.member("bob").await, app.member("cat").await);
    let room = private_room(&ann, &[&bob]).await;
    let (mut of_ann, mut of_bob, mut of_cat) =
        (ann.connects().await, bob.connects().await, cat.connects().await);
    let mut second_of_bob = bob.connects().await;

    let ack = sends_chat(&mut of_bob, &room, "hello").await;

    for socket in [&mut of_ann, &mut second_of_bob] {
        let chat = socket.next_of_type("chat").await;
        let sender = json!({ "user_id": bob.id.0, "username": "bob" });
        assert_eq!((&chat["sender_id"], &chat["sender"]), (&json!(bob.id.0), &sender));
        assert_eq!((&chat["payload"]["text"], &chat["payload"]["room_id"]), (&json!("hello"), &json!(room)));
        assert_eq!(chat["payload"], ack["payload"], "the sender is answered with what was stored");
        assert_eq!(chat["payload"]["message_id"], ack["message_id"]);
        assert_eq!(chat["position"], ack["position"]);
    }
    assert_eq!(received_messages(&mut of_bob, "chat").await, Vec::<Value>::new(), "no echo");
    assert_eq!(received_messages(&mut of_cat, "chat").await, Vec::<Value>::new(), "not a member");
    // A reconnecting reader gets it from the log; so does the sender's first socket, to which it is new.
    let since = ann.get("/api/v1/events").await.json();
    assert_eq!(since["position"], ack["position"]);
}

async fn a_message_without_a_room_goes_to_the_lobby_of_all_users(app: &TestApp) {
    let (ann, bob, sue) = (app.admin("ann").await, app.member("bob").await, app.stranger("sue").await);
    let (mut of_ann, mut of_bob, mut of_sue) =
        (ann.connects().await, bob.connects().await, sue.connects().await);

    let by_payload = of_bob.request(json!({ "type": "room_message", "payload": { "text": "one" } })).await;
    let by_rest = bob.post("/chat/send", &json!({ "text": "two" })).await.json();

    assert_eq!(by_payload["payload"]["room_id"], "lobby", "{by_payload}");
    assert_eq!(by_rest["status"], "sent", "{by_rest}");
    for text in ["one", "two"] {
        assert_eq!(of_ann.next_of_type("chat").await["payload"]["text"], text);
    }
    // It was sent by request, so none of the sender's sockets has it already.
    assert_eq!(of_bob.next_of_type("chat").await["payload"]["text"], "two");
    assert_eq!(received_messages(&mut of_sue, "chat").await, Vec::<Value>::new());
    assert_eq!(history(&ann, "lobby").await, ["two", "one"]);
    assert_eq!(history(&sue, "lobby").await, Vec::<String>::new());
}

async fn a_direct_message_is_for_two(app: &TestApp) {
    let (ann, bob, cat) = (app.admin("ann").await, app.member("bob").await, app.member("cat").await);
    let (mut of_ann, mut of_bob, mut of_cat) =
        (ann.connects().await, bob.connects().await, cat.connects().await);

    let ack =
        of_bob.request(json!({ "type": "direct_message", "target_user": cat.id.0, "text": "psst" })).await;
    let answer = cat.post(&format!("/api/v1/direct-messages/{}", bob.id), &json!({ "text": "yes?" })).await;

    assert_eq!((&ack["type"], &ack["payload"]["target_user"]), (&json!("ack"), &json!(cat.id.0)));
    assert_eq!(answer.status, 200, "{answer:?}");
    let told_cat = of_cat.next_of_type("direct_message").await;
    assert_eq!((&told_cat["sender_id"], &told_cat["payload"]), (&json!(bob.id.0), &ack["payload"]));
    assert_eq!(of_bob.next_of_type("direct_message").await["payload"]["text"], "yes?");
    assert_eq!(
        received_messages(&mut of_ann, "direct_message").await,
        Vec::<Value>::new(),
        "not even an admin"
    );
    let between = cat.get(&format!("/api/v1/direct-messages/{}", bob.id)).await.json();
    assert_eq!(texts(&between), ["yes?", "psst"]);
    let others = ann.get(&format!("/api/v1/direct-messages/{}", bob.id)).await.json();
    assert_eq!(texts(&others), Vec::<String>::new());
    let nobody = json!({ "type": "direct_message", "target_user": 4_503_599_627_370_496_i64, "text": "?" });
    assert_eq!(of_bob.request(nobody).await["code"], "not_found");
}

async fn a_client_message_id_deduplicates_across_sockets_and_requests(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    let say = json!({ "type": "chat", "text": "once", "client_message_id": "m-1" });

    let first = of_bob.request(say.clone()).await;
    let mut elsewhere = bob.connects().await;
    let again = elsewhere.request(say).await;
    let by_rest =
        bob.post("/api/v1/chat/send", &json!({ "text": "once", "client_message_id": "m-1" })).await.json();
    let other_text =
        of_bob.request(json!({ "type": "chat", "text": "twice", "client_message_id": "m-1" })).await;
    // Another sender may use the same id.
    let of_another =
        of_ann.request(json!({ "type": "chat", "text": "once", "client_message_id": "m-1" })).await;

    assert_eq!(again["payload"], first["payload"], "{again}");
    assert_eq!(by_rest["message_id"], first["message_id"]);
    assert_eq!((&other_text["type"], &other_text["code"]), (&json!("error"), &json!("conflict")));
    assert_ne!(of_another["message_id"], first["message_id"]);
    assert_eq!(history(&ann, "lobby").await, ["once", "once"]);
    assert_eq!(received_messages(&mut of_ann, "chat").await.len(), 1);
}

async fn a_text_has_1_to_1000_characters_counted_as_unicode_scalar_values(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;

    for text in ["", &"x".repeat(1_001), &"\u{1f3e0}".repeat(1_001)] {
        let refused = socket.request(json!({ "type": "chat", "text": text })).await;
        assert_eq!(
            (&refused["type"], &refused["message"]),
            (&json!("error"), &json!("Invalid message length"))
        );
        let refused = bob.post("/chat/send", &json!({ "text": text })).await;
        assert_eq!(refused.expect_problem(422, "validation_failed")["errors"][0]["pointer"], "/text");
    }
    for text in ["x", &"\u{1f3e0}".repeat(1_000)] {
        sends_chat(&mut socket, "lobby", text).await;
    }
    assert_eq!(history(&bob, "lobby").await.len(), 2);
}

async fn sender_fields_from_a_client_are_ignored(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);

    let lie = json!({ "type": "chat", "text": "hi", "sender_id": ann.id.0, "timestamp": 1,
        "payload": { "sender_id": ann.id.0, "timestamp": "1970-01-01T00:00:00Z", "message_id": "mine" } });
    let ack = of_bob.request(lie).await;

    let chat = of_ann.next_of_type("chat").await;
    assert_eq!((&chat["sender_id"], &chat["payload"]), (&json!(bob.id.0), &ack["payload"]));
    assert_ne!(chat["payload"]["message_id"], "mine");
    assert_ne!(chat["payload"]["timestamp"], "1970-01-01T00:00:00Z");
}

async fn an_edit_is_published_and_a_deleted_message_is_gone_from_history_and_log(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    let kept = sends_chat(&mut of_bob, "lobby", "a first wrod").await;
    let gone = sends_chat(&mut of_bob, "lobby", "a secret").await;
    let path = |ack: &Value| format!("/api/v1/messages/{}", ack["message_id"].as_str().unwrap());

    let edited = bob.patch(&path(&kept), &json!({ "text": "a first word" })).await;
    bob.patch(&path(&gone), &json!({ "text": "another secret" })).await;
    let deleted = bob.delete(&path(&gone)).await;

    assert_eq!((edited.status, deleted.status), (200, 204), "{edited:?} {deleted:?}");
    let told_edit = of_ann.next_of_type("message_edited").await;
    assert_eq!(told_edit["payload"]["text"], "a first word");
    assert!(told_edit["payload"]["edited_at"].is_string() && told_edit["position"].is_string());
    let told_deletion = of_ann.next_of_type("message_deleted").await;
    assert_eq!(told_deletion["payload"]["message_id"], gone["message_id"]);
    assert_eq!(history(&ann, "lobby").await, ["", "a first word"]);
    let replayed = ann.reads_events(&start).await;
    let kinds: Vec<_> = replayed.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["chat", "chat", "message_edited", "message_edited", "message_deleted"]);
    assert!(!Value::Array(replayed).to_string().contains("secret"));
    let mut resumed = ann.resumes(&start).await;
    let frames = resumed.next_durable(5).await;
    assert!(!Value::Array(frames).to_string().contains("secret"));
    // A deleted message stays deleted, and deleting it again changes nothing.
    assert_eq!(bob.delete(&path(&gone)).await.status, 204);
    bob.patch(&path(&gone), &json!({ "text": "back" })).await.expect_problem(409, "conflict");
}

async fn an_empty_change_changes_nothing_and_a_late_one_is_refused(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;
    let said = sends_chat(&mut socket, "lobby", "a first word").await;
    let path = format!("/api/v1/messages/{}", said["message_id"].as_str().unwrap());

    let empty = bob.patch(&path, &json!({})).await;
    let old = empty.header("etag").unwrap().to_owned();
    let edited =
        bob.conditional(Method::PATCH, &path, ("if-match", &old), Some(json!({ "text": "another" }))).await;
    let late =
        bob.conditional(Method::PATCH, &path, ("if-match", &old), Some(json!({ "text": "a third" }))).await;
    let late_removal = bob.conditional(Method::DELETE, &path, ("if-match", &old), None).await;
    let tag = edited.header("etag").unwrap().to_owned();
    let removal = bob.conditional(Method::DELETE, &path, ("if-match", &tag), None).await;

    assert_eq!((empty.status, empty.json().get("edited_at")), (200, None), "{empty:?}");
    assert_eq!((edited.status, &edited.json()["text"]), (200, &json!("another")), "{edited:?}");
    late.expect_problem(412, "precondition_failed");
    late_removal.expect_problem(412, "precondition_failed");
    assert_eq!(removal.status, 204, "{removal:?}");
}

async fn only_its_author_or_an_admin_changes_a_message(app: &TestApp) {
    let (ann, bob, cat) = (app.admin("ann").await, app.member("bob").await, app.member("cat").await);
    let sue = app.stranger("sue").await;
    let mut of_bob = bob.connects().await;
    let id = sends_chat(&mut of_bob, "lobby", "mine").await["message_id"].as_str().unwrap().to_owned();
    let direct =
        of_bob.request(json!({ "type": "direct_message", "target_user": cat.id.0, "text": "ours" })).await;
    let direct = direct["message_id"].as_str().unwrap();

    let edit = json!({ "text": "theirs" });
    cat.patch(&format!("/api/v1/messages/{id}"), &edit).await.expect_problem(403, "forbidden");
    cat.delete(&format!("/api/v1/messages/{id}")).await.expect_problem(403, "forbidden");
    sue.patch(&format!("/api/v1/messages/{id}"), &edit).await.expect_problem(404, "not_found");
    sue.delete(&format!("/api/v1/messages/{id}")).await.expect_problem(404, "not_found");
    // An admin may delete a message but not edit it; direct messages belong to the two users.
    let refused = ann.patch(&format!("/api/v1/messages/{id}"), &edit).await.expect_problem(403, "forbidden");
    assert!(refused["detail"].as_str().unwrap().contains("Only its author"), "{refused}");
    cat.patch(&format!("/api/v1/messages/{direct}"), &edit).await.expect_problem(403, "forbidden");
    let read = ann.get("/api/v1/rooms/lobby/messages").await.json();
    assert_eq!((&read["data"][0]["text"], read["data"][0].get("edited_at")), (&json!("mine"), None));
    // An admin may neither read nor delete direct messages of others.
    ann.delete(&format!("/api/v1/messages/{direct}")).await.expect_problem(404, "not_found");
    cat.delete(&format!("/api/v1/messages/{direct}")).await.expect_problem(403, "forbidden");

    assert_eq!(ann.delete(&format!("/api/v1/messages/{id}")).await.status, 204);
    assert_eq!(bob.delete(&format!("/api/v1/messages/{direct}")).await.status, 204);
    let audit = ann.get("/api/v1/audit-log").await.json();
    assert!(audit.to_string().contains("message.deleted"), "{audit}");
}

async fn a_member_sees_messages_since_the_current_membership_began(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = public_room(&ann, "kitchen").await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let (mut of_ann, mut of_bob) = (ann.connects().await, bob.connects().await);
    sends_chat(&mut of_ann, &room, "before").await;

    let joined = of_bob.request(json!({ "type": "join_room", "room_id": room })).await;
    sends_chat(&mut of_ann, &room, "during").await;
    of_bob.request(json!({ "type": "leave_room", "room_id": room })).await;
    sends_chat(&mut of_ann, &room, "between").await;
    let outside = of_bob.request(json!({ "type": "chat", "room_id": room, "text": "let me in" })).await;
    let heard_first = received_messages(&mut of_bob, "chat").await;
    of_bob.request(json!({ "type": "join_room", "room_id": room })).await;
    sends_chat(&mut of_ann, &room, "after").await;

    assert_eq!(joined["payload"]["message"], "Joined room kitchen");
    let text = |frames: &[Value]| -> Vec<String> {
        frames.iter().map(|frame| frame["payload"]["text"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(text(&heard_first), ["during"]);
    assert_eq!(outside["code"], "forbidden", "{outside}");
    assert_eq!(text(&[of_bob.next_of_type("chat").await]), ["after"]);
    // The log returns what the member's present membership may see.
    let chats = |frames: Vec<Value>| -> Vec<Value> {
        frames.into_iter().filter(|frame| frame["type"] == "chat").collect()
    };
    assert_eq!(text(&chats(bob.reads_events(&start).await)), ["after"]);
    assert_eq!(text(&chats(ann.reads_events(&start).await)), ["before", "during", "between", "after"]);
}

async fn unread_messages_are_counted_until_they_are_marked(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let mut of_ann = ann.connects().await;
    let mut ids = Vec::new();
    for text in ["one", "two", "three"] {
        ids.push(sends_chat(&mut of_ann, &room, text).await["message_id"].as_str().unwrap().to_owned());
    }
    let unread = async |person: &Person<'_>| {
        person.get(&format!("/api/v1/rooms/{room}")).await.json()["unread_count"].clone()
    };

    assert_eq!((unread(&bob).await, unread(&ann).await), (json!(3), json!(0)), "one's own are read");
    let mark = json!({ "message_id": ids[1] });
    assert_eq!(bob.post(&format!("/api/v1/rooms/{room}/read"), &mark).await.status, 204);
    assert_eq!(unread(&bob).await, json!(1));
    // A read marker never moves back.
    bob.post(&format!("/api/v1/rooms/{room}/read"), &json!({ "message_id": ids[0] })).await;
    assert_eq!(unread(&bob).await, json!(1));
    bob.post(&format!("/api/v1/rooms/{room}/read"), &json!({ "message_id": ids[2] })).await;
    assert_eq!(unread(&bob).await, json!(0));
}

async fn an_archived_room_is_read_and_takes_nothing_more(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let room = private_room(&ann, &[&bob]).await;
    let mut of_bob = bob.connects().await;
    sends_chat(&mut of_bob, &room, "for the record").await;

    bob.delete(&format!("/api/v1/rooms/{room}")).await.expect_problem(403, "forbidden");
    assert_eq!(ann.delete(&format!("/api/v1/rooms/{room}")).await.status, 204);
    ann.delete("/api/v1/rooms/lobby").await.expect_problem(409, "conflict");

    let refused = of_bob.request(json!({ "type": "chat", "room_id": room, "text": "more" })).await;
    assert_eq!(refused["code"], "conflict", "{refused}");
    assert_eq!(history(&bob, &room).await, ["for the record"]);
    let listed = async |query: &str| {
        let page = bob.get(&format!("/api/v1/rooms{query}")).await.json();
        page["data"].as_array().unwrap().iter().any(|one| one["room_id"] == json!(room))
    };
    assert_eq!((listed("").await, listed("?archived=true").await), (false, true));
}

async fn history_is_read_in_pages(app: &TestApp) {
    let bob = app.member("bob").await;
    for number in 0..7 {
        bob.post("/chat/send", &json!({ "text": number.to_string() })).await;
    }

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = bob.get(&format!("/api/v1/rooms/lobby/messages?limit=3{cursor}")).await.json();
        seen.extend(texts(&page));
        match page["next_cursor"].as_str() {
            Some(next) if page["has_more"] == true => cursor = format!("&cursor={next}"),
            _ => break,
        }
    }

    assert_eq!(seen, ["6", "5", "4", "3", "2", "1", "0"]);
    bob.get("/api/v1/rooms/lobby/messages?cursor=nonsense").await.expect_problem(422, "validation_failed");
}
