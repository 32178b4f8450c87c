//! One-time links use the configured address, never one taken from a request.

use serde_json::json;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const EVERYWHERE: &[Setting] = &[("LOTLINE__SERVER__BIND", "0.0.0.0:0")];
const NAMED: &[Setting] =
    &[("LOTLINE__SERVER__BIND", "0.0.0.0:0"), ("LOTLINE__SERVER__PUBLIC_URL", "https://lotline.example")];

on_both_databases! {
    without_an_address_that_people_open_no_link_is_made with super::EVERYWHERE,
    a_link_begins_with_the_configured_address_whatever_the_host with super::NAMED,
}

async fn without_an_address_that_people_open_no_link_is_made(app: &TestApp) {
    let (ann, bob, operator) = (app.admin("ann").await, app.member("bob").await, app.operator("olga").await);

    let refused = ann.post(&format!("/api/v1/users/{}/password-link", bob.id.0), &json!({})).await;
    let problem = refused.expect_problem(409, "conflict");
    assert!(problem["detail"].as_str().unwrap().contains("server.public_url"), "{problem}");

    // A tenant is not created when its admin's link cannot be made.
    let new =
        json!({ "slug": "beta", "name": "Beta", "admin": { "username": "zoe", "email": "z@beta.example" } });
    operator.post("/api/v1/tenants", &new).await.expect_problem(409, "conflict");
    let without = json!({ "slug": "beta", "name": "Beta" });
    assert_eq!(operator.post("/api/v1/tenants", &without).await.status, 201);
}

async fn a_link_begins_with_the_configured_address_whatever_the_host(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);

    let request = app.http.post(app.url(&format!("/api/v1/users/{}/password-link", bob.id.0)));
    let request = request.header("host", "evil.example").header("x-forwarded-host", "evil.example");
    let made = Response::send(request.bearer_auth(ann.token()).json(&json!({}))).await;

    let url = made.json()["url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("https://lotline.example/set-password#token="), "{made:?}");
}
