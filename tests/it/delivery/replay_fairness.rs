//! Readers of a log take turns tenant by tenant: a storm of one delays another's reader by a turn, not by a storm.

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
    let mut turns = app.takes_all_replay_permits().await;
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

    // One turn goes round; a request takes two, for the head and for its page.
    turns.pop();
    let mut before_her = 0;
    while answers.next().await == Some(false) {
        before_her += 1;
    }

    // Between her two turns the scheduler may keep her; without turns all of the storm would be before her.
    assert!(before_her <= STORM / 2, "{before_her} of {STORM} were served before the other tenant");
    while answers.next().await.is_some() {}
}

/// The path of a page that begins before everything.
async fn first_page(who: &Caller<'_>) -> String {
    let head = who.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    let (epoch, _) = head.split_once('-').unwrap();
    format!("/api/v1/events?since={epoch}-0")
}
