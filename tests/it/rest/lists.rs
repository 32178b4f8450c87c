//! Every list of the document is paged; the order of sign-ins holds although the clock does not move.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::settings::Setting;

const TWO: &[Setting] = &[("LOTLINE__LIMITS__SESSIONS_PER_USER", "2")];

on_both_databases! {
    usage_comes_in_pages,
    every_list_of_the_document_is_paged,
    sign_ins_and_connections_come_in_pages,
    a_page_of_large_rows_ends_early_and_is_continued,
    a_new_sign_in_is_never_the_one_that_makes_room with super::TWO,
}

/// A fixed table of the program.
const FIXED: [&str; 1] = ["list_close_codes"];

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => &document["components"]["schemas"][reference.rsplit('/').next().unwrap()],
        None => schema,
    }
}

async fn every_list_of_the_document_is_paged(app: &TestApp) {
    let document = app.anonymous().get("/openapi.json").await.json();
    let (mut paged, mut unpaged) = (0, Vec::new());
    for item in document["paths"].as_object().unwrap().values() {
        let Some(operation) = item.get("get") else { continue };
        let id = operation["operationId"].as_str().unwrap();
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let schema = resolve(&document, schema);
        let is_array = |schema: &Value| resolve(&document, schema)["type"] == "array";
        if FIXED.contains(&id) || !(is_array(schema) || is_array(&schema["properties"]["data"])) {
            continue;
        }
        let has = |name: &str| {
            operation["parameters"].as_array().is_some_and(|all| all.iter().any(|one| one["name"] == name))
        };
        // The log is continued from a position instead of a cursor.
        let goes_on = has("cursor") || has("since");
        if has("limit") && goes_on && schema["properties"]["has_more"].is_object() {
            paged += 1;
        } else {
            unpaged.push(id);
        }
    }

    assert_eq!(unpaged, Vec::<&str>::new());
    assert!(paged >= 15, "{paged} lists");
}

async fn usage_comes_in_pages(app: &TestApp) {
    let ann = app.admin("ann").await;
    let whole = ann.get("/api/v1/usage").await.json();
    assert_eq!(whole["has_more"], false, "{whole}");

    let (mut path, mut found) = ("/api/v1/usage?limit=3".to_owned(), Vec::new());
    loop {
        let page = ann.get(&path).await.json();
        found.extend(page["data"].as_array().unwrap().iter().map(|one| one["quota"].clone()));
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/v1/usage?limit=3&cursor={cursor}");
    }

    let all: Vec<Value> = whole["data"].as_array().unwrap().iter().map(|one| one["quota"].clone()).collect();
    assert_eq!(found, all);
}

async fn sign_ins_and_connections_come_in_pages(app: &TestApp) {
    let ann = app.admin("ann").await;
    for _ in 0..4 {
        ann.another_token().await;
    }
    let (one, two, three) = (ann.connects().await, ann.connects().await, ann.connects().await);

    for (path, id, count) in [("/api/v1/auth/sessions", "id", 5), ("/api/v1/connections", "connection_id", 3)]
    {
        let whole = ann.get(path).await.json();
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = ann.get(&format!("{path}?limit=2{cursor}")).await;
            let body = page.json();
            seen.extend(body["data"].as_array().unwrap().iter().map(|one| one[id].clone()));
            let Some(next) = body["next_cursor"].as_str() else { break };
            assert!(page.header("link").unwrap().contains("rel=\"next\""), "{page:?}");
            cursor = format!("&cursor={next}");
        }

        let expected: Vec<Value> =
            whole["data"].as_array().unwrap().iter().map(|one| one[id].clone()).collect();
        assert_eq!((seen.len(), &seen), (count, &expected), "{path}");
    }
    drop((one, two, three));
}

async fn a_new_sign_in_is_never_the_one_that_makes_room(app: &TestApp) {
    let bob = app.member("bob").await;

    // With equal times, the latest two of three sign-ins are kept, whatever their ids are.
    let mut before = bob.token().to_owned();
    for _ in 0..8 {
        let now = bob.another_token().await;
        for token in [&before, &now] {
            let request = app.http.get(app.url("/api/v1/users/me")).bearer_auth(token);
            assert_eq!(crate::support::answer::Response::send(request).await.status, 200);
        }
        before = now;
    }
    let listed = bob_sessions(app, &before).await;
    assert_eq!(listed["data"].as_array().map(Vec::len), Some(2), "{listed}");
    assert_eq!(listed["has_more"], json!(false));
}

async fn bob_sessions(app: &TestApp, token: &str) -> Value {
    let request = app.http.get(app.url("/api/v1/auth/sessions")).bearer_auth(token);
    crate::support::answer::Response::send(request).await.json()
}

async fn a_page_of_large_rows_ends_early_and_is_continued(app: &TestApp) {
    let bob = app.member("bob").await;
    let path = "a".repeat(1_950);
    let urls: Vec<String> = (0..450).map(|at| format!("https://portal.example/{path}{at}")).collect();
    let mut made = Vec::new();
    for _ in 0..10 {
        let answer = bob.post("/api/v1/jobs", &json!({ "spider_name": "auto", "target_urls": urls })).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        made.push(answer.json()["id"].clone());
    }

    let (mut seen, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = bob.get(&format!("/api/v1/jobs?limit=200&sort=created_at{cursor}")).await.json();
        pages += 1;
        seen.extend(page["data"].as_array().unwrap().iter().map(|job| job["id"].clone()));
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }

    assert_eq!(seen, made);
    assert_eq!(pages, 2, "the first page ended at 4 MiB");
}
