//! The resource over HTTP: a key in the header, JSON in and out, problems for refusals.

use std::sync::Arc;

use poem::http::{Method, StatusCode};
use poem::{Endpoint, EndpointExt, IntoEndpoint, Request, Response, Route};
use poem_openapi::OpenApiService;
use serde_json::{Value, json};

use super::PropertiesApi;
use crate::auth::key_scope::{KeyScope, Role};
use crate::domain::identity::bootstrap::{BootstrapKey, create_key};
use crate::domain::identity::testing::{identity, settings};
use crate::domain::testing::World;
use crate::http::problem::ProblemLayer;
use crate::http::validation::OperationTable;

/// The resource's endpoint and a worker's key.
struct TestApi<E> {
    endpoint: E,
    key: String,
    _world: World,
}

async fn test_api() -> TestApi<impl Endpoint<Output = Response>> {
    let world = World::new().await;
    world.user("ann", Role::Admin).await;
    let identity = identity(&world, settings(), Vec::new(), 1);
    let scopes = &[KeyScope::PropertiesWrite, KeyScope::EventsRead];
    let new_key = BootstrapKey { username: Some("ann"), name: "worker", scopes, expires_at: None };
    let key = create_key(&identity, "acme", &new_key).await.unwrap().text.expose().to_owned();
    let operations = OperationTable::new().with_api::<PropertiesApi>("/api/v1");
    let endpoint = Route::new()
        .nest("/api/v1", OpenApiService::new(PropertiesApi, "Properties", "1"))
        .data(Arc::new(identity))
        .with(ProblemLayer::new(Arc::new(operations), world.services.entropy))
        .map_to_response()
        .into_endpoint();
    TestApi { endpoint, key, _world: world }
}

impl<E: Endpoint<Output = Response>> TestApi<E> {
    async fn ask(&self, method: Method, address: &str, body: Option<Value>) -> (StatusCode, Value) {
        let request = Request::builder()
            .method(method)
            .uri_str(format!("/api/v1{address}"))
            .header("authorization", format!("Bearer {}", self.key));
        let request = match body {
            Some(body) => request.content_type("application/json").body(body.to_string()),
            None => request.finish(),
        };
        let response = self.endpoint.call(request).await.unwrap();
        let status = response.status();
        let text = response.into_body().into_string().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::Null))
    }

    async fn read(&self, address: &str) -> (StatusCode, Value) {
        self.ask(Method::GET, address, None).await
    }

    async fn batch(&self, body: Value) -> (StatusCode, Value) {
        self.ask(Method::POST, "/properties/batch", Some(body)).await
    }
}

fn home(key: &str) -> Value {
    json!({"source": "example.com", "listing_key": key, "list_price": 303_000, "address": {"city": "Toledo"}})
}

#[tokio::test]
async fn a_batch_is_answered_row_by_row_and_found_again() {
    let api = test_api().await;
    let bad = json!({"source": "example.com", "listing_key": "2", "list_price": "much", "colour": "red"});

    let (status, answer) = api.batch(json!({"items": [home("1"), bad, 7]})).await;
    let (_, found) = api.read("/properties?city=TOLEDO&bbox=&limit=1").await;

    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(1), &json!(2)));
    let words = answer["results"][1]["error"].as_str().unwrap();
    assert!(words.contains("list_price: must be a number") && words.contains("colour"), "{words}");
    assert!(answer["position"].is_string());
    assert_eq!(found["status"], json!(422), "{found}");
    let (_, found) = api.read("/properties?city=TOLEDO&limit=1&sort=-price").await;
    assert_eq!(found["data"][0]["list_price"], json!(303_000.0));
    assert_eq!(found["has_more"], json!(false));
}

#[tokio::test]
async fn a_property_is_put_under_a_key_with_any_letters() {
    let api = test_api().await;
    let address = "/properties/by-key/example.com/A%2F1%20b";
    let price = |price: f64| Some(json!({ "list_price": price }));

    let (created, property) = api.ask(Method::PUT, address, price(1.5)).await;
    let (known, _) = api.ask(Method::PUT, address, price(2.0)).await;
    let (bad, problem) = api.ask(Method::PUT, address, Some(json!({"list_price": -1, "colour": 1}))).await;

    assert_eq!((created, known), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(property["listing_key"], json!("A/1 b"));
    assert_eq!(
        (bad, problem["errors"].as_array().map(Vec::len)),
        (StatusCode::UNPROCESSABLE_ENTITY, Some(2))
    );
    let id = &property["property_id"];
    let (_, history) = api.read(&format!("/properties/{id}/price-history")).await;
    assert_eq!(history["data"][0]["price"], json!(2.0));
    assert_eq!(history["data"][1]["price"], json!(1.5));
    assert_eq!(api.read(&format!("/properties/{id}")).await.0, StatusCode::OK);
    assert_eq!(api.read("/properties/999").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn empty_and_oversized_batches_are_refused_and_pages_go_on() {
    let api = test_api().await;
    let rows =
        |count: usize| json!({"items": (0..count).map(|row| home(&row.to_string())).collect::<Vec<_>>()});

    assert_eq!(api.batch(rows(0)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(api.batch(rows(501)).await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(api.batch(json!({"items": [home("1")], "job_id": 9})).await.0, StatusCode::NOT_FOUND);
    assert_eq!(api.batch(rows(3)).await.0, StatusCode::OK);

    let (_, first) = api.read("/properties?limit=2").await;
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, last) = api.read(&format!("/properties?limit=2&cursor={cursor}")).await;
    let (other, _) = api.read(&format!("/properties?limit=2&sort=price&cursor={cursor}")).await;

    assert_eq!((first["data"].as_array().unwrap().len(), last["data"].as_array().unwrap().len()), (2, 1));
    assert_eq!(other, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn null_empties_a_field_and_an_absent_one_stays() {
    let api = test_api().await;
    let address = "/properties/by-key/example.com/1";
    let put = |body: Value| api.ask(Method::PUT, address, Some(body));
    let known = json!({"list_price": 300, "currency": "EUR", "address": {"city": "Toledo", "street": "1 Elm"},
        "media": [{"url": "https://a.example/1.jpg", "kind": "photo"}], "description": "A home."});
    let (_, before) = put(known).await;

    let (_, same) = put(json!({})).await;
    let (_, put_empty) = put(json!({"currency": null, "address": {"city": null}})).await;
    let row = json!({"source": "example.com", "listing_key": "1", "media": null, "list_price": null});
    let (_, batch) = api.batch(json!({"items": [row]})).await;
    let (_, after) = api.read(&format!("/properties/{}", before["property_id"])).await;
    let (refused, problem) = put(json!({"standard_status": null, "latitude": null})).await;

    assert_eq!((&before["currency"], &before["media"][0]["kind"]), (&json!("EUR"), &json!("photo")));
    assert_eq!(same, before);
    assert_eq!((put_empty.get("currency"), &put_empty["address"]), (None, &json!({"street": "1 Elm"})));
    assert_eq!((&batch["results"][0]["status"], batch.get("nulls_ignored")), (&json!("changed"), None));
    assert_eq!((after.get("media"), after.get("list_price")), (None, None));
    assert_eq!(after["description"], json!("A home."));
    assert_eq!(refused, StatusCode::UNPROCESSABLE_ENTITY);
    let pointers: Vec<_> = problem["errors"].as_array().unwrap().iter().map(|one| &one["pointer"]).collect();
    assert_eq!(pointers, ["/latitude", "/standard_status"]);
}

#[tokio::test]
async fn a_price_without_currency_has_two_decimals_and_no_currency_is_assumed() {
    let api = test_api().await;
    let put = |body: Value| api.ask(Method::PUT, "/properties/by-key/example.com/1", Some(body));

    let (created, property) = put(json!({"list_price": 1.25})).await;
    let (fine, problem) = put(json!({"list_price": 1.255})).await;
    let (unknown, code) = put(json!({"currency": "ABC"})).await;

    assert_eq!((created, property.get("currency")), (StatusCode::CREATED, None));
    for (status, problem, pointer) in [(fine, problem, "/list_price"), (unknown, code, "/currency")] {
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(problem["errors"][0]["pointer"], json!(pointer), "{problem}");
    }
    let (_, history) = api.read(&format!("/properties/{}/price-history", property["property_id"])).await;
    assert_eq!((&history["data"][0]["price"], history["data"][0].get("currency")), (&json!(1.25), None));
}
