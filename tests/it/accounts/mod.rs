//! Accounts under attack and over time: many sign-ins, password guessing, API keys after a demotion.

mod first_start;
mod guessing;
mod keys;
mod rates;
mod refreshing;
mod renaming;
mod sign_ins;

use std::sync::LazyLock;

use serde_json::Value;

use crate::store::tables::number;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::settings::Setting;
use crate::support::wait::DEADLINE;

/// The password of every user.
const PASSWORD: &str = "correct horse battery staple";
/// Client addresses come from the test's own headers.
const BEHIND_A_PROXY: Setting = ("LOTLINE__SERVER__TRUSTED_PROXIES", "127.0.0.1");

/// A client without keep-alive: an idle connection would be closed when the test advances the clock.
static UNPOOLED: LazyLock<reqwest::Client> = LazyLock::new(|| {
    let client = reqwest::Client::builder().timeout(DEADLINE * 3).no_proxy().pool_max_idle_per_host(0);
    client.build().unwrap()
});

/// Posts the sign-in form from `address`.
async fn signs_in(app: &TestApp, name: &str, password: &str, address: &str) -> Response {
    let fields = [("username", name), ("password", password)];
    posts_form(app, &fields, address).await
}

async fn refreshes(app: &TestApp, token: &str) -> Response {
    posts_form(app, &[("grant_type", "refresh_token"), ("refresh_token", token)], "192.0.2.1").await
}

async fn posts_form(app: &TestApp, fields: &[(&str, &str)], address: &str) -> Response {
    let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = UNPOOLED.post(app.url("/api/v1/auth/token")).header("x-forwarded-for", address);
    Response::send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await
}

/// The refresh token of an answer, which must be a token pair.
#[track_caller]
fn refresh_token(answer: &Response) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&answer.json(), "refresh_token")
}

fn text(body: &Value, field: &str) -> String {
    body[field].as_str().unwrap_or_else(|| panic!("no {field} in {body}")).to_owned()
}

/// The single number that a query returns.
async fn count(app: &TestApp, sql: &str) -> i64 {
    let connection = app.raw_database().await;
    let count = number(&connection, sql).await;
    connection.close().await.unwrap();
    count
}
