//! The metrics that Prometheus reads: correct, bounded in number, and without any tenant's data.

use std::collections::BTreeSet;

use lotline::auth::tenant_scope::SystemReason;
use lotline::base::ids::TenantId;
use lotline::domain::broadcast::{self, NewBroadcast};
use lotline::domain::identity::bootstrap;
use lotline::domain::op::Op;
use lotline::protocol::routing::Audience;
use lotline::telemetry::metrics::Metrics;
use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::{METRICS_KEY, Setting};

const NO_KEY: &[Setting] = &[("LOTLINE__TELEMETRY__METRICS_KEY", "")];
const OWN_LISTENER: &[Setting] = &[
    ("LOTLINE__TELEMETRY__METRICS_KEY", ""),
    ("LOTLINE__TELEMETRY__METRICS_BIND", "127.0.0.1:0"),
    ("LOTLINE__TELEMETRY__TENANT_METRICS", "20"),
];
const OPEN_LISTENER: &[Setting] = &[("LOTLINE__TELEMETRY__METRICS_BIND", "0.0.0.0:0")];
const TENANT_METRICS: &[Setting] = &[("LOTLINE__TELEMETRY__TENANT_METRICS", "20")];

on_both_databases! {
    a_busy_node_reports_metrics_without_user_content,
    only_the_key_and_operators_may_read_metrics,
    without_a_key_the_refusal_says_which_key_to_set with super::NO_KEY,
    a_separate_listener_serves_metrics_only_and_needs_no_key with super::OWN_LISTENER,
    a_listener_on_every_address_asks_for_the_key with super::OPEN_LISTENER,
    the_number_of_series_does_not_grow_with_tenants with super::TENANT_METRICS,
    tenant_metrics_are_off_by_default,
}

/// The value of a series; 0 when it does not exist.
#[track_caller]
pub fn value(text: &str, series: &str) -> f64 {
    let found = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    found.map_or(0.0, |value| value.parse().unwrap_or_else(|_| panic!("{series} is {value}")))
}

fn series(text: &str) -> BTreeSet<&str> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| Some(line.rsplit_once(' ')?.0))
        .collect()
}

async fn a_busy_node_reports_metrics_without_user_content(app: &TestApp) {
    let (ann, bob) = (app.admin("canary-ann").await, app.member("canary-bob").await);
    let mut socket = bob.connects().await;
    let mut stream = bob.streams("/sse/notifications", None).await;
    ann.broadcasts("canary words").await;
    socket.next_durable(1).await;
    stream.next_durable(1).await;
    socket.send_json(json!({ "type": "ping" })).await;
    socket.next_of_type("pong").await;
    app.anonymous().get("/canary-path").await.expect_problem(404, "not_found");
    app.anonymous().get("/api/v1/jobs").await.expect_problem(401, "unauthenticated");
    let (signed, signature) = ann.token().rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", "A".repeat(signature.len()));
    let request = app.http.get(app.url("/api/v1/jobs")).bearer_auth(&forged);
    Response::send(request).await.expect_problem(401, "unauthenticated");

    let answer = app.metrics("/metrics").await;

    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let text = &answer.text;
    for (series, expected) in [
        ("lotline_connections_open{carrier=\"socket\"}", 1.0),
        ("lotline_connections_open{carrier=\"stream\"}", 1.0),
        ("lotline_connections_opened_total{carrier=\"socket\"}", 1.0),
        ("lotline_tenants_active", 1.0),
        ("lotline_events_appended_total{kind=\"system_notification\"}", 1.0),
        ("lotline_messages_received_total", 1.0),
        ("lotline_sign_ins_total{outcome=\"succeeded\"}", 2.0),
        ("lotline_token_refusals_total{reason=\"signature\"}", 1.0),
        ("lotline_refusals_total{code=\"not_found\"}", 1.0),
        ("lotline_http_requests_total{route=\"unmatched\",method=\"GET\",status=\"4xx\"}", 1.0),
        ("lotline_http_requests_total{route=\"/api/v1/jobs\",method=\"GET\",status=\"4xx\"}", 2.0),
        ("lotline_http_requests_total{route=\"/ws\",method=\"GET\",status=\"1xx\"}", 1.0),
    ] {
        assert_eq!(value(text, series), expected, "{series} in\n{text}");
    }
    for series in [
        "lotline_frames_delivered_total{carrier=\"socket\"}",
        "lotline_delivered_bytes_total{carrier=\"stream\"}",
        "lotline_commit_duration_seconds_count",
        "lotline_transaction_wait_seconds_count{mode=\"write\"}",
        "lotline_runtime_tasks_alive",
        "process_resident_memory_bytes",
        "process_open_fds",
        "process_start_time_seconds",
    ] {
        assert!(value(text, series) > 0.0, "{series} in\n{text}");
    }
    for word in ["canary", "acme", "other\"}", ann.token(), bob.token(), "127.0.0.1"] {
        let received = text.lines().find(|line| line.contains(word) && !line.contains("method=\"other\""));
        assert_eq!(received, None, "{word}");
    }
}

async fn only_the_key_and_operators_may_read_metrics(app: &TestApp) {
    let ann = app.admin("ann").await;
    let operator = app.operator("olga").await;
    let plain = || app.http.get(app.url("/metrics"));

    // Neither loopback nor a host name grants access.
    let refused = app.anonymous().get("/metrics").await.expect_problem(401, "unauthenticated");
    assert!(refused["detail"].as_str().unwrap().contains("telemetry.metrics_key"), "{refused}");
    for (header, word) in
        [("x-forwarded-for", "127.0.0.1"), ("host", "localhost:8001"), ("host", "127.0.0.1")]
    {
        Response::send(plain().header(header, word)).await.expect_problem(401, "unauthenticated");
    }
    Response::send(plain().bearer_auth(ann.token())).await.expect_problem(403, "forbidden");
    for wrong in
        ["forged", "every-test-knows-this-ke", "every-test-knows-this-keyy", "Every-test-knows-this-key"]
    {
        Response::send(plain().bearer_auth(wrong)).await.expect_problem(401, "unauthenticated");
    }
    let in_query = format!("/metrics?token={METRICS_KEY}");
    app.anonymous().get(&in_query).await.expect_problem(401, "unauthenticated");

    assert_eq!(app.metrics("/metrics").await.status, 200);
    assert_eq!(Response::send(plain().bearer_auth(operator.token())).await.status, 200);
    // The key grants no other access.
    let elsewhere = app.http.get(app.url("/api/v1/jobs")).bearer_auth(METRICS_KEY);
    Response::send(elsewhere).await.expect_problem(401, "unauthenticated");
}

async fn without_a_key_the_refusal_says_which_key_to_set(app: &TestApp) {
    let operator = app.operator("olga").await;

    let refused = app.anonymous().get("/metrics").await.expect_problem(401, "unauthenticated");
    Response::send(app.http.get(app.url("/metrics")).bearer_auth(""))
        .await
        .expect_problem(401, "unauthenticated");

    let detail = refused["detail"].as_str().unwrap();
    assert!(
        detail.contains("telemetry.metrics_key") && detail.contains("telemetry.metrics_bind"),
        "{detail}"
    );
    assert_eq!(operator.get("/metrics").await.status, 200);
}

async fn a_separate_listener_serves_metrics_only_and_needs_no_key(app: &TestApp) {
    let address = app.metrics_address.expect("there is a listener");
    let ask = |path: &str| app.http.get(format!("http://{address}{path}"));

    let figures = Response::send(ask("/metrics")).await;
    assert_eq!(figures.status, 200, "{figures:?}");
    assert!(value(&figures.text, "lotline_runtime_tasks_alive") > 0.0);
    assert_eq!(figures.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(Response::send(ask("/metrics/tenants")).await.status, 200);
    for path in ["/", "/livez", "/api/v1/jobs", "/ws", "/openapi.json"] {
        Response::send(ask(path)).await.expect_problem(404, "not_found");
    }
    // DNS rebinding: a page with a name that resolves to this address sends that name as host.
    Response::send(ask("/metrics").header("host", "rebound.example"))
        .await
        .expect_problem(401, "unauthenticated");
    let post = app.http.post(format!("http://{address}/metrics"));
    Response::send(post).await.expect_problem(405, "method_not_allowed");
    app.anonymous().get("/metrics").await.expect_problem(401, "unauthenticated");
}

async fn a_listener_on_every_address_asks_for_the_key(app: &TestApp) {
    let port = app.metrics_address.expect("there is a listener").port();
    let ask = || app.http.get(format!("http://127.0.0.1:{port}/metrics"));

    Response::send(ask()).await.expect_problem(401, "unauthenticated");
    assert_eq!(Response::send(ask().bearer_auth(METRICS_KEY)).await.status, 200);
}

/// Does one of each thing that a tenant does.
async fn is_active(app: &TestApp, tenant: TenantId) {
    let op = Op::of_system(&app.services, SystemReason::Bootstrap, tenant);
    let new = NewBroadcast {
        message: "the market is open".to_owned(),
        category: None,
        audience: Audience::Everyone,
        start_time: None,
    };
    broadcast::send(&op, new).await.unwrap();
    app.services.metrics.tenants.of(tenant).frames_out.add(1);
}

async fn the_number_of_series_does_not_grow_with_tenants(app: &TestApp) {
    is_active(app, app.acme).await;
    app.metrics("/metrics/tenants").await;
    app.metrics("/metrics").await;
    let before = app.metrics("/metrics").await.text;

    for number in 0..200 {
        let tenant =
            bootstrap::create_tenant(&app.identity, &format!("canary-{number}"), "Canary").await.unwrap();
        is_active(app, TenantId(tenant.id)).await;
    }
    let after = app.metrics("/metrics").await.text;
    let tenants = app.metrics("/metrics/tenants").await.text;

    assert_eq!(series(&before), series(&after));
    assert!(!after.contains("canary"), "{after}");
    assert_eq!(value(&after, "lotline_events_appended_total{kind=\"system_notification\"}"), 201.0);
    let named = series(&tenants).into_iter().filter(|one| one.starts_with("lotline_tenant_events"));
    assert_eq!(named.count(), 21);
    assert_eq!(value(&tenants, "lotline_tenant_events_appended_total{tenant=\"other\"}"), 181.0);
}

async fn tenant_metrics_are_off_by_default(app: &TestApp) {
    let operator = app.operator("olga").await;

    app.metrics("/metrics/tenants").await.expect_problem(404, "not_found");
    operator.get("/metrics/tenants").await.expect_problem(404, "not_found");
    app.anonymous().get("/metrics/tenants").await.expect_problem(401, "unauthenticated");
}

#[test]
fn the_documentation_lists_every_metric_and_no_other() {
    let page = include_str!("../../../docs/operations.md");

    let table = Metrics::markdown_table();

    assert!(page.contains(&table), "docs/operations.md is old; its table of figures is to be\n{table}");
    let in_table = table.matches("| `").count();
    let in_page =
        page.lines().filter(|line| line.starts_with("| `lotline_") || line.starts_with("| `process_"));
    assert_eq!(in_page.count(), in_table, "the page lists figures that do not exist");
}
