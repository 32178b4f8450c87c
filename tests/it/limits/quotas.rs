//! Quotas of a tenant: what they refuse, and for how long.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Operator;
use crate::support::settings::Setting;

const JOBS: &str = "/api/v1/jobs";
const MESSAGES: &[Setting] = &[("LOTLINE__LIMITS__MESSAGES_PER_TENANT", "4")];
const CONNECTS: &[Setting] = &[("LOTLINE__LIMITS__CONNECTS_PER_TENANT", "2")];
const CONNECTIONS: &[Setting] = &[("LOTLINE__LIMITS__CONNECTIONS_PER_TENANT", "2")];
const ADDRESSES: &[Setting] =
    &[("LOTLINE__LIMITS__CONNECTIONS_PER_ADDRESS", "2"), ("LOTLINE__SERVER__TRUSTED_PROXIES", "127.0.0.1")];
const BYTES: &[Setting] = &[("LOTLINE__LIMITS__BYTES_OUT_PER_TENANT", "2000")];
const FEW_CONNECTIONS: &[Setting] = &[("LOTLINE__SERVER__MAX_CONNECTIONS", "16")];
const PENDING: &[Setting] = &[("LOTLINE__LIMITS__PENDING_JOBS_PER_TENANT", "2")];

on_both_databases! {
    messages_of_all_sockets_of_a_tenant_count_together with super::MESSAGES,
    new_connections_are_counted_by_the_second with super::CONNECTS,
    a_tenant_has_so_many_connections_and_gets_them_back with super::CONNECTIONS,
    a_tenant_with_all_connections_it_can_get_leaves_some_to_others with super::FEW_CONNECTIONS,
    an_address_has_so_many_connections_and_a_64_is_one_address with super::ADDRESSES,
    bytes_beyond_the_quota_come_later_and_none_is_lost with super::BYTES,
    a_job_too_many_is_refused_until_one_is_gone with super::PENDING,
    operators_set_a_quota_and_leave_it_to_the_configuration_again with super::PENDING,
    bad_quotas_are_all_named_and_nothing_is_changed,
}

async fn messages_of_all_sockets_of_a_tenant_count_together(app: &TestApp) {
    let (mut one, mut two) =
        (app.member("bob").await.connects().await, app.member("cid").await.connects().await);
    let mut other = app.stranger("sue").await.connects().await;
    let ping = || json!({"type": "ping"});

    for _ in 0..2 {
        assert_eq!(one.request(ping()).await["type"], "pong");
        assert_eq!(two.request(ping()).await["type"], "pong");
    }
    one.send_json(ping()).await;
    let refused = one.next().await;

    assert_eq!((refused["type"].as_str(), refused["code"].as_str()), (Some("error"), Some("rate_limited")));
    assert!(refused["message"].as_str().unwrap().contains("tenant"), "{refused}");
    assert_eq!(other.request(ping()).await["type"], "pong");
    app.clock.advance(Duration::from_secs(1));
    assert_eq!(two.request(ping()).await["type"], "pong");
}

async fn new_connections_are_counted_by_the_second(app: &TestApp) {
    let (bob, sue) = (app.member("bob").await, app.stranger("sue").await);
    let (_one, _two) = (bob.connects().await, bob.connects().await);

    let refused = bob.socket_request("/ws").try_handshake().await;

    assert!(refused.expect_rate_limited().contains("2 new connections a second"), "{refused:?}");
    let _other = sue.connects().await;
    app.clock.advance(Duration::from_secs(1));
    let _third = bob.connects().await;
}

async fn a_tenant_has_so_many_connections_and_gets_them_back(app: &TestApp) {
    let (bob, cid) = (app.member("bob").await, app.member("cid").await);
    let sue = app.stranger("sue").await;
    let first = bob.connects().await;
    let _second = cid.connects().await;

    let refused = bob.socket_request("/ws").try_handshake().await;

    assert!(refused.expect_rate_limited().contains("2 open sockets and streams"), "{refused:?}");
    let _other = sue.connects().await;
    first.close().await;
    app.wait_for_connections(1).await;
    let _third = cid.connects().await;
}

async fn a_tenant_with_all_connections_it_can_get_leaves_some_to_others(app: &TestApp) {
    let people = [app.member("bob").await, app.member("cid").await, app.member("dan").await];
    let sue = app.stranger("sue").await;
    let mut open = Vec::new();
    for person in people.iter().flat_map(|person| [person; 5]).take(14) {
        open.push(person.connects().await);
    }

    let refused = people[2].socket_request("/ws").try_handshake().await;

    refused.expect_problem(503, "unavailable");
    assert!(refused.header("retry-after").is_some());
    let _other = sue.connects().await;
    open.pop();
    app.wait_for_connections(13).await;
    people[2].socket_request("/ws").try_handshake().await.expect_problem(503, "unavailable");
}

async fn an_address_has_so_many_connections_and_a_64_is_one_address(app: &TestApp) {
    let bob = app.member("bob").await;
    let from = |address: &str| bob.socket_request("/ws").header("x-forwarded-for", address);
    let _open = (from("2001:db8::1").open().await, from("2001:db8::2").open().await);

    let refused = from("2001:db8::3").try_handshake().await;

    assert!(refused.expect_rate_limited().contains("Your address"), "{refused:?}");
    let _other = from("2001:db8:0:1::3").open().await;
}

async fn bytes_beyond_the_quota_come_later_and_none_is_lost(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let (mut socket, mut other) = (ann.connects().await, sue.connects().await);
    let words = |number: usize| format!("{number} {}", "x".repeat(3_000));

    for number in 0..4 {
        ann.broadcasts(&words(number)).await;
    }
    sue.broadcasts("not held up").await;

    assert_eq!(other.next_of_type("system_notification").await["message"], "not held up");
    for number in 0..4 {
        let frame = app.while_time_passes(socket.next_of_type("system_notification")).await;
        assert_eq!(frame["message"], words(number));
    }
    let usage = ann.get("/api/v1/usage").await.json();
    let delayed = usage["data"].as_array().unwrap().iter().find(|one| one["quota"] == "bytes_out_per_second");
    assert!(delayed.unwrap()["refused"].as_u64() > Some(0), "{usage}");
}

fn job() -> Value {
    json!({ "spider_name": "auto", "target_urls": ["https://homes.example/"] })
}

async fn a_job_too_many_is_refused_until_one_is_gone(app: &TestApp) {
    let (bob, sue) = (app.member("bob").await, app.stranger("sue").await);
    let first = bob.post(JOBS, &job()).await;
    assert_eq!((first.status, bob.post(JOBS, &job()).await.status), (201, 201));

    let refused = bob.post(JOBS, &job()).await;

    assert!(refused.expect_rate_limited().contains("2 pending jobs"), "{refused:?}");
    assert_eq!(sue.post(JOBS, &job()).await.status, 201);
    let cancel = format!("{JOBS}/{}/cancel", first.json()["job_id"]);
    assert_eq!(bob.post(&cancel, &json!({})).await.status, 200);
    assert_eq!(bob.post(JOBS, &job()).await.status, 201);
}

async fn sets(app: &TestApp, root: &Operator<'_>, quotas: Value) -> Value {
    let answer = root.patch(&format!("/api/v1/tenants/{}", app.acme), &json!({ "quotas": quotas })).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["quotas"].clone()
}

async fn operators_set_a_quota_and_leave_it_to_the_configuration_again(app: &TestApp) {
    let (root, bob) = (app.operator("root").await, app.member("bob").await);
    let may_make = async || bob.post(JOBS, &job()).await.status;

    assert_eq!(sets(app, &root, json!({ "pending_jobs": 1, "upload_bytes": 5 })).await["pending_jobs"], 1);
    assert_eq!([may_make().await, may_make().await], [201, 429]);
    assert_eq!(
        sets(app, &root, json!({ "pending_jobs": 0 })).await,
        json!({ "pending_jobs": 0, "upload_bytes": 5 })
    );
    assert_eq!([may_make().await, may_make().await], [201, 201]);
    assert_eq!(sets(app, &root, json!({ "pending_jobs": null })).await, json!({ "upload_bytes": 5 }));
    assert_eq!(may_make().await, 429);
}

async fn bad_quotas_are_all_named_and_nothing_is_changed(app: &TestApp) {
    let root = app.operator("root").await;
    let path = format!("/api/v1/tenants/{}", app.acme);
    let before = root.get(&path).await.json();

    let large =
        json!({ "quotas": { "connections": 1_u64 << 53, "pending_jobs": 1_u64 << 60 }, "name": "New" });
    let refused = root.patch(&path, &large).await.expect_problem(422, "validation_failed");
    let odd = json!({ "quotas": { "connections": -1, "sofas": 3 } });
    let odd = root.patch(&path, &odd).await.expect_problem(422, "validation_failed");

    let pointers = |problem: &Value| {
        let errors = problem["errors"].as_array().unwrap();
        let mut all: Vec<_> = errors.iter().map(|one| one["pointer"].as_str().unwrap().to_owned()).collect();
        all.sort();
        all
    };
    assert_eq!(pointers(&refused), ["/quotas/connections", "/quotas/pending_jobs"]);
    assert_eq!(pointers(&odd), ["/quotas/connections", "/quotas/sofas"]);
    assert_eq!(root.get(&path).await.json(), before);
}
