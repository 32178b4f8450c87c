//! Streams for readers other than a browser's EventSource: polyfills, libraries, pages that cannot see a status.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::{Admin, Caller};
use crate::support::stream::Stream;

on_both_databases! {
    a_polyfill_gives_its_position_in_the_query,
    a_reader_may_ask_for_comments_instead_of_blocks_of_only_an_id,
    a_permanent_refusal_is_a_problem_event_that_stops_reconnects,
    a_refusal_that_a_new_token_resolves_does_not_stop_reconnects,
}

async fn positions(ann: &Admin<'_>, count: usize) -> Vec<String> {
    for number in 0..count {
        ann.broadcasts(&number.to_string()).await;
    }
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let epoch = start.split_once('-').unwrap().0;
    let log = ann.reads_events(&format!("{epoch}-0")).await;
    log.iter().map(|frame| frame["position"].as_str().unwrap().to_owned()).collect()
}

async fn a_polyfill_gives_its_position_in_the_query(app: &TestApp) {
    let ann = app.admin("ann").await;
    let at = positions(&ann, 4).await;
    let next = async |query: &str, header: Option<&str>| {
        ann.streams(&format!("/sse/events?{query}"), header).await.next_durable(1).await[0].0.clone()
    };

    for name in ["lastEventId", "last_event_id"] {
        assert_eq!(next(&format!("{name}={}", at[1]), None).await, at[2]);
        assert_eq!(
            next(&format!("{name}={}&since={}", at[1], at[0]), None).await,
            at[2],
            "it is the newer word"
        );
        assert_eq!(next(&format!("{name}={}", at[0]), Some(&at[2])).await, at[3], "the header is newer");
        assert_eq!(next(&format!("{name}=&since={}", at[0]), None).await, at[1], "an empty one says nothing");
    }
    let twice = format!("/sse/events?lastEventId={}&last_event_id={}", at[0], at[1]);
    ann.get(&twice).await.expect_problem(400, "bad_request");
    let named = format!("/sse/notifications?lastEventId={}", at[2]);
    assert_eq!(ann.streams(&named, None).await.next_durable(1).await[0].0, at[3]);
}

async fn a_reader_may_ask_for_comments_instead_of_blocks_of_only_an_id(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut comments = ann.streams("/sse/events?keepalive=comment", None).await;
    let mut ids = ann.streams("/sse/events?keepalive=id", None).await;

    app.advance(Duration::from_secs(17)).await;
    ann.broadcasts("hello").await;

    let hello = comments.next_block().await.unwrap();
    let first = comments.next_block().await.unwrap();
    assert_eq!(hello.event.as_deref(), Some("connection_established"));
    assert!(hello.id.is_some());
    // There was no block in between; the comments come before the next block.
    assert_eq!(first.event.as_deref(), Some("system_notification"));
    assert!(first.comments >= 2, "one at the start, one after fifteen seconds: {first:?}");
    let blocks: Vec<_> = [ids.next_block().await.unwrap(), ids.next_block().await.unwrap()].into();
    assert!(blocks[1].id.is_some() && blocks[1].data.is_none() && blocks[1].comments == 0, "{blocks:?}");
}

/// The only event of a stream that is a refusal.
async fn refusal(mut stream: Stream) -> (Option<String>, Option<u64>, Value) {
    assert_eq!(stream.status, 200);
    assert_eq!(stream.headers["content-type"], "text/event-stream");
    let block = stream.next_block().await.unwrap();
    assert_eq!((block.event.as_deref(), stream.next_block().await), (Some("problem"), None));
    (block.id.clone(), block.retry, block.json())
}

async fn a_permanent_refusal_is_a_problem_event_that_stops_reconnects(app: &TestApp) {
    let (bob, root) = (app.member("bob").await, app.operator("root").await);
    let caller = |caller: &Caller<'_>| caller.token().to_owned();

    for (token, path, code, name) in [
        (caller(&root), "/sse/events?reject=close", 4403, "forbidden"),
        (caller(&bob), "/sse/stats?reject=close", 4403, "forbidden"),
        (caller(&bob), "/sse/logs/999999?reject=close", 4404, "gone"),
        (caller(&bob), "/sse/events?reject=close&subscriptions=news", 4400, "bad_request"),
        (caller(&bob), "/sse/notifications?reject=close&filter=a", 4400, "bad_request"),
    ] {
        let open = async |last: Option<&str>| {
            let request = app.http.get(app.url(path)).bearer_auth(&token);
            Stream::open(last.iter().fold(request, |request, id| request.header("last-event-id", *id))).await
        };
        let (id, retry, problem) = refusal(open(None).await).await;

        assert_eq!((id.clone(), retry), (Some(format!("end.{name}")), Some(3_600_000)), "{path}");
        assert_eq!((&problem["close_code"], &problem["code"]), (&json!(code), &json!(name)), "{path}");
        let mut again = open(id.as_deref()).await;
        assert_eq!((again.status, again.next_block().await), (204, None), "{path}");
        let polyfill = format!("{path}&lastEventId={}", id.unwrap());
        let polyfill = app.http.get(app.url(&polyfill)).bearer_auth(&token);
        assert_eq!(Stream::open(polyfill).await.status, 204);
    }
    bob.get("/sse/stats").await.expect_problem(403, "forbidden");
    let foreign = app.http.get(app.url("/sse/events?reject=close")).bearer_auth(bob.token());
    let foreign = foreign.header("origin", "https://evil.example");
    crate::support::answer::Response::send(foreign).await.expect_problem(403, "bad_origin");
    assert_eq!(app.connections(), 0);
}

async fn a_refusal_that_a_new_token_resolves_does_not_stop_reconnects(app: &TestApp) {
    let nobody = app.anonymous();

    for path in ["/sse/events?reject=close", "/sse/events?reject=close&token=nonsense"] {
        let (id, retry, problem) = refusal(nobody.streams_by_url(path).await).await;

        assert_eq!((id, &problem["close_code"]), (None, &json!(4401)), "{path}");
        assert!(retry.is_some_and(|retry| (30_000..=300_000).contains(&retry)), "{retry:?}");
    }
    nobody.get("/sse/events").await.expect_problem(401, "unauthenticated");
}
