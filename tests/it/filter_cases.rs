//! What filters of properties mean: `clients/filter-cases.json` against the list and the feed of a running node,
//! unknown values, and a replay from before the facts that a filter compares were written.

use lotline::auth::key_scope::KeyScope;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::answer::Response;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Caller, Worker};

on_both_databases! {
    the_list_means_what_the_table_says,
    the_feed_means_what_the_table_says,
    an_unknown_value_is_refused_with_the_field_and_what_is_allowed,
    over_rest_a_page_from_before_the_facts_is_not_recovered,
    at_connect_a_subscription_from_before_the_facts_gets_a_gap_where_they_begin,
    on_a_stream_a_subscription_from_before_the_facts_gets_a_gap_where_they_begin,
    a_later_subscription_from_before_the_facts_is_not_recovered,
}

/// A row of the table. Without `query` it concerns the feed alone, without `filter` the list alone.
#[derive(Deserialize)]
struct Case {
    name: String,
    filter: Option<Value>,
    query: Option<String>,
    property: Value,
    matches: bool,
    /// Where the list differs from the feed, because the property is removed.
    listed: Option<bool>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../../clients/filter-cases.json")).unwrap()
}

/// The key of the row's property: no other one contains it.
fn listing_key(row: usize) -> String {
    format!("case-{row:04}-end")
}

/// What a worker reports for a row's property.
fn item(row: usize, property: &Value) -> Value {
    let mut item = json!({"source": "filter-cases", "listing_key": listing_key(row)});
    let fields = property.as_object().unwrap().clone();
    item.as_object_mut().unwrap().extend(fields);
    item.as_object_mut().unwrap().retain(|name, _| !["property_id", "removed"].contains(&name.as_str()));
    item
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

impl Worker<'_> {
    /// Reports these, and returns their ids.
    async fn reports_all(&self, items: Vec<Value>) -> Vec<i64> {
        let count = items.len();
        let answer = self.post("/api/v1/properties/batch", &json!({ "items": items })).await;
        assert_eq!(
            (answer.status, answer.json()["accepted"].as_u64()),
            (200, Some(count as u64)),
            "{answer:?}"
        );
        let results = answer.json()["results"].as_array().unwrap().clone();
        results.iter().map(|result| result["property_id"].as_i64().unwrap_or_default()).collect()
    }

    /// Reports a home for sale.
    async fn reports(&self, key: &str) {
        let item = json!({
            "source": "mls", "listing_key": key, "listing_type": "sale", "list_price": 5, "currency": "EUR",
        });
        self.reports_all(vec![item]).await;
    }
}

/// Stores the table's properties; those that the table says so are removed afterwards. Returns their ids.
async fn store(worker: &Worker<'_>, cases: &[Case]) -> Vec<i64> {
    let rows = || cases.iter().enumerate();
    let ids = worker.reports_all(rows().map(|(row, case)| item(row, &case.property)).collect()).await;
    let removed = rows().filter(|(_, case)| case.property["removed"] == true);
    let removed = removed.map(|(row, case)| {
        let item = item(row, &case.property);
        json!({"source": item["source"], "listing_key": item["listing_key"], "removed": true})
    });
    worker.reports_all(removed.collect()).await;
    ids
}

async fn the_list_means_what_the_table_says(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let cases = cases();
    store(&worker, &cases).await;

    let mut faults = Vec::new();
    for (row, case) in cases.iter().enumerate() {
        let Some(query) = &case.query else { continue };
        // Narrowed to this row's property.
        let path = format!("/api/v1/properties?q={}&{query}", listing_key(row));
        let answer = ann.get(path.trim_end_matches('&')).await;
        assert_eq!(answer.status, 200, "{}: {answer:?}", case.name);
        let found = answer.json()["data"].as_array().unwrap().len();
        if found != usize::from(case.listed.unwrap_or(case.matches)) {
            faults.push(format!("{}: {query} found {found}", case.name));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

async fn the_feed_means_what_the_table_says(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let start = position(&ann).await;
    let cases = cases();
    let ids = store(&worker, &cases).await;

    let mut faults = Vec::new();
    for (case, id) in cases.iter().zip(ids) {
        let Some(filter) = case.filter.as_ref().filter(|filter| filter.get("property_id").is_none()) else {
            continue;
        };
        let mut filter = filter.clone();
        // Narrowed to this row's property.
        filter["property_id"] = json!(id);
        let page = events(&worker, &start, &json!([properties(None, &filter)])).await.json();
        let received = !page["data"].as_array().unwrap().is_empty();
        if page["recovered"] != true || page["has_more"] != false || received != case.matches {
            faults.push(format!("{}: {page}", case.name));
        }
    }
    assert_eq!(faults, Vec::<String>::new());
}

async fn an_unknown_value_is_refused_with_the_field_and_what_is_allowed(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (query, location, words) in [
        ("listing_type=sold", json!(["query", "listing_type"]), "sale, lease"),
        ("listing_type=", json!(["query", "listing_type"]), "sale, lease"),
        ("listing_type=sale,rent", json!(["query", "listing_type", 1]), "sale, lease"),
        ("status=sold", json!(["query", "status"]), "active, active_under_contract"),
        ("standard_status=active,", json!(["query", "standard_status", 1]), "active, active_under_contract"),
        ("status=active&standard_status=active", json!(["query", "standard_status"]), "the same as `status`"),
        ("currency=eur", json!(["query", "currency"]), "codes of ISO 4217, such as EUR, or none"),
        ("currency=EUR,XXX", json!(["query", "currency"]), "codes of ISO 4217, such as EUR, or none"),
        (
            "currency=EUR&currency=eur",
            json!(["query", "currency"]),
            "codes of ISO 4217, such as EUR, or none",
        ),
        ("source=mls,,homes", json!(["query", "source"]), "1 to 100 characters"),
        ("source=mls&source=", json!(["query", "source"]), "1 to 100 characters"),
        ("property_type=", json!(["query", "property_type"]), "must have 1 character or more"),
        ("city=", json!(["query", "city"]), "must have 1 character or more"),
    ] {
        let problem =
            ann.get(&format!("/api/v1/properties?{query}")).await.expect_problem(422, "validation_failed");
        let error = &problem["errors"][0];
        assert_eq!(error["loc"], location, "{query}: {problem}");
        assert!(error["msg"].as_str().unwrap().contains(words), "{query}: {problem}");
    }
    let mut socket = ann.connects().await;
    for (filter, words) in [
        (json!({"listing_type": "sold"}), "listing_type must be one of sale, lease"),
        (json!({"currency": ["EUR", "eur"]}), "currency must be an ISO 4217 code such as EUR, or none"),
        (json!({"standard_status": "sold"}), "standard_status must be one of active, "),
        (json!({"status": "active", "standard_status": "active"}), "mean the same"),
    ] {
        let mut message = properties(None, &filter);
        message["type"] = json!("subscribe");
        let refused = socket.request(message).await;
        assert_eq!(
            (refused["type"].as_str(), refused["code"].as_str()),
            (Some("subscription_error"), Some("invalid_filter"))
        );
        assert!(refused["message"].as_str().unwrap().contains(words), "{refused}");
    }
}

/// The head of the log.
async fn position(who: &Caller<'_>) -> String {
    who.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned()
}

/// The events after `since` of these subscriptions.
async fn events(who: &Caller<'_>, since: &str, subscriptions: &Value) -> Response {
    let subscriptions = encoded(&subscriptions.to_string());
    who.get(&format!("/api/v1/events?since={since}&subscriptions={subscriptions}&limit=200")).await
}

fn properties(key: Option<&str>, filter: &Value) -> Value {
    json!({"subscription": "property_updates", "key": key, "filter": filter})
}

/// The subscription that compares a later fact.
fn sales() -> Value {
    properties(Some("sales"), &json!({"listing_type": "sale"}))
}

/// The keys of listings in these frames.
fn keys(frames: &[Value]) -> Vec<&str> {
    let updates = frames.iter().filter(|frame| frame["type"] == "property_update");
    updates.map(|frame| frame["property"]["listing_key"].as_str().unwrap()).collect()
}

/// A log in which `old` was written before an upgrade and `new` after it.
struct Upgraded {
    start: String,
    /// The position at the upgrade.
    begin: String,
}

async fn upgraded(app: &TestApp, worker: &Worker<'_>, who: &Caller<'_>) -> Upgraded {
    let start = position(who).await;
    worker.reports("old").await;
    // What the migration records, if the log ends here.
    app.runs_sql("UPDATE tenant_logs SET filter_facts_after = head").await;
    let begin = position(who).await;
    worker.reports("new").await;
    Upgraded { start, begin }
}

async fn over_rest_a_page_from_before_the_facts_is_not_recovered(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let Upgraded { start, begin } = upgraded(app, &worker, &ann).await;
    let plain = json!([properties(None, &json!({"price_max": 5}))]);

    let before = events(&worker, &start, &json!([sales()])).await.json();
    let after = events(&worker, &begin, &json!([sales()])).await.json();
    let without = events(&worker, &start, &plain).await.json();
    let again = events(&worker, before["position"].as_str().unwrap(), &json!([sales()])).await.json();

    assert_eq!((&before["recovered"], &before["data"]), (&json!(false), &json!([])), "{before}");
    assert_eq!(before["resync_url"], "/api/v1/properties?include_removed=true");
    assert_eq!((&after["recovered"], keys(after["data"].as_array().unwrap())), (&json!(true), vec!["new"]));
    let wanted = (&json!(true), vec!["old", "new"]);
    assert_eq!((&without["recovered"], keys(without["data"].as_array().unwrap())), wanted);
    assert_eq!((&again["recovered"], &again["data"]), (&json!(true), &json!([])));
}

async fn at_connect_a_subscription_from_before_the_facts_gets_a_gap_where_they_begin(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let Upgraded { start, begin } = upgraded(app, &worker, &ann).await;
    let both = json!([sales(), properties(Some("all"), &json!({}))]).to_string();

    let request = worker.socket_request("/ws").query("since", &start).query("subscriptions", &both);
    let mut socket = request.open().await;
    let mut frames = vec![socket.next().await];
    while !keys(&frames).contains(&"new") {
        frames.push(socket.next().await);
    }
    let request = worker.socket_request("/ws").query("since", &begin).query("subscriptions", &both);
    let mut resumed = request.open().await;
    let hello = resumed.next().await;

    let types: Vec<&str> = frames.iter().map(|frame| frame["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["connection_established", "property_update", "gap", "property_update"], "{frames:?}");
    assert_eq!(keys(&frames), ["old", "new"]);
    let gap = json!({
        "type": "gap", "subscription": "property_updates", "key": "sales", "from": start, "to": begin,
        "reason": "trimmed", "resync_url": "/api/v1/properties?include_removed=true",
    });
    assert_eq!(frames[2], gap);
    // From the gap's own position everything is whole.
    assert_eq!(hello["position"], begin);
    assert_eq!(keys(&[resumed.next().await]), ["new"]);
}

async fn on_a_stream_a_subscription_from_before_the_facts_gets_a_gap_where_they_begin(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let Upgraded { start, begin } = upgraded(app, &worker, &ann).await;
    let path = format!("/sse/events?subscriptions={}", encoded(&json!([sales()]).to_string()));

    let mut stream = ann.streams(&path, Some(&start)).await;
    let gap = stream.next_named("gap").await;
    let update = stream.next_named("property_update").await;

    assert_eq!((gap.json()["key"].as_str(), gap.json()["to"].as_str()), (Some("sales"), Some(&*begin)));
    assert_eq!(gap.id, Some(begin));
    assert_eq!(keys(&[update.json()]), ["new"]);
}

async fn a_later_subscription_from_before_the_facts_is_not_recovered(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite, KeyScope::EventsRead]).await;
    let Upgraded { start, begin } = upgraded(app, &worker, &ann).await;
    let mut socket = worker.connects().await;
    let mut message = sales();
    message["type"] = json!("subscribe");

    message["since"] = json!(start);
    socket.send_json(message.clone()).await;
    let (confirmed, live) = (socket.next().await, socket.next().await);
    message["since"] = json!(begin);
    socket.send_json(message).await;
    let whole = [socket.next().await, socket.next().await, socket.next().await];

    assert_eq!(
        (&confirmed["type"], &confirmed["recovered"]),
        (&json!("subscription_confirmed"), &json!(false))
    );
    assert_eq!(confirmed["resync_url"], "/api/v1/properties?include_removed=true");
    assert_eq!((&live["type"], &live["recovered"]), (&json!("subscription_live"), &json!(false)));
    assert_eq!((&whole[0]["recovered"], keys(&whole)), (&json!(true), vec!["new"]));
    assert_eq!((&whole[2]["type"], &whole[2]["recovered"]), (&json!("subscription_live"), &json!(true)));
}
