//! The corpus of hostile tokens at every real endpoint: each gets a problem, none a session.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use serde_json::Value;

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::jwt_corpus::{self, SampleKeys};
use crate::support::people::Admin;
use crate::support::settings::{self, SIGNING_KID, Setting};
use crate::support::{on_both_databases, on_one_database};

const FOREIGN_SECRET: &str = "the secret of another backend, long enough";
const WITH_FOREIGN_ISSUER: &[Setting] = &[(
    "LOTLINE__AUTH__ISSUERS",
    r#"[{"key": "the secret of another backend, long enough", "tenants": ["acme"], "default": true}]"#,
)];

on_both_databases! {
    a_token_ends_with_the_session_it_belongs_to,
}

mod corpus {
    // Tokens are verified before the database is read, so one database is enough.
    super::on_one_database!(Sqlite, no_endpoint_accepts_a_hostile_token, super::WITH_FOREIGN_ISSUER);
    super::on_one_database!(Sqlite, a_token_that_is_given_twice_is_refused);
}

fn keys_of(app: &TestApp, user: &Admin<'_>) -> SampleKeys {
    let claims = user.token().split('.').nth(1).unwrap();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    SampleKeys {
        issuer: "lotline".to_owned(),
        audience: "lotline".to_owned(),
        kid: SIGNING_KID.to_owned(),
        secret: settings::signing_secret(),
        now: app.clock.now().timestamp(),
        user_id: user.id.0,
        tenant_id: app.acme.0,
        username: user.username.clone(),
        role: "admin".to_owned(),
        session_id: claims["sid"].as_str().unwrap().to_owned(),
        foreign_secret: Some(FOREIGN_SECRET.as_bytes().to_vec()),
    }
}

/// The token in the header for REST and streams, in the query for sockets; none where it cannot be sent.
pub(super) async fn at_each_endpoint(app: &TestApp, token: &str) -> Vec<(&'static str, Response)> {
    let mut answers = Vec::new();
    if let Ok(value) = HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()) {
        for path in ["/api/v1/notifications", "/sse/events"] {
            let request = app.http.get(app.url(path)).header("authorization", value.clone());
            answers.push((path, head_of(request).await));
        }
    }
    answers.push(("/ws", app.anonymous().socket_request("/ws").query("token", token).try_handshake().await));
    answers
}

/// Of an answer of success only the head is read: a stream never ends.
async fn head_of(request: reqwest::RequestBuilder) -> Response {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let text = if status == 200 { String::new() } else { response.text().await.unwrap() };
    Response { status, headers, text }
}

async fn no_endpoint_accepts_a_hostile_token(app: &TestApp) {
    let ann = app.admin("ann").await;
    let keys = keys_of(app, &ann);

    let corpus = jwt_corpus::corpus(&keys);
    let mut taken = Vec::new();
    for (name, token) in &corpus {
        for (request, answer) in at_each_endpoint(app, token).await {
            let refused = match answer.status {
                400 | 401 | 431 => answer.header("content-type") == Some("application/problem+json"),
                _ => false,
            };
            if !refused {
                taken.push(format!("{request} answers {} to: {name}", answer.status));
            }
            assert!(
                token.len() < 20 || !answer.text.contains(token.as_str()),
                "{request} repeats the token: {name}"
            );
        }
    }

    assert!(corpus.len() > 300, "the corpus has only {} tokens", corpus.len());
    assert_eq!(taken, Vec::<String>::new());
    let controls = [Some(jwt_corpus::valid(&keys)), jwt_corpus::valid_foreign(&keys)];
    for token in controls.into_iter().flatten() {
        let statuses: Vec<u16> =
            at_each_endpoint(app, &token).await.iter().map(|(_, answer)| answer.status).collect();
        assert_eq!(statuses, [200, 200, 101]);
    }
}

async fn a_token_that_is_given_twice_is_refused(app: &TestApp) {
    let ann = app.admin("ann").await;
    let query = format!("token={0}&token={0}", ann.token());

    for path in ["/ws", "/sse/events", "/events", "/sse/notifications"] {
        let answer = app.anonymous().get(&format!("{path}?{query}")).await;
        answer.expect_problem(400, "bad_request");
    }
    let request = app.http.get(app.url("/api/v1/notifications"));
    let request = request.bearer_auth(ann.token()).header("authorization", format!("Bearer {}", ann.token()));
    Response::send(request).await.expect_problem(400, "two_credentials");
}

async fn a_token_ends_with_the_session_it_belongs_to(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;

    let gone = ann.post("/api/v1/auth/logout", &serde_json::json!({})).await;
    let closed = socket.expect_close().await;

    assert!((200..300).contains(&gone.status), "{gone:?}");
    assert_eq!(closed.0, 4410);
    for (request, answer) in at_each_endpoint(app, ann.token()).await {
        assert_eq!(answer.status, 401, "{request}: {answer:?}");
    }
}
