//! Request bodies: size limits, how much is buffered, and that no body is read for refused callers.

use std::time::Duration;

use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use lotline::auth::key_scope::KeyScope;
use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::raw::RawConnection;
use crate::support::settings::Setting;
use crate::support::wait::{eventually, within};

const SMALL: &[Setting] =
    &[("LOTLINE__LIMITS__BODY_BYTES", "2048"), ("LOTLINE__LIMITS__BATCH_BYTES", "4096")];
const TIGHT: &[Setting] = &[
    ("LOTLINE__LIMITS__BODY_BYTES", "65536"),
    ("LOTLINE__LIMITS__BATCH_BYTES", "65536"),
    ("LOTLINE__LIMITS__BODIES_IN_FLIGHT_BYTES", "1048576"),
    ("LOTLINE__SERVER__TRUSTED_PROXIES", "127.0.0.1"),
];

on_both_databases! {
    no_operation_reads_a_body_before_the_credential_is_checked,
    a_caller_without_a_credential_may_send_sixteen_kib,
    the_limits_of_bodies_and_batches_are_those_of_the_configuration with super::SMALL,
    unfinished_bodies_of_one_tenant_are_refused_beyond_its_share_and_others_are_served with super::TIGHT,
    unfinished_bodies_of_strangers_are_refused_beyond_their_share with super::TIGHT,
    a_body_that_trickles_is_given_up_and_its_bytes_are_free_again with super::TIGHT,
    a_batch_that_would_be_huge_in_memory_is_refused_by_its_rule,
}

async fn no_operation_reads_a_body_before_the_credential_is_checked(app: &TestApp) {
    let document = app.anonymous().get("/openapi.json").await.json();
    let mut walked = 0;
    let mut wrong = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let security = operation["security"].as_array();
            let is_open =
                security.is_none_or(|all| all.is_empty() || all.iter().any(|one| one == &json!({})));
            if is_open {
                continue;
            }
            let content = operation["requestBody"]["content"].as_object();
            let kind =
                content.and_then(|content| content.keys().next()).map_or("application/json", String::as_str);
            let path: Vec<_> =
                path.split('/').map(|part| if part.starts_with('{') { "1" } else { part }).collect();
            let base = document["servers"][0]["url"].as_str().unwrap_or_default().trim_end_matches('/');
            let head = format!(
                "{} {base}{} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}; boundary=x\r\n\
                 Idempotency-Key: k\r\nContent-Length: 1000000\r\n\r\n{{",
                method.to_uppercase(),
                path.join("/"),
            );
            let mut raw = RawConnection::connect(app.address).await;
            raw.send(head.as_bytes()).await;
            let status = raw.response().await.map_or(0, |answer| answer.status);
            if status != 401 {
                wrong.push(format!("{}: {status}", head.lines().next().unwrap()));
            }
            walked += 1;
        }
    }

    assert_eq!(wrong.join("\n"), "");
    assert!(walked > 60, "{walked} operations");
}

/// The status of the answer to a head alone: no byte of the body is sent.
async fn to_a_head(app: &TestApp, path: &str, kind: &str, fields: &str) -> u16 {
    let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\n{fields}\r\n\r\n");
    let mut raw = RawConnection::connect(app.address).await;
    raw.send(head.as_bytes()).await;
    raw.response().await.map_or(0, |answer| answer.status)
}

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

async fn a_caller_without_a_credential_may_send_sixteen_kib(app: &TestApp) {
    // Registration is off, and is refused before the body is read.
    assert_eq!(to_a_head(app, "/api/v1/auth/register", JSON, "Content-Length: 1000").await, 403);
    for (path, kind) in [("/api/v1/auth/token", FORM), ("/api/v1/auth/password", JSON)] {
        assert_eq!(to_a_head(app, path, kind, "Content-Length: 16385").await, 413, "{path}");
        assert_eq!(to_a_head(app, path, kind, "Content-Length: 100000000").await, 413, "{path}");
        // Without a length it is refused as soon as it is too large.
        let mut raw = RawConnection::connect(app.address).await;
        let chunk = format!("4400\r\n{}\r\n", "x".repeat(0x4400));
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {kind}\r\nTransfer-Encoding: chunked\r\n\r\n"
        );
        raw.send(format!("{head}{chunk}").as_bytes()).await;
        assert_eq!(raw.response().await.unwrap().status, 413, "{path}");
    }
    let fits = format!("username=nobody&password={}", "x".repeat(4000));
    let request = app.http.post(app.url("/api/v1/auth/token")).header("content-type", FORM).body(fits);
    assert_eq!(Response::send(request).await.status, 401);
    // Callers with a credential keep the full limit.
    let bob = app.member("bob").await;
    let long = json!({ "current_password": "x".repeat(100_000), "new_password": "x" });
    assert_eq!(bob.post("/api/v1/auth/password", &long).await.status, 422);
}

async fn the_limits_of_bodies_and_batches_are_those_of_the_configuration(app: &TestApp) {
    let bob = app.admin("bob").await;
    let worker = app.worker(&bob, &[KeyScope::PropertiesWrite]).await;
    let chat = |length: usize| json!({ "text": "x".repeat(length) });
    let batch = |length: usize| json!({ "items": [{ "source": "s", "listing_key": "k", "property_type": "x".repeat(length) }] });

    assert!(bob.post("/api/v1/chat/send", &chat(900)).await.status < 300);
    let refused = bob.post("/api/v1/chat/send", &chat(2100)).await.expect_problem(413, "payload_too_large");
    assert_eq!(refused["detail"], "The body is larger than 2048 bytes.");
    assert_eq!(worker.post("/api/v1/properties/batch", &batch(2100)).await.status, 200);
    let refused =
        worker.post("/api/v1/properties/batch", &batch(4100)).await.expect_problem(413, "payload_too_large");
    assert_eq!(refused["detail"], "The body is larger than 4096 bytes.");
}

/// Connections that have sent most of a body, opened until `refusals` of them were refused; returns those that wait.
async fn unfinished(
    app: &TestApp,
    count: usize,
    refusals: usize,
    head: &str,
    bytes: usize,
) -> impl Stream<Item = u16> {
    let mut waiting = FuturesUnordered::new();
    for _ in 0..count {
        let mut raw = RawConnection::connect(app.address).await;
        raw.send(format!("{head}\r\n\r\n{}", "x".repeat(bytes)).as_bytes()).await;
        waiting.push(async move { raw.response().await.map_or(0, |answer| answer.status) });
    }
    for _ in 0..refusals {
        assert_eq!(within("a refusal", waiting.next()).await, Some(503));
    }
    waiting
}

/// Opens more of them until `status`, the answer to a whole request, is a refusal: bodies read at the same moment may
/// all have been refused, leaving a part of the share free.
async fn open_unfinished_bodies(
    app: &TestApp,
    head: &str,
    bytes: usize,
    status: impl AsyncFn() -> u16,
) -> Vec<impl Stream<Item = u16>> {
    let mut more = Vec::new();
    while status().await != 503 {
        assert!(more.len() < 20, "the share is never full");
        more.push(unfinished(app, 1, 0, head, bytes).await);
    }
    more
}

async fn unfinished_bodies_of_one_tenant_are_refused_beyond_its_share_and_others_are_served(app: &TestApp) {
    let (bob, ann, zoe) = (app.member("bob").await, app.admin("ann").await, app.stranger("zoe").await);
    let head = format!(
        "POST /api/v1/chat/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {JSON}\r\n\
         Content-Length: 65536",
        bob.token()
    );

    // Half a MiB is the tenant's share, and a body takes 64 KiB.
    let open = unfinished(app, 20, 12, &head, 65_000).await;

    let say_hello = async || ann.post("/api/v1/chat/send", &json!({ "text": "hello" })).await;
    let more = open_unfinished_bodies(app, &head, 65_000, async || say_hello().await.status).await;
    let own = say_hello().await;
    own.expect_problem(503, "unavailable");
    assert!(own.header("retry-after").is_some());
    assert!(zoe.post("/api/v1/chat/send", &json!({ "text": "hello" })).await.status < 300);
    drop((open, more));
    eventually("the bytes to be given back", async || {
        ann.post("/api/v1/chat/send", &json!({ "text": "hello" })).await.status < 300
    })
    .await;
}

async fn unfinished_bodies_of_strangers_are_refused_beyond_their_share(app: &TestApp) {
    let head = format!(
        "POST /api/v1/auth/token HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 203.0.113.1\r\nContent-Type: {FORM}\r\n\
         Content-Length: 16384"
    );

    // An address may use a 32nd of a MiB.
    let open = unfinished(app, 6, 4, &head, 16_000).await;

    let sign_in = |address: &str| {
        let request = app.http.post(app.url("/api/v1/auth/token")).header("x-forwarded-for", address);
        request.header("content-type", FORM).body("username=nobody&password=wrong-horse")
    };
    let more = open_unfinished_bodies(app, &head, 16_000, async || {
        Response::send(sign_in("203.0.113.1")).await.status
    })
    .await;
    Response::send(sign_in("203.0.113.1")).await.expect_problem(503, "unavailable");
    assert_eq!(Response::send(sign_in("203.0.113.2")).await.status, 401);
    drop((open, more));
    eventually("the bytes to be given back", async || {
        Response::send(sign_in("203.0.113.1")).await.status == 401
    })
    .await;
}

async fn a_body_that_trickles_is_given_up_and_its_bytes_are_free_again(app: &TestApp) {
    let bob = app.member("bob").await;
    let head = format!(
        "POST /api/v1/chat/send HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {JSON}\r\n\
         Content-Length: 65536\r\n\r\n",
        bob.token()
    );
    let mut raw = RawConnection::connect(app.address).await;
    raw.send(head.as_bytes()).await;
    raw.send(&[b' '; 30_000]).await;

    // It never pauses for 30 seconds, but is slower than the minimum rate.
    let trickling = async {
        loop {
            raw.send(b" ").await;
            tokio::time::timeout(Duration::from_millis(5), std::future::pending::<()>()).await.unwrap_err();
            app.clock.advance(Duration::from_secs(1));
            if let Ok(answer) = tokio::time::timeout(Duration::from_millis(1), raw.response()).await {
                return answer;
            }
        }
    };
    let answer = within("the body to be given up", trickling).await.unwrap();

    assert_eq!(answer.status, 408, "{answer:?}");
    assert!(answer.body.contains("too slowly"), "{answer:?}");
}

async fn a_batch_that_would_be_huge_in_memory_is_refused_by_its_rule(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let zeros = |count: usize| format!("[{}0]", "0,".repeat(count));
    let post = |body: String| {
        let request = app.http.post(app.url("/api/v1/properties/batch"));
        Response::send(
            request
                .header("content-type", JSON)
                .bearer_auth(worker.credential.as_deref().unwrap())
                .body(body),
        )
    };

    for body in [
        zeros(1_000_000),
        format!("{{\"items\": {}}}", zeros(1_000_000)),
        format!("{{\"job_id\": {}}}", zeros(1_000_000)),
    ] {
        post(body).await.expect_problem(422, "validation_failed");
    }
    // Each row gets its own answer, whatever it contains.
    let rows = [
        format!(
            "{{\"source\": \"s\", \"listing_key\": \"k\", \"attributes\": {{\"a\": {}}}}}",
            zeros(1_000_000)
        ),
        format!("{{\"list_price\": {}}}", zeros(1_000_000)),
        format!(
            "{{\"source\": \"s\", \"listing_key\": \"k2\", \"attributes\": {{\"a\": {}}}}}",
            zeros(7_000)
        ),
    ];
    let answer = post(format!("{{\"items\": [{}]}}", rows.join(","))).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer = answer.json();
    let errors: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["error"].as_str().unwrap_or_default())
        .collect();
    assert!(errors[0].contains("16 KiB") && errors[1].contains("must be a number"), "{answer}");
    assert_eq!((errors[2], answer["results"][2]["status"].as_str()), ("", Some("created")), "{answer}");
}
