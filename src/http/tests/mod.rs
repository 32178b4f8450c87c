//! The edge end to end: a small API behind all layers, on a real listener, with a real client.

mod accounts;
mod bodies;
mod document;
mod refusals;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use poem::http::{Method, StatusCode};
use poem::{EndpointExt, IntoResponse, Request, Response, Route, get, handler};
use poem_openapi::auth::Bearer;
use poem_openapi::param::{Path, Query};
use poem_openapi::payload::{Json, PlainText};
use poem_openapi::types::Email;
use poem_openapi::{Enum, Object, OpenApi, OpenApiService, SecurityScheme, Union};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::body::{Batch, Body, Form, Rules};
use super::pages;
use super::problem::ProblemLayer;
use super::serve::{Listener, ServeSettings, TimeLimit, serve};
use super::validation::{OperationTable, refuse_before_body};
use crate::base::clock::Clock;
use crate::base::entropy::Entropy;
use crate::protocol::problem::{FieldError, Problem};

#[derive(Debug, Clone, Copy, Enum)]
#[oai(rename_all = "snake_case")]
enum Colour {
    Red,
    DarkBlue,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Location {
    #[oai(validator(max_length = 5))]
    city: Option<String>,
    #[oai(validator(minimum(value = "-90"), maximum(value = "90")))]
    latitude: f64,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Thing {
    #[oai(validator(min_length = 1, max_length = 10))]
    name: String,
    #[oai(validator(minimum(value = "0")))]
    list_price: Option<f64>,
    #[oai(validator(minimum(value = "1", exclusive)))]
    count: Option<i32>,
    colour: Option<Colour>,
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: Option<String>,
    place: Option<Location>,
    #[oai(validator(max_items = 3, max_length = 4))]
    tags: Option<Vec<String>>,
    at: Option<chrono::DateTime<chrono::Utc>>,
    key: Option<uuid::Uuid>,
    email: Option<Email>,
    attributes: Option<BTreeMap<String, Value>>,
    limits: Option<BTreeMap<String, u8>>,
    #[oai(read_only)]
    made_by: Option<String>,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Things {
    #[oai(validator(max_items = 500))]
    items: Vec<Thing>,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Circle {
    radius: f64,
}

#[derive(Debug, Object)]
#[oai(deny_unknown_fields)]
struct Square {
    #[oai(validator(minimum(value = "0")))]
    side: f64,
    label: String,
}

#[derive(Debug, Union)]
enum Shape {
    Circle(Circle),
    Square(Square),
}

#[derive(Debug, Object)]
struct Ping {
    nonce: u8,
}

#[derive(Debug, Object)]
struct Follow {
    feed: String,
}

#[derive(Debug, Union)]
#[oai(discriminator_name = "type", rename_all = "snake_case")]
enum Command {
    Ping(Ping),
    Follow(Follow),
}

#[derive(Debug, Object)]
struct SignIn {
    #[oai(validator(min_length = 1))]
    username: String,
    password: String,
    expires_in: Option<u32>,
}

/// Bodies without rules of their own.
macro_rules! without_rules {
    ($($body:ty)*) => {$(
        impl Rules for $body {
            fn violations(self, _now: chrono::DateTime<chrono::Utc>) -> Vec<FieldError> {
                Vec::new()
            }
        }
    )*};
}

without_rules! { Thing Things Shape Command }

/// A caller with the token `good`.
#[derive(SecurityScheme)]
#[oai(ty = "bearer", checker = "check")]
struct Caller(#[expect(dead_code, reason = "the tests ask only whether there is one")] String);

async fn check(request: &Request, bearer: Bearer) -> poem::Result<String> {
    if bearer.token != "good" {
        return Err(Problem::invalid_token().into());
    }
    refuse_before_body(request)?;
    Ok(bearer.token)
}

struct Api;

#[OpenApi]
impl Api {
    /// Reads a thing.
    #[oai(path = "/things/:thing_id", method = "get", operation_id = "get_thing")]
    async fn get_thing(
        &self,
        _caller: Caller,
        thing_id: Path<i64>,
        #[oai(validator(minimum(value = "1"), maximum(value = "200")))] limit: Query<Option<u32>>,
        tag: Query<Option<Vec<Colour>>>,
        since: Query<Option<chrono::DateTime<chrono::Utc>>>,
    ) -> Result<Json<i64>, Problem> {
        if thing_id.0 == 404 {
            return Err(Problem::not_found());
        }
        let tags = tag.0.map_or(0, |tags| tags.len() as i64);
        Ok(Json(thing_id.0 + limit.0.map_or(0, i64::from) + tags + i64::from(since.0.is_some())))
    }

    /// Creates a thing.
    #[oai(path = "/things", method = "post", operation_id = "create_thing")]
    async fn create_thing(&self, _caller: Caller, body: Body<Thing>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{:?}", body.0)))
    }

    /// Creates many things.
    #[oai(path = "/things/batch", method = "post", operation_id = "create_things")]
    async fn create_things(&self, things: Batch<Things>) -> Result<Json<usize>, Problem> {
        Ok(Json(things.0.items.len()))
    }

    /// Takes a shape.
    #[oai(path = "/shapes", method = "post", operation_id = "create_shape")]
    async fn create_shape(&self, shape: Body<Shape>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{:?}", shape.0)))
    }

    /// Takes a command.
    #[oai(path = "/commands", method = "post", operation_id = "create_command")]
    async fn create_command(&self, command: Body<Command>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{:?}", command.0)))
    }

    /// Signs in.
    #[oai(path = "/sign-in", method = "post", operation_id = "sign_in")]
    async fn sign_in(&self, form: Form<SignIn>) -> Result<Json<String>, Problem> {
        Ok(Json(format!("{}:{}:{:?}", form.0.username, form.0.password, form.0.expires_in)))
    }

    /// Is open to all.
    #[oai(path = "/open", method = "get", operation_id = "open")]
    async fn open(
        &self,
        yes: Query<Option<bool>>,
        ratio: Query<Option<f64>>,
    ) -> Result<PlainText<String>, Problem> {
        Ok(PlainText(format!("{:?} {:?}", yes.0, ratio.0)))
    }
}

#[handler]
fn panics() -> &'static str {
    unreachable!("as the test wants")
}

#[handler]
fn teapot() -> Response {
    (StatusCode::IM_A_TEAPOT, "struct Secret failed").with_header("x-kept", "yes").into_response()
}

#[handler]
fn fails() -> poem::Result<()> {
    Err(poem::Error::from_string("struct Secret failed", StatusCode::BAD_GATEWAY))
}

fn service() -> OpenApiService<Api, ()> {
    OpenApiService::new(Api, "Sample", "1.0")
}

struct TestServer {
    address: SocketAddr,
    client: reqwest::Client,
    shutdown: CancellationToken,
}

impl TestServer {
    fn start() -> Self {
        let clock = Clock::system();
        let routes = Route::new()
            .nest("/api/v1", service())
            .at("/panics", get(panics))
            .at("/teapot", get(teapot))
            .at("/fails", get(fails))
            .at("/problems/:code", get(pages::problem));
        let operations =
            OperationTable::new().with_api::<Api>("/api/v1").with_route("/teapot", &[Method::GET]);
        let endpoint = routes
            .with(TimeLimit { clock: clock.clone(), span: std::time::Duration::from_secs(60) })
            .with(ProblemLayer::new(Arc::new(operations), Entropy));
        let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr();
        let shutdown = CancellationToken::new();
        TaskTracker::new().spawn(serve(
            listener,
            endpoint,
            ServeSettings::default(),
            clock,
            shutdown.clone(),
        ));
        Self { address, client: reqwest::Client::builder().no_proxy().build().unwrap(), shutdown }
    }

    fn ask(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("http://{}{path}", self.address);
        self.client.request(method.parse().unwrap(), url).header("authorization", "Bearer good")
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.ask("GET", path)).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.post_text(path, body.to_string()).await
    }

    async fn post_text(&self, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        Answer::of(self.ask("POST", path).header("content-type", "application/json").body(body)).await
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: Value,
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Self { status, headers, body }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    /// Each bad field as `location: rule`, sorted.
    fn faults(&self) -> Vec<String> {
        let errors = self.body["errors"].as_array().expect("the problem lists fields");
        let one = |error: &Value| {
            let steps = error["loc"].as_array().unwrap().iter();
            let steps: Vec<String> =
                steps.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
            format!("{}: {}", steps.join("."), error["type"].as_str().unwrap())
        };
        let mut faults: Vec<String> = errors.iter().map(one).collect();
        faults.sort();
        faults
    }

    #[track_caller]
    fn is_problem(&self, status: u16, code: &str) {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.body["type"], format!("/problems/{code}"));
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert!(!self.header("x-request-id").is_empty());
        let text = self.body.to_string();
        assert!(!text.contains("Secret") && !text.contains("integer_"), "our own names leak: {text}");
    }
}
