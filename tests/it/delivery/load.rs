//! Readers that connect in the middle of a burst miss no event and see none twice.

use futures_util::future::join_all;
use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Admin;

on_both_databases! {
    late_readers_replay_without_loss_while_500_broadcasts_are_sent,
    reconnecting_over_and_over_yields_each_event_once,
}

const BURST: usize = 500;

/// Sends the burst from four clients at once.
async fn burst(ann: &Admin<'_>) {
    let senders = (0..4).map(async |sender| {
        for number in 0..BURST / 4 {
            ann.broadcasts(&format!("{sender}:{number}")).await;
        }
    });
    join_all(senders).await;
}

async fn late_readers_replay_without_loss_while_500_broadcasts_are_sent(app: &TestApp) {
    let ann = app.admin("ann").await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let mut watch = ann.connects().await;
    let readers = async {
        // They connect when two fifths of the burst have been delivered.
        watch.next_durable(2 * (BURST / 5)).await;
        let socket = async { ann.resumes(&start).await.next_durable(BURST).await };
        let stream = async {
            let frames = ann.streams("/sse/events", Some(&start)).await.next_durable(BURST).await;
            frames.into_iter().map(|(_, frame)| frame).collect::<Vec<_>>()
        };
        let live = async { watch.next_durable(BURST - 2 * (BURST / 5)).await };
        tokio::join!(socket, stream, live)
    };

    let ((), (by_socket, by_stream, by_watch)) = tokio::join!(burst(&ann), readers);

    let log = ann.reads_events(&start).await;
    assert_eq!(log.len(), BURST);
    assert_eq!(by_socket, log);
    assert_eq!(by_stream, log);
    assert_eq!(by_watch, log[2 * (BURST / 5)..]);
}

async fn reconnecting_over_and_over_yields_each_event_once(app: &TestApp) {
    let ann = app.admin("ann").await;
    let bob = app.member("bob").await;
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let reader = async {
        let (mut seen, mut since) = (Vec::<Value>::new(), start.clone());
        while seen.len() < BURST {
            let mut socket = bob.resumes(&since).await;
            seen.extend(socket.next_durable(25.min(BURST - seen.len())).await);
            since = seen.last().unwrap()["position"].as_str().unwrap().to_owned();
            drop(socket);
            // A user may have five connections; each is free again when the server has noticed the close.
            app.wait_for_connections(0).await;
        }
        seen
    };

    let ((), seen) = tokio::join!(burst(&ann), reader);

    assert_eq!(seen, ann.reads_events(&start).await);
}
