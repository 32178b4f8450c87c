//! Events of a later version with an unknown routing are skipped, and those that follow are delivered.

use serde_json::{Value, json};

use crate::history::number;
use crate::operations::metrics::value;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::wait::sleep_briefly;

on_both_databases! {
    every_carrier_skips_an_event_whose_routing_is_unknown,
    a_position_goes_on_past_an_unknown_routing_at_the_logs_end,
}

/// Appends an event to acme's log as a node of another version would.
async fn another_version_appends(app: &TestApp) {
    let tenant = app.acme;
    let insert = format!(
        r#"INSERT INTO events (tenant_id, seq, kind, routing, body, bytes, occurred_at)
           SELECT tenant_id, head + 1, 'webhook_sent', '{{"to":"webhook","webhook_id":7}}',
                  '{{"type":"webhook_sent"}}', 55, 1764000000000000 FROM tenant_logs WHERE tenant_id = {tenant}"#
    );
    app.runs_sql(&insert).await;
    let count =
        format!("UPDATE tenant_logs SET head = head + 1, bytes = bytes + 55 WHERE tenant_id = {tenant}");
    app.runs_sql(&count).await;
}

fn texts_and_positions(frames: &[Value]) -> Vec<(&str, u64)> {
    let read = |frame: &Value| number(frame["position"].as_str().unwrap()).unwrap();
    frames.iter().map(|frame| (frame["message"].as_str().unwrap(), read(frame))).collect()
}

async fn every_carrier_skips_an_event_whose_routing_is_unknown(app: &TestApp) {
    let ann = app.admin("ann").await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let first = number(&start).unwrap() + 1;
    let mut live_socket = ann.connects().await;
    let mut live_stream = ann.streams("/sse/events", None).await;
    live_stream.next_event().await;

    ann.broadcasts("before").await;
    another_version_appends(app).await;
    ann.broadcasts("after").await;
    let by_live_socket = app.while_time_passes(live_socket.next_durable(2)).await;
    let by_live_stream = app.while_time_passes(live_stream.next_durable(2)).await;
    let by_rest = ann.reads_events(&start).await;
    let by_socket = ann.resumes(&start).await.next_durable(2).await;
    let by_stream = ann.streams("/sse/events", Some(&start)).await.next_durable(2).await;

    assert_eq!(texts_and_positions(&by_rest), [("before", first), ("after", first + 2)]);
    assert_eq!((&by_live_socket, &by_socket), (&by_rest, &by_rest));
    for stream in [by_live_stream, by_stream] {
        for ((id, frame), wanted) in stream.iter().zip(&by_rest) {
            assert_eq!((frame, Some(id.as_str())), (wanted, wanted["position"].as_str()));
        }
    }
    let figures = app.metrics("/metrics").await;
    assert!(value(&figures.text, "lotline_events_of_unknown_routing_total") >= 1.0);
}

async fn a_position_goes_on_past_an_unknown_routing_at_the_logs_end(app: &TestApp) {
    let ann = app.admin("ann").await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let mut socket = ann.connects().await;

    another_version_appends(app).await;
    let page = ann.get(&format!("/api/v1/events?since={start}")).await.json();
    let end = &page["position"];
    app.while_time_passes(async {
        while socket.request(json!({ "type": "ping" })).await["position"] != *end {
            sleep_briefly().await;
        }
    })
    .await;

    assert_eq!(
        (&page["data"], &page["has_more"], &page["recovered"]),
        (&json!([]), &json!(false), &json!(true))
    );
    assert_eq!(number(end.as_str().unwrap()), number(&start).map(|seq| seq + 1));
    ann.broadcasts("after").await;
    let by_socket = socket.next_durable(1).await;
    assert_eq!(by_socket, ann.reads_events(end.as_str().unwrap()).await);
}
