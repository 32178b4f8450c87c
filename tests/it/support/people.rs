//! The tests' callers as types: what a caller may not do does not compile.

use std::ops::Deref;

use lotline::auth::key_scope::{KeyScope, Role};
use lotline::base::ids::UserId;
use lotline::domain::identity::bootstrap::{self, BootstrapKey, BootstrapUser};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::answer::Response;
use super::app::{ACME, OTHER, TestApp};
use super::socket::{Socket, SocketRequest};
use super::stream::Stream;

/// The password of every user.
pub const PASSWORD: &str = "correct horse battery staple";

/// A caller, with or without a credential.
pub struct Caller<'a> {
    pub app: &'a TestApp,
    /// An access token or an API key.
    pub credential: Option<String>,
}

/// A user of a tenant.
pub struct Person<'a> {
    caller: Caller<'a>,
    pub id: UserId,
    pub username: String,
    pub tenant: &'static str,
}

macro_rules! people {
    ($($(#[$doc:meta])* $name:ident($inner:ident);)*) => {$(
        $(#[$doc])*
        pub struct $name<'a>($inner<'a>);

        impl<'a> Deref for $name<'a> {
            type Target = $inner<'a>;

            fn deref(&self) -> &$inner<'a> {
                &self.0
            }
        }
    )*};
}

people! {
    /// A caller without a credential.
    Anonymous(Caller);
    Viewer(Person);
    Member(Person);
    Admin(Person);
    /// A program with an API key.
    Worker(Caller);
    /// A platform account.
    Operator(Caller);
}

impl<'a> Deref for Person<'a> {
    type Target = Caller<'a>;

    fn deref(&self) -> &Caller<'a> {
        &self.caller
    }
}

impl TestApp {
    /// Reads this path with the key for metrics.
    pub async fn metrics(&self, path: &str) -> Response {
        Response::send(self.http.get(self.url(path)).bearer_auth(super::settings::METRICS_KEY)).await
    }

    pub fn anonymous(&self) -> Anonymous<'_> {
        Anonymous(Caller { app: self, credential: None })
    }

    pub async fn viewer(&self, username: &str) -> Viewer<'_> {
        Viewer(self.person(ACME, username, Role::Viewer).await)
    }

    pub async fn member(&self, username: &str) -> Member<'_> {
        Member(self.person(ACME, username, Role::Member).await)
    }

    pub async fn admin(&self, username: &str) -> Admin<'_> {
        Admin(self.person(ACME, username, Role::Admin).await)
    }

    /// An admin of the other tenant.
    pub async fn stranger(&self, username: &str) -> Admin<'_> {
        Admin(self.person(OTHER, username, Role::Admin).await)
    }

    /// A program with one of this user's keys.
    pub async fn worker(&self, maker: &Person<'_>, scopes: &[KeyScope]) -> Worker<'_> {
        let new_key =
            BootstrapKey { username: Some(&maker.username), name: "worker", scopes, expires_at: None };
        let key = bootstrap::create_key(&self.identity, maker.tenant, &new_key).await.unwrap();
        Worker(Caller { app: self, credential: Some(key.text.expose().to_owned()) })
    }

    /// A platform account.
    pub async fn operator(&self, username: &str) -> Operator<'_> {
        bootstrap::create_operator(&self.identity, username, &SecretString::from(PASSWORD)).await.unwrap();
        Operator(Caller { app: self, credential: Some(self.signs_in(username).await) })
    }

    /// An admin of acme that an earlier node created.
    pub async fn existing_admin(&self, username: &str) -> Admin<'_> {
        Admin(self.existing_person(username).await)
    }

    /// A member of acme that an earlier node created.
    pub async fn existing_member(&self, username: &str) -> Member<'_> {
        Member(self.existing_person(username).await)
    }

    /// A platform account that an earlier node created.
    pub async fn existing_operator(&self, username: &str) -> Operator<'_> {
        Operator(Caller { app: self, credential: Some(self.signs_in(username).await) })
    }

    /// The caller with this access token or API key.
    pub fn with_credential(&self, credential: &str) -> Caller<'_> {
        Caller { app: self, credential: Some(credential.to_owned()) }
    }

    async fn existing_person(&self, username: &str) -> Person<'_> {
        let signed_in = self.signs_in_response(&format!("{ACME}/{username}")).await;
        let credential = Some(signed_in["access_token"].as_str().unwrap().to_owned());
        let id = UserId(signed_in["user_id"].as_i64().unwrap());
        Person { caller: Caller { app: self, credential }, id, username: username.to_owned(), tenant: ACME }
    }

    async fn person(&self, tenant: &'static str, username: &str, role: Role) -> Person<'_> {
        let password = SecretString::from(PASSWORD);
        let new = BootstrapUser { username, email: None, role, password: Some(&password) };
        let row = bootstrap::create_user(&self.identity, tenant, &new).await.unwrap();
        let credential = Some(self.signs_in(&format!("{tenant}/{username}")).await);
        let caller = Caller { app: self, credential };
        Person { caller, id: UserId(row.id), username: username.to_owned(), tenant }
    }

    /// An access token from the sign-in form.
    async fn signs_in(&self, name: &str) -> String {
        self.signs_in_response(name).await["access_token"].as_str().unwrap().to_owned()
    }

    /// The whole answer of the sign-in form.
    async fn signs_in_response(&self, name: &str) -> Value {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("username", name), ("password", PASSWORD)])
            .finish();
        let request = self.http.post(self.url("/api/v1/auth/token"));
        let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
        let answer = Response::send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

impl<'a> Caller<'a> {
    pub fn token(&self) -> &str {
        self.credential.as_deref().unwrap_or_default()
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(reqwest::Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Response {
        self.send(reqwest::Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Response {
        self.send(reqwest::Method::PUT, path, Some(body)).await
    }

    pub async fn patch(&self, path: &str, body: &Value) -> Response {
        self.send(reqwest::Method::PATCH, path, Some(body)).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.send(reqwest::Method::DELETE, path, None).await
    }

    /// A request with a condition: `if-match` or `if-none-match`, and a tag.
    pub async fn conditional(
        &self,
        method: reqwest::Method,
        path: &str,
        (condition, tag): (&str, &str),
        body: Option<Value>,
    ) -> Response {
        let request = self.app.http.request(method, self.app.url(path)).header(condition, tag);
        let request = self.credential.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        Response::send(body.iter().fold(request, |request, body| request.json(body))).await
    }

    /// A GET that a proxy forwards for the client at `address`.
    pub async fn get_from(&self, address: &str, path: &str) -> Response {
        let request = self.app.http.get(self.app.url(path)).header("x-forwarded-for", address);
        Response::send(self.credential.iter().fold(request, reqwest::RequestBuilder::bearer_auth)).await
    }

    async fn send(&self, method: reqwest::Method, path: &str, body: Option<&Value>) -> Response {
        let request = self.app.http.request(method, self.app.url(path));
        let request = self.credential.iter().fold(request, reqwest::RequestBuilder::bearer_auth);
        Response::send(body.iter().fold(request, |request, body| request.json(body))).await
    }

    /// A request for a socket at `path`, with the credential in the query as in a browser.
    pub fn socket_request(&self, path: &str) -> SocketRequest<'a> {
        let request = SocketRequest::new(self.app, path);
        self.credential.iter().fold(request, |request, token| match token.starts_with("llk_") {
            true => request.header("authorization", &format!("Bearer {token}")),
            false => request.query("token", token),
        })
    }

    /// An open socket, after its `connection_established`.
    pub async fn connects(&self) -> Socket {
        let mut socket = self.socket_request("/ws").open().await;
        socket.next_of_type("connection_established").await;
        socket
    }

    /// An open socket that resumes after `position`, after its `connection_established`.
    pub async fn resumes(&self, position: &str) -> Socket {
        let mut socket = self.socket_request("/ws").query("since", position).open().await;
        socket.next_of_type("connection_established").await;
        socket
    }

    /// A stream of events; `last_event_id` is what a reconnecting browser would send.
    pub async fn streams(&self, path: &str, last_event_id: Option<&str>) -> Stream {
        let request = self.app.http.get(self.app.url(path)).bearer_auth(self.token());
        Stream::open(last_event_id.iter().fold(request, |request, id| request.header("last-event-id", *id)))
            .await
    }

    /// A stream with its credential, if any, in the address.
    pub async fn streams_by_url(&self, address: &str) -> Stream {
        Stream::open(self.app.http.get(self.app.url(address))).await
    }

    /// All events of the log after `since` that the caller may see, read page by page over REST.
    pub async fn reads_events(&self, since: &str) -> Vec<Value> {
        let (mut frames, mut position) = (Vec::new(), since.to_owned());
        loop {
            let since = url::form_urlencoded::byte_serialize(position.as_bytes()).collect::<String>();
            let page = self.get(&format!("/api/v1/events?since={since}&limit=200")).await.json();
            assert_eq!(page["recovered"], json!(true), "{page}");
            frames.extend(page["data"].as_array().unwrap().iter().cloned());
            position = page["position"].as_str().unwrap().to_owned();
            if page["has_more"] == json!(false) {
                return frames;
            }
        }
    }
}

impl Person<'_> {
    /// Another access token of the same user, from a separate sign-in.
    pub async fn another_token(&self) -> String {
        self.app.signs_in(&format!("{}/{}", self.tenant, self.username)).await
    }

    /// Another sign-in of the same user, with its refresh token.
    pub async fn signs_in_again(&self) -> Value {
        self.app.signs_in_response(&format!("{}/{}", self.tenant, self.username)).await
    }
}

impl<'a> Admin<'a> {
    /// The same admin with a fresh token, when the old one has expired.
    pub async fn with_fresh_token(admin: &Admin<'a>) -> Admin<'a> {
        let caller = Caller { app: admin.app, credential: Some(admin.another_token().await) };
        let (id, username, tenant) = (admin.id, admin.username.clone(), admin.tenant);
        Admin(Person { caller, id, username, tenant })
    }

    /// Broadcasts to everyone; returns the whole answer.
    pub async fn broadcasts(&self, message: &str) -> Value {
        let answer = self.post("/api/v1/admin/broadcast", &json!({ "message": message })).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub async fn lists_connections(&self) -> Vec<Value> {
        self.get("/api/v1/connections").await.json()["data"].as_array().unwrap().clone()
    }
}
