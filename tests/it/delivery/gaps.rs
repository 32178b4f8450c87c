//! A position that the log does not know yields a gap, never a replay that passes for complete.

use lotline::auth::key_scope::KeyScope;
use lotline::protocol::position::Position;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    a_socket_receives_each_feeds_gap_and_continues_live,
    a_stream_receives_the_gap_and_continues_live,
    over_rest_a_gap_is_200_and_not_recovered,
    over_rest_a_gap_names_every_list_to_read,
}

/// Positions that cannot be resumed from, each with its reason.
async fn unusable_positions(app: &TestApp, ann: &Admin<'_>) -> Vec<(String, &'static str)> {
    let sue = app.stranger("other-sue").await;
    sue.broadcasts("elsewhere").await;
    let elsewhere = sue.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    ann.broadcasts("here").await;
    let here = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let here: Position = here.parse().unwrap();
    let future = Position { epoch: here.epoch, seq: here.seq + 1_000 };
    vec![
        ("yesterday".to_owned(), "malformed"),
        (String::new(), "malformed"),
        ("-1".to_owned(), "malformed"),
        ("9".repeat(200), "malformed"),
        (format!("1-{}", "9".repeat(5_000)), "malformed"),
        (elsewhere, "other_log"),
        (future.to_string(), "future"),
    ]
}

async fn a_socket_receives_each_feeds_gap_and_continues_live(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (since, reason) in unusable_positions(app, &ann).await {
        let request = ann.socket_request("/ws").query("since", &since).query("subscriptions", "job_updates");
        let mut socket = request.open().await;
        let hello = socket.next().await;
        let (inbox, jobs) = (socket.next().await, socket.next().await);
        ann.broadcasts("live").await;

        assert_eq!(hello["type"], "connection_established");
        let inbox_gap = json!({
            "type": "gap", "subscription": "inbox", "from": since.chars().take(200).collect::<String>(), "to": hello["position"], "reason": reason,
            "resync_url": "/api/v1/notifications", "own_jobs_url": format!("/api/v1/jobs?created_by={}", ann.id),
        });
        assert_eq!(inbox, inbox_gap);
        assert_eq!(
            (&jobs["subscription"], &jobs["resync_url"]),
            (&json!("job_updates"), &json!("/api/v1/jobs"))
        );
        assert_eq!(socket.next().await["message"], "live");
    }
}

async fn a_stream_receives_the_gap_and_continues_live(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (since, reason) in unusable_positions(app, &ann).await {
        if since.is_empty() {
            // A browser that has received no id sends an empty one, which counts as no position.
            continue;
        }
        let mut stream = ann.streams("/sse/events", Some(&since)).await;
        assert_eq!(stream.next_event().await.event.as_deref(), Some("connection_established"));
        let gap = stream.next_event().await;
        ann.broadcasts("live").await;

        assert_eq!((gap.event.as_deref(), gap.json()["reason"].as_str()), (Some("gap"), Some(reason)));
        assert_eq!(gap.id.as_deref(), gap.json()["to"].as_str());
        assert_eq!(stream.next_event().await.json()["message"], "live");
    }
}

async fn over_rest_a_gap_is_200_and_not_recovered(app: &TestApp) {
    let ann = app.admin("ann").await;

    for (since, reason) in unusable_positions(app, &ann).await {
        let query =
            url::form_urlencoded::Serializer::new(String::new()).append_pair("since", &since).finish();
        let answer = ann.get(&format!("/api/v1/events?{query}")).await;

        assert_eq!(answer.status, 200, "{reason}: {answer:?}");
        let page = answer.json();
        assert_eq!((&page["recovered"], &page["data"]), (&json!(false), &json!([])), "{reason}");
        assert_eq!(page["resync_url"], "/api/v1/notifications");
        ann.broadcasts("live").await;
        assert_eq!(ann.reads_events(page["position"].as_str().unwrap()).await[0]["message"], "live");
    }
}

async fn over_rest_a_gap_names_every_list_to_read(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::EventsRead]).await;
    let feeds = "/api/v1/events?since=yesterday&subscriptions=property_updates,job_updates";

    let hers = ann.get(feeds).await.json();
    let its = worker.get(feeds).await.json();
    let whole = ann.get("/api/v1/events").await.json();

    let (jobs, properties) = ("/api/v1/jobs", "/api/v1/properties?include_removed=true");
    let wanted = json!({
        "inbox": "/api/v1/notifications", "own_jobs": format!("/api/v1/jobs?created_by={}", ann.id),
        "job_updates": jobs, "property_updates": properties,
    });
    assert_eq!((&hers["resync_url"], &hers["resync_urls"]), (&json!(properties), &wanted));
    // An API key has no inbox.
    assert_eq!(its["resync_urls"], json!({ "job_updates": jobs, "property_updates": properties }));
    assert_eq!((whole.get("resync_url"), whole.get("resync_urls")), (None, None));
}
