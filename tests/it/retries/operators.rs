//! Idempotency keys of operators, which have no tenant.

use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_tenant_is_made_once_and_its_admins_link_shown_again,
    a_broadcast_to_all_tenants_is_accepted_once,
}

async fn a_tenant_is_made_once_and_its_admins_link_shown_again(app: &TestApp) {
    let (operator, other) = (app.operator("root").await, app.operator("toor").await);
    let new = json!({"slug": "new", "name": "New", "admin": {"username": "eve", "email": "eve@example.com"}});

    let first = operator.posts_with_key("k", "/api/v1/tenants", &new).await;
    let again = operator.posts_with_key("k", "/api/v1/tenants", &new).await;
    let of_another = other.posts_with_key("k", "/api/v1/tenants", &new).await;

    assert_eq!((first.status, first.is_replay(), again.is_replay()), (201, false, true), "{first:?}");
    assert_eq!(
        (again.status, again.text, again.headers.get("location")),
        (201, first.text.clone(), first.headers.get("location"))
    );
    of_another.expect_problem(409, "conflict");
    let url = first.json()["password_link"]["url"].as_str().unwrap().to_owned();
    let token = url.rsplit_once('=').unwrap().1.to_owned();
    let body = json!({"link_token": token, "new_password": "correct horse battery staple"});
    let spent = app.anonymous().post("/api/v1/auth/password", &body).await;
    assert!((200..300).contains(&spent.status), "the link is good: {spent:?}");
}

async fn a_broadcast_to_all_tenants_is_accepted_once(app: &TestApp) {
    let operator = app.operator("root").await;
    let news = json!({"message": "news", "audience": "all_tenants"});

    let first = operator.posts_with_key("k", "/admin/broadcast", &news).await;
    let again = operator.posts_with_key("k", "/admin/broadcast", &news).await;

    assert_eq!((first.status, first.is_replay()), (202, false), "{first:?}");
    assert_eq!((again.status, again.is_replay(), again.text), (202, true, first.text));
}
