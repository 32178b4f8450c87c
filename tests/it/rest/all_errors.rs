//! One refusal names all bad fields: of schema, rules and parameters.

use std::collections::BTreeSet;

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_refusal_names_what_the_schema_and_what_the_rules_find,
    bad_parameters_are_named_together_and_with_the_body,
    null_is_refused_where_it_would_empty_what_cannot_be_empty,
    null_is_refused_in_a_change_and_absent_in_what_is_made_new,
    an_id_that_is_no_uuid_is_named_wherever_it_is,
    numbers_are_taken_as_json_has_them_and_never_rounded,
    a_row_of_a_batch_names_every_bad_field,
    a_row_that_cannot_be_read_names_the_field_and_sinks_no_other,
    a_price_that_is_too_large_is_answered_with_the_largest,
    a_bad_log_line_rejects_no_other,
    the_error_of_a_pattern_is_plain_text,
    an_out_of_bounds_number_is_refused_with_the_bounds_once,
}

/// The field locations that a refusal names.
fn error_pointers(answer: &Response) -> BTreeSet<String> {
    let problem = answer.expect_problem(422, "validation_failed");
    let errors = problem["errors"].as_array().unwrap().iter();
    let location = |error: &Value| {
        let steps = error["loc"].as_array().unwrap().iter();
        steps.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect::<Vec<_>>()
    };
    errors.map(|error| location(error).join(".")).collect()
}

fn set(places: &[&str]) -> BTreeSet<String> {
    places.iter().map(|location| (*location).to_owned()).collect()
}

async fn a_refusal_names_what_the_schema_and_what_the_rules_find(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (path, body, expected) in [
        (
            "/api/v1/users",
            json!({"username": "", "email": "bad", "password": "x", "role": "boss"}),
            &["body.username", "body.email", "body.password", "body.role"][..],
        ),
        (
            "/api/v1/users",
            json!({"username": "a/b", "email": "a@b", "role": 5, "colour": 1}),
            &["body.username", "body.role", "body.colour"],
        ),
        (
            "/api/v1/jobs",
            json!({"spider_name": 5, "target_urls": ["ftp://a/", 7], "max_pages": 0, "tags": ["a,b"]}),
            &[
                "body.spider_name",
                "body.target_urls.0",
                "body.target_urls.1",
                "body.max_pages",
                "body.tags.0",
            ],
        ),
        (
            "/api/v1/rooms",
            json!({"name": "", "visibility": "secret", "room_id": "-"}),
            &["body.name", "body.visibility", "body.room_id"],
        ),
        (
            "/api/v1/api-keys",
            json!({"name": " ", "scopes": ["all"], "expires_at": "2001-01-01T00:00:00Z"}),
            &["body.name", "body.scopes.0", "body.expires_at"],
        ),
        (
            "/api/v1/spiders",
            json!({"name": "..", "runner": "magic", "start_urls": ["https://ann:secret@a.example/"]}),
            &["body.name", "body.runner", "body.start_urls.0"],
        ),
        (
            "/api/v1/chat/send",
            json!({"text": 5, "client_message_id": "", "upload_ids": 7}),
            &["body.text", "body.client_message_id", "body.upload_ids"],
        ),
    ] {
        let answer = ann.post(path, &body).await;

        assert_eq!(error_pointers(&answer), set(expected), "{path} {body}: {answer:?}");
    }
}

async fn bad_parameters_are_named_together_and_with_the_body(app: &TestApp) {
    let ann = app.admin("ann").await;

    let list = ann.get("/api/v1/properties?limit=0&bbox=1,2&cursor=!&price_min=-1&colour=red").await;
    assert_eq!(
        error_pointers(&list),
        set(&["query.limit", "query.bbox", "query.cursor", "query.price_min", "query.colour"])
    );
    let made = ann.post("/api/v1/users?colour=red", &json!({"username": "", "role": "boss"})).await;
    assert_eq!(error_pointers(&made), set(&["query.colour", "body.username", "body.role", "body.email"]));
    // A parameter of a wrong type is reported together with the body's errors.
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let batch =
        worker.post("/api/v1/properties/batch?notify=loud", &json!({"job_id": -1, "items": "x"})).await;
    assert_eq!(error_pointers(&batch), set(&["query.notify", "body.job_id", "body.items"]));
    // Also one in the path.
    let bob = app.member("bob").await;
    let sent = bob.post("/api/v1/direct-messages/abc", &json!({"text": "", "client_message_id": 5})).await;
    assert_eq!(error_pointers(&sent), set(&["path.user_id", "body.text", "body.client_message_id"]));
    let joined = text(&ann, "PUT", "/api/v1/rooms/lobby/members/xx", r#"{"role": "boss"}"#).await;
    assert_eq!(error_pointers(&joined), set(&["path.user_id", "body.role"]));
    // Also a text in the path that is too long or blank, with a good body and with a bad one.
    let by_key = |key: &str| format!("/api/v1/properties/by-key/S/{key}");
    for key in ["%20", &"k".repeat(201)] {
        let bodies = [(r#"{"list_price": "5"}"#, &["body.list_price"][..]), (r#"{"list_price": 5}"#, &[])];
        for (body, more) in bodies {
            let put = text(&worker, "PUT", &by_key(key), body).await;
            let expected = [&["path.listing_key"][..], more].concat();
            assert_eq!(error_pointers(&put), set(&expected), "{key} {body}");
        }
    }
    // Query parameters may take the place of a body: without either, what is missing is named as well.
    let none = app.http.post(app.url("/api/v1/admin/broadcast?zz=1")).bearer_auth(ann.token());
    assert_eq!(error_pointers(&Response::send(none).await), set(&["query.zz", "query.message"]));
    let form = app.http.post(app.url("/api/v1/auth/token?zz=1"));
    let form = form.header("content-type", "application/x-www-form-urlencoded");
    let signed_in = Response::send(form.body("username=a&username=b&password=")).await;
    assert!(error_pointers(&signed_in).is_superset(&set(&["query.zz", "body.username"])), "{signed_in:?}");
    let events = ann.get("/api/v1/events?limit=0&subscriptions=foo,bar&z=1").await;
    assert_eq!(error_pointers(&events), set(&["query.limit", "query.subscriptions", "query.z"]));
    // A caller without permission gets only that refusal.
    bob.post("/api/v1/users?colour=red", &json!({"username": ""})).await.expect_problem(403, "forbidden");
}

async fn null_is_refused_where_it_would_empty_what_cannot_be_empty(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let path = format!("/api/v1/users/{}", bob.id);

    let bad = ann.patch(&path, &json!({"role": null, "is_active": null, "email": null})).await;
    let good = ann.patch(&path, &json!({"display_name": null, "avatar_url": null})).await;

    assert_eq!(error_pointers(&bad), set(&["body.role", "body.is_active", "body.email"]));
    assert_eq!(good.status, 200, "{good:?}");
    let room = ann.post("/api/v1/rooms", &json!({"name": "Elm", "visibility": "public"})).await.json();
    let path = format!("/api/v1/rooms/{}", room["room_id"].as_str().unwrap());
    assert_eq!(error_pointers(&ann.patch(&path, &json!({"name": null})).await), set(&["body.name"]));
    assert_eq!(ann.patch(&path, &json!({"topic": null})).await.status, 200);
}

async fn null_is_refused_in_a_change_and_absent_in_what_is_made_new(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::JobsRun]).await;
    let lists = r#""runner": "external", "start_urls": null, "allowed_hosts": null"#;

    for (caller, path, body) in [
        (&**ann, "/api/v1/spiders", &*format!(r#"{{"name": "p", {lists}}}"#)),
        (
            &ann,
            "/api/v1/jobs",
            r#"{"spider_name": "auto", "target_urls": ["https://a.example/"], "max_pages": null}"#,
        ),
        (&ann, "/api/v1/chat/send", r#"{"text": "hi", "room_id": null}"#),
        (&worker, "/api/v1/workers/claim", r#"{"wait_seconds": null}"#),
    ] {
        let made = text(caller, "POST", path, body.to_owned()).await;
        assert!(made.status < 300, "{path}: {made:?}");
    }
    let member = format!("/api/v1/rooms/lobby/members/{}", bob.id);
    for (path, body, expected) in [
        (member.as_str(), r#"{"is_owner": null}"#, &["body.is_owner"][..]),
        ("/api/v1/spiders/p", &format!("{{{lists}}}"), &["body.start_urls", "body.allowed_hosts"]),
    ] {
        let refused = text(&ann, "PUT", path, body.to_owned()).await;
        assert_eq!(error_pointers(&refused), set(expected), "{path}: {refused:?}");
    }
    // In a listing null empties a field.
    let put =
        text(&worker, "PUT", "/api/v1/properties/by-key/s/k", r#"{"list_price": 5, "stories": null}"#).await;
    assert!(put.status < 300, "{put:?}");
}

async fn an_id_that_is_no_uuid_is_named_wherever_it_is(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bad = "not-a-uuid";

    for (method, path, body, place) in [
        ("PATCH", "messages/not-a-uuid", r#"{"text": "hi"}"#, "path.message_id"),
        ("DELETE", "messages/not-a-uuid", "", "path.message_id"),
        ("GET", "uploads/not-a-uuid", "", "path.upload_id"),
        ("GET", "uploads/not-a-uuid/content", "", "path.upload_id"),
        ("DELETE", "uploads/not-a-uuid", "", "path.upload_id"),
        ("PATCH", "api-keys/not-a-uuid", r#"{"null_semantics": "empty"}"#, "path.key_id"),
        ("DELETE", "api-keys/not-a-uuid", "", "path.key_id"),
        ("DELETE", "connections/not-a-uuid", "", "path.connection_id"),
        ("DELETE", "auth/sessions/not-a-uuid", "", "path.session_id"),
        ("POST", "notifications/not-a-uuid/read", "", "path.notification_id"),
        ("POST", "rooms/lobby/read", r#"{"message_id": "not-a-uuid"}"#, "body.message_id"),
    ] {
        let refused = text(&ann, method, &format!("/api/v1/{path}"), body).await;

        assert_eq!(error_pointers(&refused), set(&[place]), "{method} {path}");
        assert_eq!(refused.json()["errors"][0]["msg"], "must be a UUID", "{method} {path}");
        assert!(!refused.text.contains(bad), "{refused:?}");
    }
    let never = "0198c0de-0000-7000-8000-000000000000";
    ann.delete(&format!("/api/v1/messages/{never}")).await.expect_problem(404, "not_found");
    ann.get(&format!("/api/v1/uploads/{never}")).await.expect_problem(404, "not_found");
}

async fn text(caller: &Caller<'_>, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Response {
    let request = caller.app.http.request(method.parse().unwrap(), caller.app.url(path));
    let request = request.bearer_auth(caller.token()).header("content-type", "application/json").body(body);
    Response::send(request).await
}

async fn numbers_are_taken_as_json_has_them_and_never_rounded(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let job =
        "{\"spider_name\": \"auto\", \"target_urls\": [\"https://homes.example/\"], \"max_pages\": 3.0}";

    let made = text(&ann, "POST", "/api/v1/jobs", format!("\u{feff}{job}")).await;
    assert_eq!((made.status, &made.json()["settings"]["max_pages"]), (201, &json!(3)), "{made:?}");

    let put = "{\"bedrooms_total\": 3.0, \"attributes\": {\"n\": [9223372036854775808]}}";
    let refused = text(&worker, "PUT", "/api/v1/properties/by-key/s/k", put).await;
    assert_eq!(error_pointers(&refused), set(&["body.attributes.n.0"]));
    let rows = "{\"items\": [{\"source\": \"s\", \"listing_key\": \"k\", \"attributes\": {\"n\": \
                123456789012345678901234567890}}, {\"source\": \"s\", \"listing_key\": \"\\ud800\"}, \
                {\"source\": \"s\", \"listing_key\": \"k\", \"bedrooms_total\": 3.0, \"attributes\": {\"n\": \
                9007199254740993}}]}";
    let batch = text(&worker, "POST", "/api/v1/properties/batch", format!("\u{feff}{rows}")).await.json();
    assert_eq!((&batch["accepted"], &batch["rejected"]), (&json!(1), &json!(2)), "{batch}");
    let stored = ann.get("/api/v1/properties").await;
    assert!(stored.text.contains("9007199254740993"), "{stored:?}");
}

async fn a_row_of_a_batch_names_every_bad_field(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let item = json!({"source": "s", "listing_key": "", "list_price": "x", "latitude": 100, "colour": "red"});

    let batch = worker.post("/api/v1/properties/batch", &json!({"items": [item]})).await.json();

    let error = batch["results"][0]["error"].as_str().unwrap();
    for field in ["listing_key", "list_price", "latitude", "colour"] {
        assert!(error.contains(&format!("{field}: ")), "{field} in {error}");
    }
}

async fn a_row_that_cannot_be_read_names_the_field_and_sinks_no_other(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deep = format!(r#"{{"source": "s", "listing_key": "b", "attributes": {{"a": {deep}}}}}"#);
    let rows: [&[u8]; 5] = [
        br#"{"source": "s", "listing_key": "\ud800"}"#,
        br#"{"source": "s", "listing_key": "a", "list_price": 1e400}"#,
        deep.as_bytes(),
        b"{\"source\": \"s\", \"listing_key\": \"c\", \"property_type\": \"B\xfcro\"}",
        br#"{"source": "s", "listing_key": "d", "property_type": "B\u00fcro"}"#,
    ];
    let body = [b"{\"items\": [".as_slice(), &rows.join(&b","[..]), b"]}"].concat();

    let batch = text(&worker, "POST", "/api/v1/properties/batch", body).await.json();

    let error = |index: usize| batch["results"][index]["error"].as_str().unwrap_or_default();
    assert_eq!(error(0), "listing_key: has a text with half of a surrogate pair");
    assert_eq!(error(1), "list_price: has a number that is too large");
    assert_eq!(error(2), "attributes: is nested too deeply");
    assert_eq!(error(3), "property_type: has a text that is not UTF-8");
    assert_eq!((&batch["accepted"], &batch["rejected"]), (&json!(1), &json!(4)), "{batch}");
    let broken = text(&worker, "POST", "/api/v1/properties/batch", b"{\"items\": [{}, \xff]}".to_vec()).await;
    broken.expect_problem(400, "invalid_json");
}

async fn a_price_that_is_too_large_is_answered_with_the_largest(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;

    let refused =
        text(&worker, "PUT", "/api/v1/properties/by-key/s/k", r#"{"list_price": 45035996273704.97}"#).await;

    assert_eq!(error_pointers(&refused), set(&["body.list_price"]));
    let words = refused.json()["errors"][0]["msg"].as_str().unwrap().to_owned();
    assert!(words.contains("from 0 to 45035996273704.96"), "{words}");
}

async fn a_bad_log_line_rejects_no_other(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::LogsWrite]).await;
    let new = json!({"spider_name": "auto", "target_urls": ["https://homes.example/"]});
    let job = ann.post("/api/v1/jobs", &new).await.json()["job_id"].to_string();
    let path = format!("/api/v1/jobs/{job}/logs");
    let long = "x".repeat(8 * 1024 + 1);
    let lines = [
        "{\"level\": \"info\", \"message\": \"one\"}".to_owned(),
        "{\"level\": \"INFO\", \"message\": \"two\"}".to_owned(),
        "{\"level\": \"info\", \"message\": \"\\ud800\"}".to_owned(),
        "{\"level\": \"info\", \"message\": \"a\\u0000b\"}".to_owned(),
        format!("{{\"level\": \"info\", \"message\": \"{long}\"}}"),
        "{\"level\": \"error\", \"message\": \"last\"}".to_owned(),
    ];

    for (kind, body) in [
        ("application/json", format!("{{\"lines\": [{}]}}", lines.join(","))),
        ("application/x-ndjson", format!("\u{feff}{}", lines.join("\n"))),
    ] {
        let request = app.http.post(app.url(&path)).bearer_auth(worker.token());
        let answer = Response::send(request.header("content-type", kind).body(body)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let received = answer.json();

        assert_eq!((&received["stored"], &received["rejected"]), (&json!(2), &json!(4)), "{received}");
        let status = |index: usize| received["results"][index]["status"].as_str().unwrap().to_owned();
        assert_eq!(
            (0..6).map(status).collect::<Vec<_>>(),
            ["stored", "error", "error", "error", "error", "stored"]
        );
        assert!(
            received["results"][1]["error"].as_str().unwrap().starts_with("level: must be one of"),
            "{received}"
        );
        assert_eq!(received["results"][2]["error"], "message: has a text with half of a surrogate pair");
    }
    let kept = ann.get(&path).await.json();
    assert_eq!(kept["data"].as_array().map(Vec::len), Some(4), "{kept}");
}

async fn an_out_of_bounds_number_is_refused_with_the_bounds_once(app: &TestApp) {
    let (ann, root) = (app.admin("ann").await, app.operator("root").await);
    let received = |answer: &Response| {
        let problem = answer.expect_problem(422, "validation_failed");
        let words =
            problem["errors"].as_array().unwrap().iter().map(|one| one["msg"].as_str().unwrap().to_owned());
        words.collect::<Vec<_>>()
    };

    for limit in ["-1", "0", "201", "99999999999999999999999", "", "ten"] {
        let answer = ann.get(&format!("/api/v1/users?limit={limit}")).await;
        assert_eq!(received(&answer), ["must be a whole number from 1 to 200"], "{limit:?}");
    }
    let most = "9007199254740991";
    for id in ["x", "9223372036854775808"] {
        let answer = ann.get(&format!("/api/v1/jobs/{id}")).await;
        assert_eq!(received(&answer), [format!("must be a whole number from 1 to {most}")], "{id}");
    }
    ann.get("/api/v1/jobs/0").await.expect_problem(404, "not_found");
    let tenant = format!("/api/v1/tenants/{}", app.acme);
    for number in ["-1", "9223372036854775808", "99999999999999999999999"] {
        let body = format!("{{\"quotas\": {{\"connections\": {number}}}}}");
        let answer = text(&root, "PATCH", &tenant, body).await;
        assert_eq!(received(&answer), [format!("must be a whole number from 0 to {most}")], "{number}");
    }
}

async fn the_error_of_a_pattern_is_plain_text(app: &TestApp) {
    let ann = app.admin("ann").await;

    let room =
        ann.post("/api/v1/rooms", &json!({"name": "x", "visibility": "public", "room_id": "A b"})).await;
    let broadcast = ann.post("/api/v1/admin/broadcast", &json!({"message": "x", "audience": "all"})).await;

    for answer in [room, broadcast] {
        let problem = answer.expect_problem(422, "validation_failed");
        let words = problem["errors"][0]["msg"].as_str().unwrap();
        assert!(!words.contains('^') && !words.contains("must match"), "{words}");
    }
}
