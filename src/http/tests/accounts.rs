//! Sign-in, users, keys, tenants and the audit log over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use poem::http::{HeaderMap, Method};
use poem::{EndpointExt, Route};
use poem_openapi::OpenApiService;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::key_scope::Role;
use crate::base::clock::Clock;
use crate::domain::identity::bootstrap::{self, BootstrapUser};
use crate::domain::identity::testing::{PASSWORD, identity, settings};
use crate::domain::identity::{Identity, IdentitySettings};
use crate::domain::testing::World;
use crate::http::api_keys::ApiKeysApi;
use crate::http::audit_log::AuditLogApi;
use crate::http::auth::AuthApi;
use crate::http::problem::ProblemLayer;
use crate::http::serve::{Listener, ServeSettings, serve};
use crate::http::tenants::TenantsApi;
use crate::http::users::UsersApi;
use crate::http::validation::OperationTable;

type AccountApis = (AuthApi, UsersApi, ApiKeysApi, TenantsApi, AuditLogApi);

/// The account resources, with the tenant `acme`, its admin `ann`, and the operator `root`.
struct TestServer {
    address: SocketAddr,
    client: reqwest::Client,
    shutdown: CancellationToken,
    identity: Arc<Identity>,
    world: World,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{:?}", self.body);
        self
    }

    #[track_caller]
    fn text(&self, name: &str) -> String {
        self.body[name].as_str().expect("a text").to_owned()
    }

    /// The pointers of the bad fields.
    fn faults(&self) -> Vec<&str> {
        let errors = self.body["errors"].as_array().expect("the problem lists fields");
        errors.iter().map(|error| error["pointer"].as_str().unwrap()).collect()
    }
}

impl TestServer {
    async fn new() -> Self {
        Self::with(settings()).await
    }

    async fn with(settings: IdentitySettings) -> Self {
        let world = World::new().await;
        let identity = Arc::new(identity(&world, settings, Vec::new(), 1));
        let secret = SecretString::from(PASSWORD);
        bootstrap::create_operator(&identity, "root", &secret).await.unwrap();
        let operations = OperationTable::new().with_api::<AccountApis>("/api/v1");
        let apis = (AuthApi, UsersApi, ApiKeysApi, TenantsApi, AuditLogApi);
        let endpoint = Route::new()
            .nest("/api/v1", OpenApiService::new(apis, "People", "1"))
            .data(Arc::clone(&identity))
            .with(ProblemLayer::new(Arc::new(operations), world.services.entropy));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let (address, shutdown) = (listener.local_addr(), CancellationToken::new());
        let served = serve(listener, endpoint, ServeSettings::default(), Clock::system(), shutdown.clone());
        TaskTracker::new().spawn(served);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let server = Self { address, client, shutdown, identity, world };
        server.add("acme", "ann", Role::Admin).await;
        server
    }

    async fn add(&self, tenant: &str, username: &str, role: Role) -> i64 {
        let secret = SecretString::from(PASSWORD);
        let new = BootstrapUser { username, email: None, role, password: Some(&secret) };
        bootstrap::create_user(&self.identity, tenant, &new).await.unwrap().id
    }

    async fn call(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        Answer { status, headers, body: serde_json::from_str(&text).unwrap_or(Value::Null) }
    }

    fn request(&self, method: Method, address: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}/api/v1{address}", self.address))
    }

    async fn ask(&self, token: &str, method: Method, address: &str, body: Value) -> Answer {
        self.ask_with(token, method, address, body, &[]).await
    }

    async fn ask_with(
        &self,
        token: &str,
        method: Method,
        address: &str,
        body: Value,
        headers: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.request(method, address);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !body.is_null() {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        self.call(request).await
    }

    async fn get(&self, token: &str, address: &str) -> Answer {
        self.ask(token, Method::GET, address, Value::Null).await
    }

    async fn post(&self, token: &str, address: &str, body: Value) -> Answer {
        self.ask(token, Method::POST, address, body).await
    }

    async fn delete(&self, token: &str, address: &str) -> Answer {
        self.ask(token, Method::DELETE, address, Value::Null).await
    }

    async fn form(&self, form: &str) -> Answer {
        let request = self.request(Method::POST, "/auth/token");
        let form_type = "application/x-www-form-urlencoded";
        self.call(request.header("content-type", form_type).body(form.to_owned())).await
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

impl TestServer {
    async fn sign_in(&self, username: &str) -> Answer {
        self.form(&format!("username={username}&password=correct+horse")).await.is(200)
    }

    async fn token(&self, username: &str) -> String {
        self.sign_in(username).await.text("access_token")
    }
}

#[tokio::test]
async fn a_form_gives_a_pair_that_no_cache_keeps() {
    let server = TestServer::new().await;

    let pair = server.sign_in("acme/ann").await;

    assert_eq!(pair.header("cache-control"), "no-store");
    assert_eq!((&pair.body["token_type"], &pair.body["expires_in"]), (&json!("bearer"), &json!(900)));
    assert_eq!(pair.body["role"], "admin");
    assert_eq!(pair.body["tenant_id"], server.world.tenant.0);
    let me = server.get(&pair.text("access_token"), "/users/me").await.is(200);
    assert_eq!((&me.body["id"], &me.body["username"]), (&pair.body["user_id"], &json!("ann")));
    assert_eq!(me.body.get("display_name"), None);
    assert!(!me.body.to_string().contains("argon2"));
}

#[tokio::test]
async fn the_scope_names_a_tenant_and_clients_of_oauth2_are_understood() {
    let server = TestServer::new().await;

    let form = "grant_type=password&username=ann&password=correct+horse&scope=tenant:acme&client_id=docs";

    assert_eq!(server.form(form).await.is(200).body["role"], "admin");
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_name_answer_alike() {
    let server = TestServer::new().await;

    let mut answers = Vec::new();
    for form in ["username=acme/ann&password=x", "username=acme/bob&password=x", "username=no/ann&password=x"]
    {
        let answer = server.form(form).await.is(401);
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"lotline\"");
        assert_eq!(answer.body["error"], "invalid_grant");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        answers.push((answer.body["code"].clone(), answer.body["detail"].clone()));
    }

    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[tokio::test]
async fn what_a_grant_lacks_is_named() {
    let server = TestServer::new().await;

    assert_eq!(server.form("").await.is(422).faults(), ["/username", "/password"]);
    assert_eq!(server.form("grant_type=refresh_token").await.is(422).faults(), ["/refresh_token"]);
    assert_eq!(server.form("grant_type=magic").await.is(422).faults(), ["/grant_type"]);
}

#[tokio::test]
async fn a_refresh_token_is_traded_and_ends_with_the_sign_in() {
    let server = TestServer::new().await;
    let first = server.sign_in("ann").await;
    let trade = |token: String| format!("grant_type=refresh_token&refresh_token={token}");

    let second = server.form(&trade(first.text("refresh_token"))).await.is(200);
    server.post(&second.text("access_token"), "/auth/logout", Value::Null).await.is(204);

    server.form(&trade(second.text("refresh_token"))).await.is(401);
    let after = server.get(&first.text("access_token"), "/users/me").await.is(401);
    assert_eq!(after.body["detail"], "Invalid token");
}

#[tokio::test]
async fn sign_ins_are_listed_and_ended() {
    let server = TestServer::new().await;
    let (mine, other) = (server.token("ann").await, server.token("ann").await);

    let list = server.get(&mine, "/auth/sessions").await.is(200);
    let rows = list.body["data"].as_array().unwrap();
    assert_eq!((rows.len(), &list.body["has_more"]), (2, &json!(false)));
    let there = rows.iter().find(|row| row["current"] == false).unwrap()["id"].as_str().unwrap();
    server.delete(&mine, &format!("/auth/sessions/{there}")).await.is(204);
    server.get(&other, "/users/me").await.is(401);
    server.delete(&mine, &format!("/auth/sessions/{there}")).await.is(404);

    let third = server.token("ann").await;
    server.delete(&mine, "/auth/sessions").await.is(204);
    server.get(&third, "/users/me").await.is(401);
    server.get(&mine, "/users/me").await.is(200);
}

/// Every operation that needs a caller, with an id that never existed.
const GUARDED: &[(&str, &str)] = &[
    ("POST", "/auth/logout"),
    ("GET", "/auth/sessions"),
    ("DELETE", "/auth/sessions"),
    ("DELETE", "/auth/sessions/0198c0de-0000-7000-8000-000000000000"),
    ("POST", "/auth/socket-ticket"),
    ("GET", "/users/me"),
    ("GET", "/users/directory"),
    ("GET", "/users"),
    ("POST", "/users"),
    ("GET", "/users/999"),
    ("PATCH", "/users/999"),
    ("DELETE", "/users/999"),
    ("POST", "/users/999/password-link"),
    ("GET", "/api-keys"),
    ("POST", "/api-keys"),
    ("PATCH", "/api-keys/0198c0de-0000-7000-8000-000000000000"),
    ("DELETE", "/api-keys/0198c0de-0000-7000-8000-000000000000"),
    ("GET", "/tenants"),
    ("POST", "/tenants"),
    ("GET", "/tenants/999"),
    ("PATCH", "/tenants/999"),
    ("GET", "/audit-log"),
];

#[tokio::test]
async fn anonymous_callers_are_refused_before_anything_is_read() {
    let server = TestServer::new().await;

    for (method, address) in GUARDED {
        let method: Method = method.parse().unwrap();
        let bare = server.ask("", method.clone(), address, json!({ "bad": 1 })).await.is(401);
        assert_eq!(bare.body["detail"], "Authentication required", "{address}");
        let forged = server.ask("a.b.c", method, address, Value::Null).await.is(401);
        assert_eq!(forged.body["detail"], "Invalid token", "{address}");
    }
}

#[tokio::test]
async fn a_viewer_manages_nothing_but_their_own_account() {
    let server = TestServer::new().await;
    server.add("acme", "vic", Role::Viewer).await;
    let vic = server.token("vic").await;

    for (method, address) in GUARDED.iter().filter(|(_, address)| !address.starts_with("/auth")) {
        let wanted = if *address == "/users/me" { 200 } else { 403 };
        let answer = server.ask(&vic, method.parse().unwrap(), address, Value::Null).await;
        assert_eq!(answer.status, wanted, "{method} {address}: {}", answer.body);
    }
}

#[tokio::test]
async fn an_operator_has_an_account_and_tenants_but_no_tenant() {
    let server = TestServer::new().await;
    let pair = server.sign_in("root").await;
    let root = pair.text("access_token");

    assert_eq!((pair.body["role"].as_str(), pair.body.get("tenant_id")), (Some("operator"), None));
    server.get(&root, "/auth/sessions").await.is(200);
    for address in ["/users/me", "/users", "/api-keys", "/audit-log"] {
        server.get(&root, address).await.is(403);
    }
    server.post(&root, "/auth/socket-ticket", Value::Null).await.is(403);
    server.post(&root, "/auth/logout", Value::Null).await.is(204);
    server.get(&root, "/tenants").await.is(401);
}

#[tokio::test]
async fn two_credentials_are_one_too_many() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let twice = [("authorization", "Bearer other")];
    let answer = server.ask_with(&ann, Method::GET, "/users/me", Value::Null, &twice).await.is(400);

    assert_eq!(answer.body["code"], "two_credentials");
}

fn bob() -> Value {
    json!({ "username": "bob", "email": "bob@acme.example", "password": PASSWORD, "role": "member" })
}

#[tokio::test]
async fn a_user_is_added_read_changed_and_removed() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let made = server.post(&ann, "/users", bob()).await.is(201);
    let address = format!("/users/{}", made.body["id"]);
    assert_eq!(made.header("location"), format!("/api/v1{address}"));
    server.post(&ann, "/users", bob()).await.is(409);

    let read = server.get(&ann, &address).await.is(200);
    assert_eq!(read.body, made.body);
    let known = [("if-none-match", read.header("etag"))];
    server.ask_with(&ann, Method::GET, &address, Value::Null, &known).await.is(304);

    let named = json!({ "display_name": "Bob", "role": "viewer" });
    let changed = server.ask(&ann, Method::PATCH, &address, named).await.is(200);
    assert_eq!((&changed.body["display_name"], &changed.body["role"]), (&json!("Bob"), &json!("viewer")));
    let stale = [("if-match", read.header("etag"))];
    let emptied = json!({ "display_name": null });
    server.ask_with(&ann, Method::PATCH, &address, emptied.clone(), &stale).await.is(412);
    let changed = server.ask(&ann, Method::PATCH, &address, emptied).await.is(200);
    assert_eq!(changed.body.get("display_name"), None);

    server.delete(&ann, &address).await.is(204);
    server.get(&ann, &address).await.is(404);
    server.delete(&ann, &address).await.is(404);
}

#[tokio::test]
async fn bad_and_unknown_fields_are_all_named() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let by_type = json!({ "username": 7, "email": "x@y", "role": "owner", "admin": true });
    let by_rule = json!({ "username": "a b", "email": "x", "role": "member", "password": "short" });

    assert_eq!(server.post(&ann, "/users", by_type).await.is(422).faults().len(), 3);
    assert_eq!(
        server.post(&ann, "/users", by_rule).await.is(422).faults(),
        ["/username", "/email", "/password"]
    );
}

#[tokio::test]
async fn the_last_admin_cannot_go() {
    let server = TestServer::new().await;
    let pair = server.sign_in("ann").await;
    let (ann, address) = (pair.text("access_token"), format!("/users/{}", pair.body["user_id"]));

    for body in [json!({ "role": "member" }), json!({ "is_active": false })] {
        server.ask(&ann, Method::PATCH, &address, body).await.is(409);
    }
    server.delete(&ann, &address).await.is(409);
}

#[tokio::test]
async fn another_tenants_user_answers_what_an_id_that_never_was_answers() {
    let server = TestServer::new().await;
    server.world.another_tenant().await;
    let stranger = server.add("other", "zoe", Role::Member).await;
    let ann = server.token("acme/ann").await;

    for (method, tail) in [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/password-link")] {
        let body = if method == "PATCH" { json!({ "role": "viewer" }) } else { Value::Null };
        let ask = async |id: i64| {
            server.ask(&ann, method.parse().unwrap(), &format!("/users/{id}{tail}"), body.clone()).await
        };
        let (theirs, nobodys) = (ask(stranger).await.is(404), ask(999_999).await.is(404));
        assert_eq!(theirs.body["detail"], nobodys.body["detail"]);
    }
}

#[tokio::test]
async fn lists_come_in_pages_that_link_to_the_next() {
    let server = TestServer::new().await;
    for name in ["bob", "eve"] {
        server.add("acme", name, Role::Member).await;
    }
    let ann = server.token("ann").await;

    let first = server.get(&ann, "/users?limit=2").await.is(200);
    assert_eq!((first.body["data"].as_array().unwrap().len(), &first.body["has_more"]), (2, &json!(true)));
    let cursor = first.text("next_cursor");
    assert_eq!(first.header("link"), format!("</api/v1/users?limit=2&cursor={cursor}>; rel=\"next\""));
    let last = server.get(&ann, &format!("/users?limit=2&cursor={cursor}")).await.is(200);
    assert_eq!(last.body["data"][0]["username"], "eve");
    assert_eq!((&last.body["has_more"], last.body.get("next_cursor")), (&json!(false), None));

    server.get(&ann, "/users?cursor=x").await.is(422);
    let directory = server.get(&ann, "/users/directory").await.is(200);
    assert_eq!(directory.body["data"][0], json!({ "id": first.body["data"][0]["id"], "username": "ann" }));
}

#[tokio::test]
async fn a_password_is_set_by_link_without_a_token_and_changed_with_one() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;
    let bob =
        server.post(&ann, "/users", json!({ "username": "bob", "email": "b@a", "role": "member" })).await;
    assert_eq!(bob.body["has_password"], false);

    let link =
        server.post(&ann, &format!("/users/{}/password-link", bob.body["id"]), Value::Null).await.is(201);
    assert_eq!(link.header("cache-control"), "no-store");
    let url = link.text("url");
    let token = url.split_once("#token=").unwrap().1;
    let set = json!({ "link_token": token, "new_password": PASSWORD });
    server.post("", "/auth/password", set.clone()).await.is(204);
    server.post("", "/auth/password", set).await.is(401);

    let bob = server.token("bob").await;
    let wrong = json!({ "current_password": "wrong", "new_password": "x" });
    let faults = server.post(&bob, "/auth/password", wrong).await.is(422);
    assert_eq!(faults.faults(), ["/new_password", "/current_password"]);
    let right = json!({ "current_password": PASSWORD, "new_password": "another horse" });
    server.post("", "/auth/password", right.clone()).await.is(401);
    server.post(&bob, "/auth/password", right).await.is(204);
    server.get(&bob, "/users/me").await.is(200);
}

#[tokio::test]
async fn a_password_takes_one_proof() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let both = json!({ "current_password": "x", "link_token": "y", "new_password": PASSWORD });
    assert_eq!(server.post(&ann, "/auth/password", both).await.is(422).faults(), ["/link_token"]);
    let none = json!({ "new_password": PASSWORD });
    assert_eq!(server.post(&ann, "/auth/password", none).await.is(422).faults(), ["/current_password"]);
}

#[tokio::test]
async fn a_key_is_shown_once_and_listed_without_its_text() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let new = json!({ "name": "worker", "scopes": ["jobs:run", "events:read"] });
    let made = server.post(&ann, "/api-keys", new).await.is(201);
    assert_eq!(made.header("cache-control"), "no-store");
    let key = made.text("key");
    assert!(key.starts_with("llk_"));
    server.post(&key, "/auth/socket-ticket", Value::Null).await.is(200);
    server.get(&key, "/users/me").await.is(403);

    let list = server.get(&ann, "/api-keys").await.is(200);
    assert_eq!(list.body["data"][0]["scopes"], json!(["jobs:run", "events:read"]));
    assert!(!list.body.to_string().contains(&key));
    let address = format!("/api-keys/{}", made.text("id"));
    server.delete(&ann, &address).await.is(204);
    server.delete(&ann, &address).await.is(404);
    server.post(&key, "/auth/socket-ticket", Value::Null).await.is(401);
}

#[tokio::test]
async fn what_null_means_for_a_key_is_shown_and_changed() {
    let server = TestServer::new().await;
    server.add("acme", "bob", Role::Member).await;
    let (ann, bob) = (server.token("ann").await, server.token("bob").await);
    let new = json!({ "name": "worker", "scopes": ["properties:write"] });
    let made = server.post(&ann, "/api-keys", new).await.is(201);
    let address = format!("/api-keys/{}", made.text("id"));
    let patch = |body: Value| server.ask(&ann, Method::PATCH, &address, body);

    let changed = patch(json!({ "null_semantics": "ignore" })).await.is(200);
    let same = patch(json!({})).await.is(200);
    let bad = patch(json!({ "null_semantics": "keep", "name": "x" })).await.is(422);
    let null = patch(json!({ "null_semantics": null })).await.is(422);
    let stale = [("if-match", "\"stale\"")];
    let body = || json!({ "null_semantics": "empty" });
    server.ask_with(&ann, Method::PATCH, &address, body(), &stale).await.is(412);
    server.ask(&bob, Method::PATCH, &address, body()).await.is(403);

    assert_eq!(made.text("null_semantics"), "empty");
    assert_eq!(
        (changed.text("null_semantics"), same.text("null_semantics")),
        ("ignore".into(), "ignore".into())
    );
    assert_eq!(changed.header("etag"), same.header("etag"));
    let mut faults = bad.faults();
    faults.sort_unstable();
    assert_eq!((faults, null.faults()), (vec!["/name", "/null_semantics"], vec!["/null_semantics"]));
    let listed = server.get(&ann, "/api-keys").await.is(200);
    assert_eq!(listed.body["data"][0]["null_semantics"], "ignore");
    server.delete(&ann, &address).await.is(204);
    patch(body()).await.is(404);
}

#[tokio::test]
async fn a_key_needs_a_scope_that_exists() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    for scopes in [json!([]), json!(["root"])] {
        let answer = server.post(&ann, "/api-keys", json!({ "name": "x", "scopes": scopes })).await.is(422);
        assert!(answer.faults()[0].starts_with("/scopes"));
    }
}

#[tokio::test]
async fn a_ticket_lives_for_thirty_seconds() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;

    let ticket = server.post(&ann, "/auth/socket-ticket", Value::Null).await.is(200);

    assert!(ticket.text("ticket").starts_with("llt_"));
    assert_eq!(ticket.body["expires_in"], 30);
    assert_eq!(ticket.header("cache-control"), "no-store");
}

fn registration() -> Value {
    json!({
        "tenant": { "slug": "new", "name": "New" },
        "username": "zoe", "email": "zoe@new.example", "password": PASSWORD,
    })
}

#[tokio::test]
async fn registering_is_off_by_default() {
    let server = TestServer::new().await;

    server.post("", "/auth/register", registration()).await.is(403);
}

#[tokio::test]
async fn registering_signs_the_new_admin_in() {
    let server = TestServer::with(IdentitySettings { registration: true, ..settings() }).await;

    let zoe = server.post("", "/auth/register", registration()).await.is(201);

    assert_eq!(zoe.body["role"], "admin");
    server.get(&zoe.text("access_token"), "/users").await.is(200);
    server.post("", "/auth/register", registration()).await.is(409);
    let mut bad = registration();
    bad["tenant"]["slug"] = json!("No!");
    bad["password"] = json!("short");
    assert_eq!(server.post("", "/auth/register", bad).await.is(422).faults(), ["/tenant/slug", "/password"]);
}

#[tokio::test]
async fn an_operator_makes_a_tenant_whose_admin_sets_their_own_password() {
    let server = TestServer::new().await;
    let root = server.token("root").await;

    let new =
        json!({ "slug": "beta", "name": "Beta", "admin": { "username": "zoe", "email": "z@beta.example" } });
    let made = server.post(&root, "/tenants", new.clone()).await.is(201);
    server.post(&root, "/tenants", new).await.is(409);
    let url = made.body["password_link"]["url"].as_str().unwrap();
    let set = json!({ "link_token": url.split_once("#token=").unwrap().1, "new_password": PASSWORD });
    server.post("", "/auth/password", set).await.is(204);
    let zoe = server.token("beta/zoe").await;

    let address = format!("/tenants/{}", made.body["id"]);
    server.ask(&root, Method::PATCH, &address, json!({ "is_active": false })).await.is(200);
    let refused = server.get(&zoe, "/users/me").await.is(403);
    assert_eq!(refused.body["detail"], "User not found or inactive");
    server.ask(&root, Method::PATCH, &address, json!({ "is_active": true })).await.is(200);
    server.get(&zoe, "/users/me").await.is(200);
    let list = server.get(&root, "/tenants").await.is(200);
    assert_eq!(list.body["data"].as_array().unwrap().len(), 2);
    server.ask(&root, Method::PATCH, "/tenants/999", json!({ "name": "x" })).await.is(404);
}

#[tokio::test]
async fn actions_are_recorded_in_the_tenants_audit_log() {
    let server = TestServer::new().await;
    let ann = server.token("ann").await;
    server.post(&ann, "/users", bob()).await.is(201);

    let log = server.get(&ann, "/audit-log?limit=2").await.is(200);

    let entry = &log.body["data"][0];
    assert_eq!((&entry["action"], &entry["actor_name"]), (&json!("user.created"), &json!("ann")));
    assert_eq!(entry["detail"], json!({ "username": "bob", "role": "member" }));
    assert!(entry["request_id"].is_string());
    assert_eq!(log.body["data"][1]["action"], "login.succeeded");
    assert!(!log.body.to_string().contains(PASSWORD));
}

#[test]
fn the_document_says_how_to_sign_in_and_what_a_link_needs() {
    let document: Value = serde_json::from_str(&crate::http::router::openapi(None).unwrap()).unwrap();

    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["sign_in"]["flows"]["password"]["tokenUrl"], "/api/v1/auth/token");
    let operation = |path: &str, method: &str| &document["paths"][format!("/api/v1{path}")][method];
    let security = operation("/auth/password", "post")["security"].as_array().unwrap();
    assert!(security.contains(&json!({})), "a link needs no caller: {security:?}");
    assert!(operation("/auth/token", "post")["security"].as_array().is_none_or(Vec::is_empty));
    let form = &operation("/auth/token", "post")["requestBody"]["content"];
    assert!(form.get("application/x-www-form-urlencoded").is_some());
}
