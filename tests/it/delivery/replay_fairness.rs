//! Replay reads are granted tenant by tenant: one tenant's reconnect storm delays another's reader by one read only.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;

on_both_databases! {
    a_storm_of_one_tenants_readers_does_not_keep_another_tenant_waiting,
}

const STORM: usize = 60;

async fn a_storm_of_one_tenants_readers_does_not_keep_another_tenant_waiting(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    ann.broadcasts("here").await;
    sue.broadcasts("elsewhere").await;
    let (ours, theirs) = (first_page(&ann).await, first_page(&sue).await);
    let mut permits = app.takes_all_replay_permits().await;
    let reads = async |who: &Caller<'_>, path: &str| {
        assert_eq!(who.get(path).await.status, 200);
        who.token() == sue.token()
    };
    let mut answers: FuturesUnordered<_> = (0..STORM).map(|_| reads(&ann, &ours)).collect();
    let storm = async {
        tokio::select! {
            _ = answers.next() => panic!("somebody was answered without a turn"),
            () = app.wait_for_waiting_replays(STORM) => {}
        }
    };
    storm.await;
    answers.push(reads(&sue, &theirs));
    tokio::select! {
        _ = answers.next() => panic!("somebody was answered without a turn"),
        () = app.wait_for_waiting_replays(STORM + 1) => {}
    }

    // One permit is free; a request needs it twice, for the log's head and for its page.
    permits.pop();
    let mut before_her = 0;
    while answers.next().await == Some(false) {
        before_her += 1;
    }

    // Between her two reads the scheduler may delay her; without fair queueing the whole storm would come first.
    assert!(before_her <= STORM / 2, "{before_her} of {STORM} were served before the other tenant");
    while answers.next().await.is_some() {}
}

/// The path of a page that begins before the first event.
async fn first_page(who: &Caller<'_>) -> String {
    let head = who.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let (epoch, _) = head.split_once('-').unwrap();
    format!("/api/v1/events?since={epoch}-0")
}
