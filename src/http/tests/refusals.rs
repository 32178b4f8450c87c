//! Every failure is a problem.

use super::*;

#[tokio::test]
async fn an_unknown_route_is_a_problem() {
    let edge = TestServer::start();

    edge.get("/nowhere").await.is_problem(404, "not_found");
    edge.get("/api/v1/nowhere").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_wrong_method_lists_the_allowed_ones() {
    let edge = TestServer::start();

    let answer = Answer::of(edge.ask("DELETE", "/api/v1/things/7")).await;
    answer.is_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
    // The fixed path takes precedence over the parameter, here as in the router.
    let answer = Answer::of(edge.ask("DELETE", "/api/v1/things/batch")).await;
    assert_eq!(answer.header("allow"), "OPTIONS, POST");
    let answer = Answer::of(edge.ask("POST", "/teapot")).await;
    answer.is_problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS");
}

#[tokio::test]
async fn a_missing_and_a_bad_token_are_distinguished() {
    let edge = TestServer::start();
    let url = format!("http://{}/api/v1/things/7", edge.address);

    let missing = Answer::of(edge.client.get(&url)).await;
    missing.is_problem(401, "unauthenticated");
    assert_eq!(missing.body["detail"], "Authentication required");
    assert_eq!(missing.header("www-authenticate"), "Bearer realm=\"lotline\"");
    let bad = Answer::of(edge.client.get(&url).bearer_auth("bad")).await;
    bad.is_problem(401, "unauthenticated");
    assert_eq!(bad.body["detail"], "Invalid token");
}

#[tokio::test]
async fn a_handlers_problem_reaches_the_caller() {
    let edge = TestServer::start();

    edge.get("/api/v1/things/404").await.is_problem(404, "not_found");
}

#[tokio::test]
async fn a_panic_is_an_internal_problem_and_the_server_lives_on() {
    let edge = TestServer::start();

    edge.get("/panics").await.is_problem(500, "internal");
    assert_eq!(edge.get("/api/v1/things/7").await.body, 7);
}

#[tokio::test]
async fn foreign_errors_lose_their_text_and_keep_their_headers() {
    let edge = TestServer::start();

    let answer = edge.get("/teapot").await;
    assert_eq!((answer.status, answer.header("x-kept")), (418, "yes"));
    assert_eq!(answer.body["code"], "bad_request");
    assert!(!answer.body.to_string().contains("Secret"));
    edge.get("/fails").await.is_problem(500, "internal");
}

#[tokio::test]
async fn a_request_id_of_the_caller_is_kept_on_good_answers_too() {
    let edge = TestServer::start();

    let answer = Answer::of(edge.ask("GET", "/api/v1/things/7").header("x-request-id", "mine-1")).await;

    assert_eq!((answer.status, answer.header("x-request-id")), (200, "mine-1"));
}

#[tokio::test]
async fn all_bad_parameters_are_named_at_once() {
    let edge = TestServer::start();

    let answer = edge.get("/api/v1/things/x?limit=0&tag=red&tag=mauve&since=monday&lmit=3").await;

    answer.is_problem(422, "validation_failed");
    let faults = [
        "path.thing_id: type",
        "query.limit: minimum",
        "query.lmit: unknown_parameter",
        "query.since: format",
        "query.tag.1: enum",
    ];
    assert_eq!(answer.faults(), faults);
    assert_eq!(answer.body["errors"][0]["pointer"], "");
}

#[tokio::test]
async fn good_parameters_pass() {
    let edge = TestServer::start();

    let answer = edge.get("/api/v1/things/1?limit=10&tag=red&tag=dark_blue&since=2026-01-01T00:00:00Z").await;

    assert_eq!((answer.status, answer.body), (200, Value::from(14)));
}

#[tokio::test]
async fn an_unknown_parameter_alone_is_refused() {
    let edge = TestServer::start();

    let answer = edge.get("/api/v1/things/1?lmit=10").await;

    answer.is_problem(422, "validation_failed");
    assert_eq!(answer.faults(), ["query.lmit: unknown_parameter"]);
    assert_eq!(answer.body["errors"][0]["msg"], "is not a parameter here; known are limit, tag, since");
}

#[tokio::test]
async fn an_unauthorized_caller_learns_nothing_about_parameters() {
    let edge = TestServer::start();
    let url = format!("http://{}/api/v1/things/x?lmit=10", edge.address);

    Answer::of(edge.client.get(url)).await.is_problem(401, "unauthenticated");
}

#[tokio::test]
async fn an_open_operation_refuses_bad_parameters_too() {
    let edge = TestServer::start();

    let answer = edge.get("/api/v1/open?yes=maybe&ratio=NaN&no=1").await;
    answer.is_problem(422, "validation_failed");
    let faults = ["query.no: unknown_parameter", "query.ratio: type", "query.yes: type"];
    assert_eq!(answer.faults(), faults);
    let twice = edge.get("/api/v1/open?ratio=1&ratio=2").await;
    assert_eq!(twice.faults(), ["query.ratio: repeated"]);
    assert_eq!(edge.get("/api/v1/open?yes=true").await.status, 200);
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_page() {
    let edge = TestServer::start();

    let problem = edge.get("/nowhere").await;
    let page = edge.get(problem.body["type"].as_str().unwrap()).await;

    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.body.as_str().unwrap().contains("<h1>Not found</h1>"));
    edge.get("/problems/nothing").await.is_problem(404, "not_found");
}
