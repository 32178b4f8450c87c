//! Lists and reads over REST: stable cursors, conditional reads, and conditional changes.

use lotline::auth::key_scope::KeyScope;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_cursor_of_another_order_is_refused_by_name,
    what_a_client_has_read_is_not_sent_again_until_it_changes,
    a_spider_that_has_changed_is_neither_replaced_nor_removed,
    a_job_id_of_a_batch_may_be_written_as_digits,
}

async fn makes_job(caller: &Caller<'_>) -> Value {
    let new = json!({"spider_name": "auto", "target_urls": ["https://homes.example/"]});
    let made = caller.post("/api/v1/jobs", &new).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.json()
}

async fn a_cursor_of_another_order_is_refused_by_name(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    for number in 0..3 {
        makes_job(&ann).await;
        let item =
            json!({"source": "s", "listing_key": number.to_string(), "source_url": "https://s.example/"});
        let stored = worker.post("/api/v1/properties/batch", &json!({"items": [item]})).await.json();
        assert_eq!(stored["accepted"], 1, "{stored}");
    }

    for (path, sort, other) in
        [("/api/v1/jobs", "created_at", "-created_at"), ("/api/v1/properties", "property_id", "-property_id")]
    {
        let first = ann.get(&format!("{path}?limit=1&sort={sort}")).await.json();
        let cursor = first["next_cursor"].as_str().unwrap();
        let second = ann.get(&format!("{path}?limit=1&sort={sort}&cursor={cursor}")).await;
        let refused = ann.get(&format!("{path}?limit=1&sort={other}&cursor={cursor}")).await;

        assert_eq!(second.status, 200, "{path}: {second:?}");
        assert_ne!(second.json()["data"], first["data"], "{path}");
        let problem = refused.expect_problem(422, "validation_failed");
        assert_eq!(problem["errors"][0]["loc"], json!(["query", "cursor"]), "{path}: {problem}");
    }
}

async fn what_a_client_has_read_is_not_sent_again_until_it_changes(app: &TestApp) {
    let ann = app.admin("ann").await;
    let job = format!("/api/v1/jobs/{}", makes_job(&ann).await["job_id"]);

    for path in [job.as_str(), "/api/v1/spiders/auto"] {
        let read = ann.get(path).await;
        let tag = read.header("etag").unwrap().to_owned();
        let again = ann.conditional(Method::GET, path, ("if-none-match", &tag), None).await;

        assert_eq!((again.status, again.text.as_str()), (304, ""), "{path}");
        assert_eq!(again.header("etag"), Some(tag.as_str()), "{path}");
    }
    let tag = ann.get(&job).await.header("etag").unwrap().to_owned();
    assert_eq!(ann.post(&format!("{job}/cancel"), &json!({})).await.status, 200);
    let changed = ann.conditional(Method::GET, &job, ("if-none-match", &tag), None).await;
    assert_eq!((changed.status, &changed.json()["status"]), (200, &json!("cancelled")));
}

async fn a_spider_that_has_changed_is_neither_replaced_nor_removed(app: &TestApp) {
    let ann = app.admin("ann").await;
    let made = ann.post("/api/v1/spiders", &json!({"name": "portal", "runner": "external"})).await;
    assert_eq!(made.status, 201, "{made:?}");
    let path = "/api/v1/spiders/portal";
    let old = ann.get(path).await.header("etag").unwrap().to_owned();
    let change = |host: &str| Some(json!({"runner": "external", "allowed_hosts": [host]}));

    let first = ann.conditional(Method::PUT, path, ("if-match", &old), change("one.example")).await;
    let late = ann.conditional(Method::PUT, path, ("if-match", &old), change("two.example")).await;
    let late_removal = ann.conditional(Method::DELETE, path, ("if-match", &old), None).await;
    let now = ann.get(path).await;
    let tag = now.header("etag").unwrap().to_owned();
    let removal = ann.conditional(Method::DELETE, path, ("if-match", &tag), None).await;

    assert_eq!(first.status, 200, "{first:?}");
    late.expect_problem(412, "precondition_failed");
    late_removal.expect_problem(412, "precondition_failed");
    assert_eq!(now.json()["allowed_hosts"], json!(["one.example"]));
    assert_eq!(removal.status, 204, "{removal:?}");
}

async fn a_job_id_of_a_batch_may_be_written_as_digits(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let id = makes_job(&ann).await["job_id"].to_string();
    let item = json!({"source": "s", "listing_key": "1", "source_url": "https://s.example/1"});

    let stored = worker.post("/api/v1/properties/batch", &json!({"job_id": id, "items": [item]})).await;
    let refused = worker.post("/api/v1/properties/batch", &json!({"job_id": "one", "items": [item]})).await;

    assert_eq!((stored.status, &stored.json()["accepted"]), (200, &json!(1)), "{stored:?}");
    let found = ann.get(&format!("/api/v1/properties?job_id={id}")).await.json();
    assert_eq!(found["data"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(refused.expect_problem(422, "validation_failed")["errors"][0]["pointer"], "/job_id");
}
