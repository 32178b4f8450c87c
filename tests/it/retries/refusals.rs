//! Refusals are not stored, and a malformed key is refused with its name.

use serde_json::json;

use super::job;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    a_corrected_retry_may_use_the_same_key,
    what_is_no_key_is_refused_by_name,
}

async fn a_corrected_retry_may_use_the_same_key(app: &TestApp) {
    let member = app.member("bob").await;
    let bad = json!({"spider_name": "nobody", "target_urls": ["no url"]});

    let refused = member.posts_with_key("k", "/api/v1/jobs", &bad).await;
    let missing = member.posts_with_key("k", "/api/v1/jobs/9999/cancel", &json!({})).await;
    let corrected = member.posts_with_key("k", "/api/v1/jobs", &job()).await;

    refused.expect_problem(422, "validation_failed");
    missing.expect_problem(404, "not_found");
    assert_eq!((corrected.status, corrected.is_replay()), (201, false), "{corrected:?}");
}

async fn what_is_no_key_is_refused_by_name(app: &TestApp) {
    let member = app.member("bob").await;
    let request = || app.http.post(app.url("/api/v1/jobs")).bearer_auth(member.token()).json(&job());
    let long = "k".repeat(256);

    for bad in ["", "two words", &long, "caf\u{e9}"] {
        let value = reqwest::header::HeaderValue::from_bytes(bad.as_bytes()).unwrap();
        let refused = Response::send(request().header("idempotency-key", value)).await;
        let problem = refused.expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["loc"], json!(["header", "Idempotency-Key"]), "{bad:?}: {problem}");
    }
    let repeated =
        Response::send(request().header("idempotency-key", "a").header("idempotency-key", "b")).await;
    let problem = repeated.expect_problem(422, "validation_failed");
    assert_eq!(problem["errors"][0]["type"], "repeated", "{problem}");
    let longest = Response::send(request().header("idempotency-key", &long[1..])).await;
    assert_eq!((longest.status, member.counts_jobs().await), (201, 1));
}
