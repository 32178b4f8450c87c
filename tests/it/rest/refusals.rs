//! What a refusal contains besides its fields: what is missing, what is taken, and OAuth2's error codes.

use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;
use crate::support::raw::RawConnection;

on_both_databases! {
    a_conflict_names_the_fields_that_are_taken,
    a_refusal_names_the_permission_that_is_needed,
    the_token_endpoint_speaks_oauth,
    an_empty_patch_changes_nothing_and_a_patch_answers_the_new_tag,
    a_json_patch_is_of_a_type_that_is_not_taken,
    options_answers_the_methods,
    options_of_the_server_answers_all_its_methods,
    answers_say_that_they_are_one_callers_own,
    a_url_means_the_same_in_every_field,
}

async fn a_conflict_names_the_fields_that_are_taken(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = json!({"username": "bob", "email": "bob@x.example", "role": "member"});
    assert_eq!(ann.post("/api/v1/users", &bob).await.status, 201);
    let room = json!({"name": "Elm", "visibility": "public", "room_id": "elm"});
    assert_eq!(ann.post("/api/v1/rooms", &room).await.status, 201);
    let spider = json!({"name": "portal", "runner": "external"});
    assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);

    for (path, body, pointers) in [
        ("/api/v1/users", bob, &["/username", "/email"][..]),
        (
            "/api/v1/users",
            json!({"username": "BOB", "email": "new@x.example", "role": "member"}),
            &["/username"],
        ),
        ("/api/v1/rooms", room, &["/room_id"]),
        ("/api/v1/spiders", spider, &["/name"]),
        ("/api/v1/spiders", json!({"name": "auto", "runner": "external"}), &["/name"]),
    ] {
        let problem = ann.post(path, &body).await.expect_problem(409, "conflict");
        let named: Vec<_> = problem["errors"]
            .as_array()
            .unwrap()
            .iter()
            .map(|error| error["pointer"].as_str().unwrap())
            .collect();

        assert_eq!(named, pointers, "{path} {body}");
    }
    let operator = app.operator("root").await;
    let taken = operator.post("/api/v1/tenants", &json!({"slug": "acme", "name": "Acme"})).await;
    assert_eq!(taken.expect_problem(409, "conflict")["errors"][0]["pointer"], "/slug");
}

async fn a_refusal_names_the_permission_that_is_needed(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let key = app.worker(&ann, &[KeyScope::EventsRead]).await;

    let member = bob.get("/api/v1/users").await;
    assert!(member.expect_problem(403, "forbidden")["detail"].as_str().unwrap().contains("the role admin"));
    let scoped = key.post("/api/v1/workers/claim", &json!({})).await;
    assert!(scoped.expect_problem(403, "forbidden")["detail"].as_str().unwrap().contains("jobs:run"));
    let challenge = scoped.header("www-authenticate").unwrap();
    assert!(challenge.contains("error=\"insufficient_scope\", scope=\"jobs:run\""), "{challenge}");
    let bad = Caller { app, credential: Some("a.b.c".to_owned()) }.get("/api/v1/users/me").await;
    bad.expect_problem(401, "unauthenticated");
    assert!(bad.header("www-authenticate").unwrap().contains("error=\"invalid_token\""), "{bad:?}");
    let none = app.anonymous().get("/api/v1/users/me").await;
    assert!(!none.header("www-authenticate").unwrap().contains("error"), "{none:?}");
}

async fn form(app: &TestApp, text: &str) -> Response {
    let request = app.http.post(app.url("/api/v1/auth/token"));
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(text.to_owned());
    Response::send(request).await
}

async fn the_token_endpoint_speaks_oauth(app: &TestApp) {
    app.member("bob").await;

    for (text, status, error) in [
        ("username=acme/bob&password=x", 401, "invalid_grant"),
        ("grant_type=magic&username=a&password=b", 422, "unsupported_grant_type"),
        ("grant_type=refresh_token&refresh_token=llr_x", 401, "invalid_grant"),
        ("username=acme/bob", 422, "invalid_request"),
        ("username=bob&password=x&scope=tenant:acme%20tenant:other", 422, "invalid_scope"),
    ] {
        let answer = form(app, text).await;
        let problem = answer.json();

        assert_eq!((answer.status, problem["error"].as_str()), (status, Some(error)), "{text}: {problem}");
        assert_eq!(problem["error_description"], problem["detail"], "{text}");
    }
    let elsewhere = app.anonymous().get("/api/v1/users/me").await.json();
    assert!(elsewhere.get("error").is_none(), "{elsewhere}");
}

async fn an_empty_patch_changes_nothing_and_a_patch_answers_the_new_tag(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let operator = app.operator("root").await;
    let room = ann.post("/api/v1/rooms", &json!({"name": "Elm", "visibility": "public"})).await.json();
    let room = format!("/api/v1/rooms/{}", room["room_id"].as_str().unwrap());
    let tenant = format!("/api/v1/tenants/{}", app.acme.0);

    for (caller, path, change) in [
        (&**ann, format!("/api/v1/users/{}", bob.id), json!({"display_name": "Bobby"})),
        (&**ann, room, json!({"topic": "Phase two"})),
        (&*operator, tenant, json!({"name": "Acme Homes"})),
    ] {
        let before = caller.get(&path).await;
        app.clock.advance(std::time::Duration::from_secs(5));
        let empty = caller.patch(&path, &json!({})).await;
        let changed = caller.patch(&path, &change).await;
        let same = caller.patch(&path, &change).await;
        let after = caller.get(&path).await;

        assert_eq!((empty.status, empty.header("etag")), (200, before.header("etag")), "{path}");
        assert_eq!(empty.json()["updated_at"], before.json()["updated_at"], "{path}");
        assert_eq!((changed.status, changed.header("etag")), (200, after.header("etag")), "{path}");
        assert_ne!(after.header("etag"), before.header("etag"), "{path}");
        assert_eq!(same.header("etag"), after.header("etag"), "{path}");
    }
}

async fn a_json_patch_is_of_a_type_that_is_not_taken(app: &TestApp) {
    let ann = app.admin("ann").await;
    let path = app.url(&format!("/api/v1/users/{}", ann.id));
    let patch = |kind: &str| {
        let request = app.http.patch(&path).bearer_auth(ann.token()).header("content-type", kind);
        Response::send(request.body("{\"display_name\": \"Ann\"}"))
    };

    for kind in ["application/json-patch+json", "application/vnd.api+json", "application/ld+json"] {
        patch(kind).await.expect_problem(415, "unsupported_media_type");
    }
    for kind in ["application/merge-patch+json", "application/json; charset=utf-8"] {
        assert_eq!(patch(kind).await.status, 200, "{kind}");
    }
}

async fn options_answers_the_methods(app: &TestApp) {
    for (path, methods) in [
        ("/api/v1/users", "GET, HEAD, OPTIONS, POST"),
        ("/api/v1/users/7", "DELETE, GET, HEAD, OPTIONS, PATCH"),
        ("/readyz", "GET, HEAD, OPTIONS"),
    ] {
        let answer = Response::send(app.http.request(reqwest::Method::OPTIONS, app.url(path))).await;

        assert_eq!((answer.status, answer.header("allow")), (204, Some(methods)), "{path}");
    }
    let unknown =
        Response::send(app.http.request(reqwest::Method::OPTIONS, app.url("/api/v1/nowhere"))).await;
    unknown.expect_problem(404, "not_found");
}

async fn options_of_the_server_answers_all_its_methods(app: &TestApp) {
    let mut raw = RawConnection::connect(app.address).await;
    raw.send(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let answer = raw.response().await.unwrap();

    assert_eq!(answer.status, 204, "{}", answer.head);
    let head = answer.head.to_lowercase();
    let allowed = "allow: delete, get, head, options, patch, post, put";
    assert!(head.lines().any(|line| line == allowed), "{head}");
}

async fn answers_say_that_they_are_one_callers_own(app: &TestApp) {
    let ann = app.admin("ann").await;

    for path in ["/api/v1/users/me", "/api/v1/users", "/api/v1/stats"] {
        assert_eq!(ann.get(path).await.header("cache-control"), Some("private, no-cache"), "{path}");
    }
    let spider = json!({"name": "portal", "runner": "external"});
    let made = ann.post("/api/v1/spiders", &spider).await;
    assert_eq!(made.header("cache-control"), Some("private, no-cache"));
    // A context with secrets requires more.
    let ticket = ann.post("/api/v1/auth/socket-ticket", &json!({})).await;
    assert_eq!(ticket.header("cache-control"), Some("no-store"));
}

async fn a_url_means_the_same_in_every_field(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let words = lotline::base::web_url::EXPECTED;
    let spider = |url: &str| json!({"name": "p", "runner": "external", "start_urls": [url]});

    for url in [
        "https://ann:secret@homes.example/",
        "https://ann@homes.example/",
        "http://@homes.example/",
        "http://:@homes.example/",
        "http:homes.example",
        "http:/homes.example/a",
        "http:///homes.example",
        "http://",
        "http://homes.example/a b",
        "ftp://homes.example/",
        "homes.example",
    ] {
        let answers = [
            ann.post("/api/v1/jobs", &json!({"spider_name": "auto", "target_urls": [url]})).await,
            ann.post("/api/v1/spiders", &spider(url)).await,
            ann.patch(&format!("/api/v1/users/{}", ann.id), &json!({"avatar_url": url})).await,
        ];
        for refused in answers {
            let problem = refused.expect_problem(422, "validation_failed");
            assert_eq!(problem["errors"][0]["msg"], words, "{url}: {problem}");
            assert!(!refused.text.contains("secret"), "{refused:?}");
        }
        let item = json!({"source": "s", "listing_key": "k", "source_url": url});
        let batch = worker.post("/api/v1/properties/batch", &json!({"items": [item]})).await.json();
        assert_eq!(batch["results"][0]["error"], format!("source_url: {words}"), "{url}");
    }
    for url in ["http://homes.example", "HTTPS://homes.example:8443/a?b=ann@c.example#d"] {
        let item = json!({"source": "s", "listing_key": "k", "source_url": url});
        let batch = worker.post("/api/v1/properties/batch", &json!({"items": [item]})).await.json();
        assert_eq!(batch["accepted"], 1, "{batch}");
        let me = ann.patch(&format!("/api/v1/users/{}", ann.id), &json!({"avatar_url": url})).await;
        assert_eq!((me.status, me.json()["avatar_url"].as_str()), (200, Some(url)));
    }
}
