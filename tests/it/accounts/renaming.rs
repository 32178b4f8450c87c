//! Renaming a user: which name signs in, which names are refused, and where the new name appears.

use std::time::Duration;

use lotline::domain::key_clashes;
use serde_json::{Value, json};

use super::{PASSWORD, count, refresh_token, refreshes, signs_in};
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

const HOME: &str = "192.0.2.1";

on_both_databases! {
    a_renamed_user_signs_in_with_the_new_name_alone_and_stays_signed_in,
    a_name_that_is_bad_taken_or_drawn_as_anothers_is_refused,
    another_spelling_of_the_own_name_is_no_clash,
    the_name_that_a_user_has_already_changes_nothing,
    an_open_socket_goes_on_under_the_new_name,
    members_rename_nobody,
    of_two_who_want_one_name_one_gets_it,
    the_old_name_is_free_for_another_user,
    a_user_whose_key_an_older_one_has_gets_a_key_by_renaming,
    a_name_stays_taken_while_its_user_has_the_key_of_before,
}

async fn renames(admin: &Admin<'_>, user: i64, name: &str) -> Response {
    admin.patch(&format!("/api/v1/users/{user}"), &json!({ "username": name })).await
}

#[track_caller]
fn is_renamed(answer: &Response, name: &str) {
    assert_eq!((answer.status, &answer.json()["username"]), (200, &json!(name)), "{answer:?}");
}

/// Field and rule of each error of a refusal.
#[track_caller]
fn errors(answer: &Response, status: u16, code: &str) -> Vec<(String, String)> {
    let problem = answer.expect_problem(status, code);
    let word = |error: &Value, field: &str| error[field].as_str().unwrap().to_owned();
    let errors = problem["errors"].as_array().unwrap().iter();
    errors.map(|error| (word(error, "pointer"), word(error, "type"))).collect()
}

/// Entries of the audit log about this action, newest first.
async fn entries(admin: &Admin<'_>, action: &str) -> Vec<Value> {
    let log = admin.get("/api/v1/audit-log?limit=200").await.json();
    log["data"].as_array().unwrap().iter().filter(|entry| entry["action"] == action).cloned().collect()
}

async fn a_renamed_user_signs_in_with_the_new_name_alone_and_stays_signed_in(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let pair = signs_in(app, "acme/bob", PASSWORD, HOME).await;

    is_renamed(&renames(&ann, bob.id.0, " Robert ").await, "Robert");

    signs_in(app, "acme/bob", PASSWORD, HOME).await.expect_problem(401, "unauthenticated");
    let again = signs_in(app, "acme/ROBERT", PASSWORD, HOME).await;
    assert_eq!((again.status, &again.json()["user_id"]), (200, &json!(bob.id.0)), "{again:?}");
    assert_eq!(bob.get("/api/v1/users/me").await.json()["username"], "Robert");
    assert_eq!(refreshes(app, &refresh_token(&pair)).await.status, 200);
    let noted = entries(&ann, "user.changed").await;
    assert_eq!(noted.len(), 1, "{noted:?}");
    assert_eq!(noted[0]["detail"], json!({ "username": "Robert", "former_username": "bob" }));
}

async fn a_name_that_is_bad_taken_or_drawn_as_anothers_is_refused(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    app.member("coco").await;

    for (name, status, rule) in [
        ("", 422, "invalid"),
        ("a/b", 422, "invalid"),
        ("..", 422, "invalid"),
        ("Deleted-5", 422, "invalid"),
        (" ANN ", 409, "taken"),
        ("ａｎｎ", 409, "taken"),
        ("сосо", 409, "lookalike"),
        ("pаypal", 409, "mixed_scripts"),
    ] {
        let code = if status == 422 { "validation_failed" } else { "conflict" };
        let found = errors(&renames(&ann, bob.id.0, name).await, status, code);

        assert_eq!(found, [("/username".to_owned(), rule.to_owned())], "{name}");
    }
    let null = ann.patch(&format!("/api/v1/users/{}", bob.id), &json!({ "username": null })).await;
    assert_eq!(errors(&null, 422, "validation_failed"), [("/username".to_owned(), "null".to_owned())]);
    assert_eq!(bob.get("/api/v1/users/me").await.json()["username"], "bob");
}

async fn another_spelling_of_the_own_name_is_no_clash(app: &TestApp) {
    let (ann, coco) = (app.admin("ann").await, app.member("coco").await);

    // The last name looks like the one before it, in another script.
    for name in ["COCO", "Coco", "сосо"] {
        is_renamed(&renames(&ann, coco.id.0, name).await, name);
    }

    assert_eq!(signs_in(app, "acme/СОСО", PASSWORD, HOME).await.status, 200);
}

async fn the_name_that_a_user_has_already_changes_nothing(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let before = ann.get(&format!("/api/v1/users/{}", bob.id)).await;
    app.clock.advance(Duration::from_secs(1));

    for name in ["bob", " bob ", "ｂｏｂ"] {
        let after = renames(&ann, bob.id.0, name).await;

        assert_eq!((after.status, after.json()), (200, before.json()), "{name}");
        assert_eq!(after.header("etag"), before.header("etag"));
    }
    assert_eq!(entries(&ann, "user.changed").await, Vec::<Value>::new());
}

async fn an_open_socket_goes_on_under_the_new_name(app: &TestApp) {
    let (ann, eve) = (app.admin("ann").await, app.admin("eve").await);
    let (mut of_ann, mut of_eve) = (ann.connects().await, eve.connects().await);
    // The user that was read before is cached.
    assert_eq!(of_eve.request(json!({ "type": "ping" })).await["type"], "pong");

    is_renamed(&renames(&ann, eve.id.0, "eva").await, "eva");
    let said = of_eve.request(json!({ "type": "chat", "text": "hello" })).await;
    let received = of_eve.request(json!({ "type": "broadcast", "message": "news" })).await;

    assert_eq!((&said["type"], &received["type"]), (&json!("ack"), &json!("ack")));
    assert_eq!(of_ann.next_of_type("chat").await["sender"]["username"], "eva");
    assert_eq!(entries(&ann, "broadcast.sent").await[0]["actor_name"], "eva");
    let mut newer = eve.socket_request("/ws").open().await;
    assert_eq!(newer.next_of_type("connection_established").await["username"], "eva");
    let members = ann.get("/api/v1/rooms/lobby/members").await;
    assert!(members.text.contains("\"eva\"") && !members.text.contains("\"eve\""), "{members:?}");
    assert_eq!(app.connections(), 3);
}

async fn members_rename_nobody(app: &TestApp) {
    let (bob, vic) = (app.member("bob").await, app.viewer("vic").await);

    for (caller, user) in [(&**bob, bob.id), (&**bob, vic.id), (&**vic, vic.id)] {
        let path = format!("/api/v1/users/{user}");
        caller.patch(&path, &json!({ "username": "zoe" })).await.expect_problem(403, "forbidden");
    }
}

async fn of_two_who_want_one_name_one_gets_it(app: &TestApp) {
    let (ann, bob, eve) = (app.admin("ann").await, app.member("bob").await, app.member("eve").await);

    for round in 0..10 {
        let (one, other) = (format!("zoe-{round}"), format!("ZOE-{round}"));
        let answers = tokio::join!(renames(&ann, bob.id.0, &one), renames(&ann, eve.id.0, &other));

        let (winner, loser) = if answers.0.status == 200 { answers } else { (answers.1, answers.0) };
        assert_eq!(winner.status, 200, "{winner:?}");
        let found = errors(&loser, 409, "conflict");
        assert_eq!(found, [("/username".to_owned(), "taken".to_owned())]);
    }
}

async fn the_old_name_is_free_for_another_user(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    is_renamed(&renames(&ann, bob.id.0, "robert").await, "robert");

    // Neither has an email address: the first user's placeholder went with the old name.
    let other = app.member("bob").await;

    assert_ne!(other.id, bob.id);
    assert_eq!(bob.get("/api/v1/users/me").await.json()["username"], "robert");
}

/// Gives the younger user the columns that the migration writes when an older user already has the new key.
async fn have_one_key(app: &TestApp, older: i64, younger: i64) {
    app.runs_sql(&format!(
        "UPDATE users SET username = 'Straße', username_key = 'straße', key_clash = 'username', \
         key_skeleton = (SELECT key_skeleton FROM users WHERE id = {older}) WHERE id = {younger}"
    ))
    .await;
}

async fn a_user_whose_key_an_older_one_has_gets_a_key_by_renaming(app: &TestApp) {
    let ann = app.admin("ann").await;
    let (older, younger) = (app.member("strasse").await.id, app.member("other").await.id);
    have_one_key(app, older.0, younger.0).await;
    for (user, taken) in [(younger, "STRASSE"), (older, "straße")] {
        let found = errors(&renames(&ann, user.0, taken).await, 409, "conflict");
        assert_eq!(found, [("/username".to_owned(), "taken".to_owned())], "{taken}");
    }

    is_renamed(&renames(&ann, older.0, "Strasse").await, "Strasse");
    is_renamed(&renames(&ann, younger.0, "Weber").await, "Weber");

    let own = format!("id = {younger} AND username_key = 'weber' AND key_clash IS NULL");
    assert_eq!(count(app, &format!("SELECT COUNT(*) FROM users WHERE {own}")).await, 1);
    assert_eq!(key_clashes::notify_admins(&app.services).await.unwrap(), 0);
    for (name, user) in [("acme/weber", younger), ("acme/Straße", older)] {
        let answer = signs_in(app, name, PASSWORD, HOME).await.json();
        assert_eq!(answer["user_id"], json!(user.0), "{name}: {answer}");
    }
}

async fn a_name_stays_taken_while_its_user_has_the_key_of_before(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let (older, younger) = (app.member("strasse").await.id, app.member("other").await.id);
    have_one_key(app, older.0, younger.0).await;
    is_renamed(&renames(&ann, older.0, "adler").await, "adler");

    let renamed = renames(&ann, bob.id.0, "STRASSE").await;
    let new = json!({ "username": "strasse", "email": "new@x.example", "role": "member" });
    let added = ann.post("/api/v1/users", &new).await;

    for refused in [renamed, added] {
        assert_eq!(errors(&refused, 409, "conflict"), [("/username".to_owned(), "taken".to_owned())]);
    }
    is_renamed(&renames(&ann, younger.0, "STRASSE").await, "STRASSE");
}
