//! A request changes nothing if its credential ends while its body is being sent, or while it waits.

use lotline::auth::key_scope::KeyScope;
use lotline::auth::revocation::Revocation;
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::storage::sessions;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::people::Admin;
use crate::support::raw::{RawConnection, RawResponse};
use crate::support::wait::eventually;
use crate::support::{on_both_databases, on_one_database};

on_both_databases! {
    a_new_password_stops_requests_in_flight_of_other_sessions,
    deactivating_a_user_stops_their_requests_in_flight,
    a_lower_role_stops_what_it_no_longer_allows,
    revoking_a_key_stops_its_batch_on_the_way,
    signing_an_operator_out_stops_their_requests_in_flight,
    a_request_that_is_still_authorized_is_done,
}

mod one_writer {
    // On PostgreSQL a test would have to hold all connections to make a request wait.
    super::on_one_database!(Sqlite, a_queued_write_is_authorized_when_its_transaction_begins);
}

/// A request that was admitted; its body has not been sent.
struct InFlightRequest {
    raw: RawConnection,
    body: String,
}

impl InFlightRequest {
    async fn new(app: &TestApp, token: &str, path: &str, body: Value) -> Self {
        let body = body.to_string();
        let mut raw = RawConnection::connect(app.address).await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        raw.send(head.as_bytes()).await;
        // The server asks for the body only after admitting the caller.
        assert_eq!(raw.response().await.unwrap().status, 100);
        Self { raw, body }
    }

    async fn finish(mut self) -> RawResponse {
        self.raw.send(self.body.as_bytes()).await;
        self.raw.response().await.unwrap()
    }
}

/// Things that an admin can create and that outlive the admin.
fn backdoor_requests() -> [(&'static str, Value); 3] {
    let password = "correct horse battery staple";
    [
        (
            "/api/v1/users",
            json!({ "username": "backdoor", "email": "b@mail.example", "password": password, "role": "admin" }),
        ),
        ("/api/v1/api-keys", json!({ "name": "backdoor", "scopes": ["properties:write"] })),
        ("/api/v1/spiders", json!({ "name": "backdoor", "runner": "external" })),
    ]
}

async fn start_all(app: &TestApp, token: &str) -> Vec<InFlightRequest> {
    let mut begun = Vec::new();
    for (path, body) in backdoor_requests() {
        begun.push(InFlightRequest::new(app, token, path, body).await);
    }
    begun
}

async fn all_end_with(begun: Vec<InFlightRequest>, status: u16) {
    for one in begun {
        let body = one.body.clone();
        let answer = one.finish().await;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
}

async fn nothing_was_made(ann: &Admin<'_>) {
    for path in ["/api/v1/users?limit=200", "/api/v1/api-keys?limit=200", "/api/v1/spiders?limit=200"] {
        let list = ann.get(path).await;
        assert_eq!(list.status, 200, "{path}");
        assert!(!list.json().to_string().contains("backdoor"), "{path}");
    }
}

async fn a_new_password_stops_requests_in_flight_of_other_sessions(app: &TestApp) {
    let ann = app.admin("ann").await;
    let victim = app.admin("eve").await;
    let stolen = victim.another_token().await;
    let begun = start_all(app, &stolen).await;

    let passwords =
        json!({ "current_password": "correct horse battery staple", "new_password": "another one of 1915" });
    assert_eq!(victim.post("/api/v1/auth/password", &passwords).await.status, 204);

    all_end_with(begun, 401).await;
    nothing_was_made(&ann).await;
}

async fn deactivating_a_user_stops_their_requests_in_flight(app: &TestApp) {
    let ann = app.admin("ann").await;
    let eve = app.admin("eve").await;
    let begun = start_all(app, eve.token()).await;

    let path = format!("/api/v1/users/{}", eve.id.0);
    assert_eq!(ann.patch(&path, &json!({ "is_active": false })).await.status, 200);

    all_end_with(begun, 403).await;
    nothing_was_made(&ann).await;
}

async fn a_lower_role_stops_what_it_no_longer_allows(app: &TestApp) {
    let ann = app.admin("ann").await;
    let eve = app.admin("eve").await;
    let begun = start_all(app, eve.token()).await;

    let path = format!("/api/v1/users/{}", eve.id.0);
    assert_eq!(ann.patch(&path, &json!({ "role": "viewer" })).await.status, 200);

    all_end_with(begun, 403).await;
    nothing_was_made(&ann).await;
}

async fn revoking_a_key_stops_its_batch_on_the_way(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let rows =
        json!({ "items": [{ "source": "s", "listing_key": "backdoor", "standard_status": "active" }] });
    let begun = InFlightRequest::new(app, worker.token(), "/api/v1/properties/batch", rows).await;

    let keys = ann.get("/api/v1/api-keys").await.json();
    let path = format!("/api/v1/api-keys/{}", keys["data"][0]["id"].as_str().unwrap());
    let revoked = app.http.request(Method::DELETE, app.url(&path)).bearer_auth(ann.token());
    assert!(revoked.send().await.unwrap().status().is_success());

    let answer = begun.finish().await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    let list = ann.get("/api/v1/properties").await.json();
    assert_eq!(list["data"], json!([]), "{list}");
}

async fn signing_an_operator_out_stops_their_requests_in_flight(app: &TestApp) {
    let root = app.operator("root").await;
    let body = json!({ "slug": "backdoor", "name": "Backdoor" });
    let begun = InFlightRequest::new(app, root.token(), "/api/v1/tenants", body).await;

    let out = root.post("/api/v1/auth/logout", &json!({})).await;
    assert_eq!(out.status, 204, "{}", out.text);

    let answer = begun.finish().await;
    assert_eq!(answer.status, 401, "{}", answer.body);
    let other = app.operator("other").await;
    let list = other.get("/api/v1/tenants").await.json();
    assert!(!list.to_string().contains("backdoor"), "{list}");
}

async fn a_queued_write_is_authorized_when_its_transaction_begins(app: &TestApp) {
    let ann = app.admin("ann").await;
    let eve = app.admin("eve").await;
    let scope = TenantScope::for_system(SystemReason::CommandLine, app.acme);
    let writer = app.services.db.tenant(&scope).begin().await.unwrap();
    let (path, body) = backdoor_requests()[0].clone();
    let begun = InFlightRequest::new(app, eve.token(), path, body).await;
    let ended = tokio::join!(begun.finish(), async {
        eventually("the change waits", async || app.services.db.transactions_waiting() > 0).await;
        let now = app.services.clock.now().timestamp_micros();
        sessions::revoke_of_user(&writer, eve.id, None, now).await.unwrap();
        app.services.publish_revocation(Revocation::UserSessions {
            tenant: app.acme,
            user: eve.id,
            except: None,
        });
        writer.commit().await.unwrap();
    });

    assert_eq!(ended.0.status, 401, "{}", ended.0.body);
    nothing_was_made(&ann).await;
}

async fn a_request_that_is_still_authorized_is_done(app: &TestApp) {
    let ann = app.admin("ann").await;
    let begun = start_all(app, ann.token()).await;

    all_end_with(begun, 201).await;
}
