//! The export of properties: every row once, the position to follow from, a cut that is seen, and what it may use.

use std::collections::{BTreeMap, BTreeSet};

use lotline::auth::key_scope::KeyScope;
use lotline::auth::tenant_scope::SystemReason;
use lotline::domain::op::Op;
use lotline::domain::properties::export;
use lotline::domain::properties::list::PropertyQuery;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Caller, Worker};
use crate::support::wait::eventually;

on_both_databases! {
    both_formats_have_the_rows_of_the_list,
    an_export_and_the_events_after_it_are_the_table,
    a_hundred_thousand_rows_are_cut_off_and_continued,
    an_export_that_is_not_read_waits_and_a_third_one_is_refused,
    an_export_ends_with_the_credential_of_its_caller,
    bad_parameters_are_named,
}

const EXPORT: &str = "/api/v1/properties/export";

fn home(key: usize, price: usize) -> Value {
    json!({ "source": "portal", "listing_key": format!("K-{key}"), "list_price": price, "currency": "EUR",
            "address": { "city": "Utrecht" }, "description": format!("=1+{key}, \"quiet\"\nwith a garden") })
}

async fn reports(worker: &Worker<'_>, items: &[Value]) {
    for items in items.chunks(500) {
        let answer = worker.post("/api/v1/properties/batch?notify=summary", &json!({ "items": items })).await;
        assert_eq!((answer.status, &answer.json()["rejected"]), (200, &json!(0)), "{answer:?}");
    }
}

/// An export that is read line by line. It has no time limit: the rows of some take long in a debug build.
struct Lines {
    response: reqwest::Response,
    unread: Vec<u8>,
}

impl Lines {
    async fn open(who: &Caller<'_>, query: &str) -> Self {
        let client = reqwest::Client::builder().pool_max_idle_per_host(0).no_proxy().build().unwrap();
        let request =
            client.get(who.app.url(&format!("{EXPORT}?format=ndjson{query}"))).bearer_auth(who.token());
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        Self { response, unread: Vec::new() }
    }

    /// The next line. `Ok(None)`: the body ended as it should; `Err`: it was cut off.
    async fn next(&mut self) -> Result<Option<Value>, reqwest::Error> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Ok(Some(serde_json::from_slice(&line).unwrap()));
            }
            match self.response.chunk().await? {
                Some(bytes) => self.unread.extend_from_slice(&bytes),
                None => return Ok(None),
            }
        }
    }
}

/// The rows of a list, in the order of their ids.
async fn listed(ann: &Admin<'_>, query: &str) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/properties?sort=property_id&limit=200{query}{cursor}");
        let page = ann.get(&path).await.json();
        rows.extend(page["data"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { return rows };
        cursor = format!("&cursor={next}");
    }
}

async fn both_formats_have_the_rows_of_the_list(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let homes: Vec<Value> = (0..30).map(|key| home(key, 1_000 + key)).collect();
    reports(&worker, &homes).await;
    reports(&worker, &[json!({ "source": "portal", "listing_key": "K-3", "removed": true })]).await;

    for query in ["", "&price_min=1010&status=active", "&include_removed=true", "&city=nowhere"] {
        let rows = listed(&ann, query).await;
        let plain = ann.get(&format!("{EXPORT}?format=ndjson{query}")).await;
        let lines: Vec<Value> = plain.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let position = plain.header("lotline-position").unwrap();
        assert_eq!(plain.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(lines[0], json!({ "position": position }));
        assert_eq!(&lines[1..lines.len() - 1], rows, "{query}");
        assert_eq!(lines[lines.len() - 1], json!({ "complete": true, "rows": rows.len() }));

        let table = ann.get(&format!("{EXPORT}?format=csv{query}")).await;
        assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let mut reader = csv::Reader::from_reader(table.text.as_bytes());
        let records: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(records.len(), rows.len(), "{query}");
        for (record, row) in records.iter().zip(&rows) {
            assert_eq!(record["property_id"], row["property_id"].to_string());
            assert_eq!(record["address.city"], "Utrecht");
            assert_eq!(record["description"], row["description"].as_str().unwrap(), "as it is");
            assert_eq!((record["position"].as_str(), record["closed_at"].as_str()), (position, ""));
        }
    }
    let sheet = ann.get(&format!("{EXPORT}?format=csv&excel=true")).await;
    let mut reader = csv::Reader::from_reader(sheet.text.as_bytes());
    let first: BTreeMap<String, String> = reader.deserialize().next().unwrap().unwrap();
    assert!(first["description"].starts_with("'=1+0"), "{first:?}");
    let disposition = sheet.header("content-disposition").unwrap();
    assert!(
        disposition.starts_with("attachment; ") && disposition.contains("properties.csv"),
        "{disposition}"
    );
}

/// A row without what changes without an event: when it was last seen.
fn comparable(mut row: Value) -> Value {
    row.as_object_mut().unwrap().remove("last_seen_at");
    row
}

async fn an_export_and_the_events_after_it_are_the_table(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let homes: Vec<Value> = (0..1_100).map(|key| home(key, 1_000)).collect();
    reports(&worker, &homes).await;
    let op = Op::of_system(&app.services, SystemReason::Demo, app.acme);
    let query = PropertyQuery { include_removed: true, ..PropertyQuery::default() };

    // Pages of the export, and between them changes of rows that were exported, of rows that were not, and new rows.
    let mut export = export::begin(&op, query, None).await.unwrap();
    let mut copy: BTreeMap<i64, Value> = BTreeMap::new();
    for round in 0.. {
        let page = export.next_page().await.unwrap();
        if page.is_empty() {
            break;
        }
        for row in page {
            copy.insert(row.property_id, comparable(serde_json::to_value(row).unwrap()));
        }
        let changes = json!([
            home(round, 2_000 + round),
            home(1_099 - round, 3_000 + round),
            home(5_000 + round, 4_000),
            { "source": "portal", "listing_key": format!("K-{}", 10 + round), "removed": true },
            { "source": "portal", "listing_key": format!("K-{}", 1_050 + round), "removed": true },
        ]);
        reports_with_events(&worker, &changes).await;
    }
    let exported = copy.clone();
    let mut position = export.position().to_string();
    loop {
        let path = format!("/api/v1/events?since={position}&subscriptions=property_updates&limit=200");
        let page = ann.get(&path).await.json();
        assert_eq!(page["recovered"], true, "{page}");
        for event in page["data"].as_array().unwrap().iter().filter(|one| one["type"] == "property_update") {
            copy.insert(event["property_id"].as_i64().unwrap(), comparable(event["property"].clone()));
        }
        position = page["position"].as_str().unwrap().to_owned();
        if page["has_more"] == false {
            break;
        }
    }

    let table = listed(&ann, "&include_removed=true").await.into_iter();
    let table: BTreeMap<i64, Value> =
        table.map(|row| (row["property_id"].as_i64().unwrap(), comparable(row))).collect();
    assert_eq!(copy, table);
    assert_ne!(copy, exported, "the events were needed");
}

async fn reports_with_events(worker: &Worker<'_>, items: &Value) {
    let answer = worker.post("/api/v1/properties/batch", &json!({ "items": items })).await;
    assert_eq!((answer.status, &answer.json()["rejected"]), (200, &json!(0)), "{answer:?}");
}

/// Fills the tenant with rows, bypassing the product; each has a description of so many bytes.
async fn fills(app: &TestApp, rows: usize, description: usize) {
    let text = "x".repeat(description);
    app.runs_sql(&format!(
        "INSERT INTO properties (tenant_id, source, listing_key, standard_status, first_seen_at, last_seen_at,
             updated_at, search_text, removed, writer, description)
         WITH RECURSIVE numbers(number) AS
             (SELECT 1 UNION ALL SELECT number + 1 FROM numbers WHERE number < {rows})
         SELECT {}, 'bulk', 'K-' || number, 'active', 0, 0, 0, '', false, 'worker', '{text}' FROM numbers",
        app.acme.0
    ))
    .await;
}

async fn a_hundred_thousand_rows_are_cut_off_and_continued(app: &TestApp) {
    const ROWS: usize = 100_000;
    let ann = app.admin("ann").await;
    fills(app, ROWS, 10).await;

    let mut seen = BTreeSet::new();
    let mut first = Lines::open(&ann, "").await;
    assert!(first.next().await.unwrap().unwrap()["position"].is_string());
    while seen.len() < ROWS / 4 {
        let row = first.next().await.unwrap().unwrap();
        assert!(seen.insert(row["property_id"].as_i64().unwrap()));
    }
    drop(first);
    let last = seen.last().copied().unwrap();
    let mut rest = Lines::open(&ann, &format!("&after={last}")).await;
    assert!(rest.next().await.unwrap().unwrap()["position"].is_string());
    let end = loop {
        let line = rest.next().await.unwrap().unwrap();
        match line["property_id"].as_i64() {
            Some(id) => assert!(seen.insert(id), "{id} comes twice"),
            None => break line,
        }
    };

    assert_eq!(seen.len(), ROWS);
    assert_eq!(end, json!({ "complete": true, "rows": ROWS - ROWS / 4 }));
    assert_eq!(rest.next().await.unwrap(), None);
}

async fn an_export_that_is_not_read_waits_and_a_third_one_is_refused(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    // Far more than the buffers of both ends hold.
    fills(app, 20_000, 4_000).await;
    let before = app.services.db.transactions();

    let (one, mut two) = (Lines::open(&ann, "").await, Lines::open(&ann, "").await);
    assert!(two.next().await.unwrap().is_some());
    let refused = ann.get(&format!("{EXPORT}?format=csv")).await;
    refused.expect_rate_limited();
    let others = sue.get(&format!("{EXPORT}?format=ndjson")).await;

    assert_eq!((others.status, others.text.lines().count()), (200, 2), "another tenant has its own share");
    let pages = app.services.db.transactions() - before;
    assert!(pages < 60, "{pages} transactions: all rows of both are 80 pages and more");
    drop((one, two));
    eventually("the export of a client that is gone to end", async || {
        ann.get(&format!("{EXPORT}?format=ndjson&source=none")).await.status == 200
    })
    .await;
}

async fn an_export_ends_with_the_credential_of_its_caller(app: &TestApp) {
    let (ann, vic) = (app.admin("ann").await, app.viewer("vic").await);
    fills(app, 20_000, 4_000).await;

    let mut export = Lines::open(&vic, "").await;
    assert!(export.next().await.unwrap().is_some());
    let path = format!("/api/v1/users/{}", vic.id);
    assert_eq!(ann.patch(&path, &json!({ "is_active": false })).await.status, 200);
    let end = loop {
        match export.next().await {
            Ok(Some(line)) => assert!(line.get("complete").is_none(), "{line}"),
            other => break other,
        }
    };

    assert!(end.is_err(), "the body is cut off");
}

async fn bad_parameters_are_named(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (query, pointer) in [
        ("", "format"),
        ("?format=xlsx", "format"),
        ("?format=ndjson&excel=true", "excel"),
        ("?format=csv&after=-1", "after"),
        ("?format=csv&limit=5", "limit"),
        ("?format=csv&price_min=5&price_max=2", "price_min"),
    ] {
        let problem = ann.get(&format!("{EXPORT}{query}")).await.expect_problem(422, "validation_failed");
        let errors = problem["errors"].as_array().unwrap();
        let named = errors.iter().any(|error| error["loc"].to_string().contains(pointer));
        assert!(named, "{query}: {problem}");
    }
    let member_key = app.worker(&ann, &[KeyScope::JobsRun]).await;
    assert_eq!(member_key.get(&format!("{EXPORT}?format=csv")).await.status, 403);
    assert_eq!(app.anonymous().get(&format!("{EXPORT}?format=csv")).await.status, 401);
}
