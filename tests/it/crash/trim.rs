//! Kills while a log is trimmed: the rest is an intact end of the log, and every position before it yields a gap.

use lotline::base::failpoint::Failpoint;
use serde_json::{Value, json};

use crate::load::{Accounts, Node, NodeClient, Run};
use crate::support::app::Backend;

const FEEDS: &str = "subscriptions=job_updates,property_updates,system_alerts";
const KEPT: &str = "50";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trim_that_is_killed_leaves_a_whole_log_on_sqlite() {
    a_trim_that_is_killed_leaves_a_whole_log(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trim_that_is_killed_leaves_a_whole_log_on_postgresql() {
    a_trim_that_is_killed_leaves_a_whole_log(Backend::Postgres).await;
}

async fn a_trim_that_is_killed_leaves_a_whole_log(back: Backend) {
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let run = Run::start(node, cast).await;
    run.wait_for_acknowledged(300).await;
    let mut ended = run.finish().await;
    ended.assert_clean();

    // The first kill undoes the first tenant's trim; at the second that one is done and the other's is undone.
    for pass in ["1", "2"] {
        let point = format!("{}:{pass}", Failpoint::Trim.name());
        let keep = ("LOTLINE__EVENTLOG__RETENTION_EVENTS", KEPT);
        ended.node.kill();
        ended.node.start(&[("LOTLINE_FAILPOINT", &point), keep]);
        ended.node.wait_for_exit().await;
        ended.node.start(&[]);
        let whereabouts = ended.node.client();
        for (accounts, tenant) in ended.cast.tenants.iter().zip(&ended.history.tenants) {
            let log: Vec<&str> = tenant.log.iter().map(|entry| entry.position.as_str()).collect();
            assert_continues_or_reports_gap(&whereabouts, &accounts.admin, &log).await;
        }
    }
    let [first, second] = [0, 1].map(|index| &ended.cast.tenants[index].admin);
    let whereabouts = ended.node.client();
    let of = |tenant: usize| ended.history.tenants[tenant].log[0].position.clone();
    assert_eq!(events_after(&whereabouts, first, &of(0)).await["recovered"], false);
    assert_eq!(events_after(&whereabouts, second, &of(1)).await["recovered"], true);
    ended.node.remove().await;
}

/// From any position a reader gets either the next entry of the log unchanged, or `recovered: false`.
async fn assert_continues_or_reports_gap(node: &NodeClient, token: &str, log: &[&str]) {
    for (place, position) in log.iter().enumerate().step_by(1 + log.len() / 25) {
        let page = events_after(node, token, position).await;
        if page["recovered"] == false {
            assert!(page["resync_url"].is_string() && page["data"] == json!([]), "{page}");
            continue;
        }
        let found: Vec<&str> = page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|frame| frame["position"].as_str().unwrap())
            .collect();
        let wanted = &log[place + 1..log.len().min(place + 1 + found.len())];
        assert_eq!(found[..wanted.len()], *wanted, "after {position}");
        assert!(wanted.len() == found.len() || wanted.len() == log.len() - place - 1);
    }
}

async fn events_after(node: &NodeClient, token: &str, position: &str) -> Value {
    let path = format!("/api/v1/events?since={position}&{FEEDS}&limit=200");
    node.get(token, &path).await.expect_done("a page")
}
