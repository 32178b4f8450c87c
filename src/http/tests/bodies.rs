//! Bodies and their bad fields.

use serde_json::json;

use super::*;

#[tokio::test]
async fn a_body_with_four_bad_fields_names_exactly_the_four() {
    let edge = TestServer::start();
    let good = json!({"name": "a", "list_price": 1});
    let bad = json!({"name": "", "list_price": -1, "colour": "mauve", "prize": 3});

    let answer = edge.post("/api/v1/things/batch", json!({"items": [good, good, good, bad]})).await;

    answer.is_problem(422, "validation_failed");
    let faults = [
        "body.items.3.colour: enum",
        "body.items.3.list_price: minimum",
        "body.items.3.name: min_length",
        "body.items.3.prize: unknown_field",
    ];
    assert_eq!(answer.faults(), faults);
    let price = json!({
        "pointer": "/items/3/list_price", "loc": ["body", "items", 3, "list_price"],
        "msg": "must be 0 or more", "type": "minimum",
    });
    assert!(answer.body["errors"].as_array().unwrap().contains(&price), "{}", answer.body);
}

#[tokio::test]
async fn every_rule_has_its_word() {
    let edge = TestServer::start();
    let body = json!({
        "name": 5, "count": 1, "currency": "usd", "place": {"city": "Toledo", "latitude": 91},
        "tags": ["four", "fives", "a", "b"], "at": "monday", "key": "x", "email": "nobody",
        "attributes": {"any": [1, null]}, "limits": {"a": 256}, "made_by": "me",
    });

    let answer = edge.post("/api/v1/things", body).await;

    let faults = [
        "body.at: format",
        "body.count: minimum",
        "body.currency: pattern",
        "body.email: format",
        "body.key: format",
        "body.limits.a: range",
        "body.made_by: read_only",
        "body.name: type",
        "body.place.city: max_length",
        "body.place.latitude: maximum",
        "body.tags.1: max_length",
        "body.tags: max_items",
    ];
    assert_eq!(answer.faults(), faults);
}

#[tokio::test]
async fn missing_fields_are_named_and_null_is_missing_only_where_it_is_optional() {
    let edge = TestServer::start();

    let answer = edge.post("/api/v1/things", json!({"place": {}, "colour": null})).await;

    assert_eq!(answer.faults(), ["body.name: required", "body.place.latitude: required"]);
    let answer = edge.post("/api/v1/things", json!({"name": null})).await;
    assert_eq!(answer.faults(), ["body.name: type"]);
    assert_eq!(edge.post("/api/v1/things", json!({"name": "a", "place": null})).await.status, 200);
}

#[tokio::test]
async fn a_body_of_the_wrong_kind_is_one_fault() {
    let edge = TestServer::start();

    let answer = edge.post("/api/v1/things", json!([])).await;

    answer.is_problem(422, "validation_failed");
    assert_eq!(answer.body["detail"], "body: must be an object, not a list");
}

#[tokio::test]
async fn a_tagged_union_is_validated_by_its_tag() {
    let edge = TestServer::start();

    let faults = async |body| edge.post("/api/v1/commands", body).await.faults();

    assert_eq!(faults(json!({"type": "ping", "nonce": 300})).await, ["body.nonce: range"]);
    assert_eq!(faults(json!({"type": "follow"})).await, ["body.feed: required"]);
    assert_eq!(faults(json!({"type": "dance"})).await, ["body.type: enum"]);
    assert_eq!(faults(json!({})).await, ["body.type: required"]);
    assert_eq!(edge.post("/api/v1/commands", json!({"type": "ping", "nonce": 3})).await.status, 200);
}

#[tokio::test]
async fn an_untagged_union_is_validated_by_its_closest_form() {
    let edge = TestServer::start();

    let answer = edge.post("/api/v1/shapes", json!({"side": -1, "label": "x"})).await;
    assert_eq!(answer.faults(), ["body.side: minimum"]);
    let answer = edge.post("/api/v1/shapes", json!("circle")).await;
    assert_eq!(answer.body["detail"], "body: must be an object, not a string");
    assert_eq!(edge.post("/api/v1/shapes", json!({"radius": 1})).await.status, 200);
}

#[tokio::test]
async fn invalid_json_is_reported_with_line_and_column() {
    let edge = TestServer::start();

    let answer = edge.post_text("/api/v1/things", "{\n  \"name\": oops\n}").await;

    answer.is_problem(400, "invalid_json");
    assert_eq!(answer.body["detail"], "The body is not JSON: reading stopped at line 2, column 11.");
}

#[tokio::test]
async fn a_missing_body_is_a_missing_field_and_a_wrong_type_is_415() {
    let edge = TestServer::start();

    let answer = Answer::of(edge.ask("POST", "/api/v1/things")).await;
    answer.is_problem(422, "validation_failed");
    assert_eq!(answer.faults(), ["body: required"]);
    let text = edge.ask("POST", "/api/v1/things").header("content-type", "text/plain").body("{}");
    Answer::of(text).await.is_problem(415, "unsupported_media_type");
    Answer::of(edge.ask("POST", "/api/v1/things").body("{}")).await.is_problem(415, "unsupported_media_type");
}

#[tokio::test]
async fn a_body_above_its_limit_is_413_and_the_peer_gets_to_read_that() {
    let edge = TestServer::start();
    let of_size = |bytes: usize| format!("{{\"name\": \"{}\"}}", "x".repeat(bytes));

    edge.post_text("/api/v1/things", of_size(1024 * 1024)).await.is_problem(413, "payload_too_large");
    edge.post_text("/api/v1/things", of_size(12 * 1024 * 1024)).await.is_problem(413, "payload_too_large");
    // Below the limit it is read, and refused for its content.
    edge.post_text("/api/v1/things", of_size(1024 * 1024 - 12)).await.is_problem(422, "validation_failed");
    // A batch may be larger.
    edge.post_text("/api/v1/things/batch", of_size(1024 * 1024)).await.is_problem(422, "validation_failed");
}

#[tokio::test]
async fn a_body_without_a_length_is_bounded_too() {
    let edge = TestServer::start();
    let piece = || Ok::<_, std::io::Error>(vec![b' '; 64 * 1024]);
    let pieces = futures_util::stream::iter((0..20).map(move |_| piece()));

    let answer = edge.post_text("/api/v1/things", reqwest::Body::wrap_stream(pieces)).await;

    answer.is_problem(413, "payload_too_large");
}

#[tokio::test]
async fn a_million_bad_items_get_a_short_answer() {
    let edge = TestServer::start();

    let answer = edge.post("/api/v1/things/batch", json!({"items": vec![0; 1_000_000]})).await;

    answer.is_problem(422, "validation_failed");
    assert_eq!(answer.faults().len(), 1000);
}

#[tokio::test]
async fn a_form_is_read_and_refused_like_json() {
    let edge = TestServer::start();
    let form = |text: &'static str| {
        let request = edge.ask("POST", "/api/v1/sign-in");
        Answer::of(request.header("content-type", "application/x-www-form-urlencoded").body(text))
    };

    let good = form("grant_type=password&username=ann&password=a%26b+c&expires_in=9&scope=").await;
    assert_eq!((good.status, good.body), (200, json!("ann:a&b c:Some(9)")));
    let bad = form("username=&expires_in=soon").await;
    bad.is_problem(422, "validation_failed");
    assert_eq!(
        bad.faults(),
        ["body.expires_in: type", "body.password: required", "body.username: min_length"]
    );
    let twice = form("username=a&username=b&password=c").await;
    assert_eq!(twice.faults(), ["body.username: repeated"]);
    let both = form("username=a&username=b&expires_in=soon").await;
    let faults = ["body.expires_in: type", "body.password: required", "body.username: repeated"];
    assert_eq!(both.faults(), faults);
}
