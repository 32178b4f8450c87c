//! A reader that does not read is disconnected, delays no other reader, and resumes without loss.

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;
use crate::support::socket::Socket;

on_both_databases! {
    a_reader_that_never_reads_is_closed_with_4503_and_resumes_complete,
    a_slow_reader_that_reads_within_fifteen_seconds_gets_the_close_code,
}

/// The largest broadcast that is allowed: 4,000 characters, here of four bytes each.
fn large() -> String {
    "\u{1f3e1}".repeat(4_000)
}

async fn a_reader_that_never_reads_is_closed_with_4503_and_resumes_complete(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let mut quick = ann.connects().await;
    let mut slow = bob.socket_request("/ws").receive_bytes(4 * 1024).open().await;
    slow.next_of_type("connection_established").await;

    let sent = broadcasts_until_one_is_closed(app, &ann, &mut quick).await;
    let (code, _) = slow.expect_close().await;

    assert_eq!(code, 4503);
    let mut seen: Vec<Value> = slow.skipped.into_iter().collect();
    assert!(seen.len() < sent, "all {sent} were read, so the reader was not slow");
    let last = seen.last().map_or(start.clone(), |frame| frame["position"].as_str().unwrap().to_owned());
    seen.extend(bob.resumes(&last).await.next_durable(sent - seen.len()).await);
    let log = ann.reads_events(&start).await;
    assert_eq!(seen.len(), log.len());
    assert!(seen == log, "the frames differ from the log");
}

/// Sends large broadcasts until the slow one of the two readers is closed; returns their number.
async fn broadcasts_until_one_is_closed(app: &TestApp, ann: &Admin<'_>, quick: &mut Socket) -> usize {
    let mut sent = 0;
    while app.connections() == 2 {
        ann.broadcasts(&large()).await;
        quick.next_durable(1).await;
        sent += 1;
        assert!(sent < 2_000, "the system itself holds {sent} messages of 16 KB and no end");
    }
    sent
}

async fn a_slow_reader_that_reads_within_fifteen_seconds_gets_the_close_code(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut quick = ann.connects().await;
    let mut slow = bob.socket_request("/ws").receive_bytes(4 * 1024).open().await;
    let start = slow.next_of_type("connection_established").await["position"].as_str().unwrap().to_owned();
    let sent = broadcasts_until_one_is_closed(app, &ann, &mut quick).await;

    app.advance(std::time::Duration::from_millis(14_500)).await;
    let (code, _) = slow.expect_close().await;

    assert_eq!(code, 4503);
    let last = slow.skipped.back().map_or(start, |frame| frame["position"].as_str().unwrap().to_owned());
    let rest = bob.resumes(&last).await.next_durable(sent - slow.skipped.len()).await;
    assert_eq!(slow.skipped.len() + rest.len(), sent);
}
