//! What shapes the crawls of a spider: rules are stored as they were given and every wrong one is named; headers are
//! stored encrypted and shown by no answer, no export and no row.

use std::collections::BTreeSet;

use lotline::auth::key_scope::KeyScope;
use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use lotline::base::entropy::Entropy;
use lotline::storage::{ExportHead, export_tenant};
use reqwest::Method;
use serde_json::{Value, json};

use crate::store::tables::rows;
use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    rules_are_shown_as_they_were_given_and_a_change_replaces_them,
    every_wrong_rule_is_named_with_the_faults_of_the_schema,
    headers_are_shown_by_no_answer_no_export_and_no_row,
    limits_of_a_spider_are_those_of_its_jobs,
}

const CANARY: &str = "session=canary-of-a-header";

async fn puts(caller: &Caller<'_>, path: &str, body: Value) -> Response {
    caller.conditional(Method::PUT, path, ("if-none-match", "\"none\""), Some(body)).await
}

fn pointers(answer: &Response) -> BTreeSet<String> {
    let problem = answer.expect_problem(422, "validation_failed");
    let errors = problem["errors"].as_array().unwrap();
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

async fn rules_are_shown_as_they_were_given_and_a_change_replaces_them(app: &TestApp) {
    let ann = app.admin("ann").await;
    let rules = json!({
        "sitemaps": ["https://homes.example/sitemap.xml"],
        "follow": ["/search"], "deny": ["[?&]sort="], "detail": "/home/[0-9]+$", "list_items": true,
        "constants": {"currency": "EUR", "country": "DE", "listing_type": "lease"},
        "fields": {
            "list_price": {"css": ".price", "attribute": "content", "transform": "decimal_comma"},
            "address.city": {"json_path": "$.place.town"},
            "year_built": {"regex": "built in ([0-9]{4})"},
        },
        "json": {"items": "$.homes[*]", "next": "$.next"},
        "crawl_delay_ms": 250, "requests_per_host": 3, "user_agent": "Own/1",
        "limits": {"max_pages": 50, "max_items": 40, "max_depth": 3},
    });
    let mut body = json!({"name": "portal", "runner": "builtin", "start_urls": ["https://homes.example/"]});
    body.as_object_mut().unwrap().extend(rules.as_object().unwrap().clone());

    let made = ann.post("/api/v1/spiders", &body).await;
    let shown = ann.get("/api/v1/spiders/portal").await.json();
    let listed = ann.get("/api/v1/spiders").await.json();
    let changed = puts(&ann, "/api/v1/spiders/portal", json!({"runner": "builtin", "detail": "/h/"})).await;

    assert_eq!(made.status, 201, "{made:?}");
    for (name, value) in rules.as_object().unwrap() {
        assert_eq!(&shown[name], value, "{name}");
        assert_eq!(&listed["data"][1][name], value, "{name}");
    }
    let changed = changed.json();
    assert_eq!((&changed["detail"], &changed["list_items"]), (&json!("/h/"), &json!(false)));
    assert!(changed.get("follow").is_none() && changed.get("limits").is_none(), "{changed}");
}

async fn every_wrong_rule_is_named_with_the_faults_of_the_schema(app: &TestApp) {
    let ann = app.admin("ann").await;
    let body = json!({
        "name": "portal", "runner": "magic",
        "follow": ["fine", "("], "detail": "(?=a)", "preset": "no-such-preset",
        "constants": {"currency": "ZZZ", "country": "ZZ"},
        "fields": {
            "price": {"css": "b"},
            "list_price": {"css": "b >", "transform": "double"},
            "tenure": {"json_path": "tenure"},
        },
        "requests_per_host": 9,
        "headers": {"Host": "other.example", "X-Key": "two\r\nlines", "Proxy-Authorization": "x"},
    });
    let rules_only = json!({
        "runner": "builtin", "deny": ["["], "crawl_delay_ms": 60_001, "headers": {"Connection": "close"},
        "fields": {"year_built": {}},
    });

    let refused = ann.post("/api/v1/spiders", &body).await;
    let nested_null = json!({"runner": "builtin", "fields": {"year_built": {"css": "b", "regex": null}}});
    assert_eq!(
        ann.post("/api/v1/spiders", &json!({"name": "portal", "runner": "builtin"})).await.status,
        201
    );
    let put = puts(&ann, "/api/v1/spiders/portal", rules_only).await;
    let null = puts(&ann, "/api/v1/spiders/portal", nested_null).await;

    let expected = [
        "/runner",
        "/follow/1",
        "/detail",
        "/preset",
        "/constants/currency",
        "/constants/country",
        "/fields/price",
        "/fields/list_price/css",
        "/fields/list_price/transform",
        "/fields/tenure/json_path",
        "/requests_per_host",
        "/headers/Host",
        "/headers/X-Key",
        "/headers/Proxy-Authorization",
    ];
    assert_eq!(pointers(&refused), expected.map(str::to_owned).into());
    let expected = ["/deny/0", "/crawl_delay_ms", "/headers/Connection", "/fields/year_built"];
    assert_eq!(pointers(&put), expected.map(str::to_owned).into());
    assert_eq!(pointers(&null), ["/fields/year_built/regex".to_owned()].into());
}

async fn headers_are_shown_by_no_answer_no_export_and_no_row(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::JobsRun]).await;
    let body = json!({"name": "portal", "runner": "builtin", "headers": {"Cookie": CANARY, "X-Key": "k"}});

    let made = ann.post("/api/v1/spiders", &body).await;

    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!(made.json()["header_names"], json!(["Cookie", "X-Key"]));
    let answers = [
        made,
        ann.get("/api/v1/spiders/portal").await,
        ann.get("/api/v1/spiders").await,
        worker.get("/api/v1/spiders/portal").await,
        ann.get("/api/v1/audit-log").await,
    ];
    for answer in &answers {
        assert!(answer.status < 300 && !answer.text.contains("canary"), "{answer:?}");
        assert!(!answer.text.contains("sealed"), "{answer:?}");
    }
    let connection = app.raw_database().await;
    let stored = rows(&connection, "SELECT sealed_headers FROM spiders WHERE name = 'portal'").await;
    let sealed: String = stored[0].try_get_by_index(0).unwrap();
    connection.close().await.unwrap();
    let exported = exported(app).await;
    assert!(!sealed.contains("canary") && sealed.len() > CANARY.len(), "{sealed}");
    assert!(exported.contains("portal") && !exported.contains(&sealed) && !exported.contains("canary"));
    assert!(exported.contains(r#""spiders":["sealed_headers"]"#), "{exported}");
    // A change that gives none leaves none.
    let changed = puts(&ann, "/api/v1/spiders/portal", json!({"runner": "builtin"})).await.json();
    assert!(changed.get("header_names").is_none(), "{changed}");
}

async fn exported(app: &TestApp) -> String {
    let scope = TenantScope::for_system(SystemReason::CommandLine, app.acme);
    let file = app.folder().join("spiders.ndjson");
    let head = ExportHead { made_at: "2025-11-24T16:00:00.000Z".to_owned(), program: "test" };
    export_tenant(&app.services.db, &scope, head, &file, true, Entropy).await.unwrap();
    std::fs::read_to_string(file).unwrap()
}

async fn limits_of_a_spider_are_those_of_its_jobs(app: &TestApp) {
    let ann = app.admin("ann").await;
    let spider = json!({
        "name": "portal", "runner": "external", "start_urls": ["https://homes.example/"],
        "limits": {"max_pages": 7, "max_items": 5},
    });
    assert_eq!(ann.post("/api/v1/spiders", &spider).await.status, 201);

    let plain = ann.post("/api/v1/jobs", &json!({"spider_name": "portal"})).await.json();
    let own = ann.post("/api/v1/jobs", &json!({"spider_name": "portal", "max_pages": 2})).await.json();

    assert_eq!((&plain["settings"]["max_pages"], &plain["settings"]["max_items"]), (&json!(7), &json!(5)));
    assert_eq!((&own["settings"]["max_pages"], &own["settings"]["max_items"]), (&json!(2), &json!(5)));
}
