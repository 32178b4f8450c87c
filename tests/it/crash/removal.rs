//! Kills while a tenant is removed: the next process deletes the rest.

use lotline::base::failpoint::Failpoint;
use reqwest::Method;
use serde_json::json;

use crate::load::{Accounts, Node, OPERATOR, PASSWORD};
use crate::support::app::Backend;
use crate::support::wait::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_is_killed_goes_on_after_the_start_on_sqlite() {
    a_removal_that_is_killed_goes_on_after_the_start(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removal_that_is_killed_goes_on_after_the_start_on_postgresql() {
    a_removal_that_is_killed_goes_on_after_the_start(Backend::Postgres).await;
}

async fn a_removal_that_is_killed_goes_on_after_the_start(back: Backend) {
    let mut node = Node::prepare(back, &[("LOTLINE__CRAWLER__ENABLED", "false")]).await;
    let cast = Accounts::create(&node);
    node.start(&[]);
    let whereabouts = node.client();
    // Two rows each, an event and a notification: more than one batch of deletes.
    for number in 0..300 {
        for tenant in &cast.tenants {
            let body = json!({ "message": format!("number {number}") });
            whereabouts.post(&tenant.admin, "/api/v1/admin/broadcast", &body).await.expect_done("told");
        }
    }
    let signed_in = whereabouts.signs_in(OPERATOR, PASSWORD).await;
    let root = signed_in["access_token"].as_str().unwrap().to_owned();
    let list = whereabouts.get(&root, "/api/v1/tenants").await.expect_done("the tenants");
    let path = format!("/api/v1/tenants/{}", list["data"][0]["id"]);
    assert_eq!(list["data"][0]["slug"], "acme");
    let staying = &cast.tenants[1].admin;
    let log = whereabouts.get(staying, "/api/v1/notifications?limit=200").await.expect_done("theirs");

    // In a batch that is not the last; in the last batch, after the first is done; in the last batch again.
    node.kill();
    for pass in ["1", "2", "1"] {
        let point = format!("{}:{pass}", Failpoint::TenantRemoval.name());
        node.start(&[("LOTLINE_FAILPOINT", &point)]);
        let asked = whereabouts.request(Method::DELETE, &format!("{path}?confirm=acme")).bearer_auth(&root);
        // The answer may be lost with the process.
        let _ = asked.send().await;
        node.wait_for_exit().await;
    }
    node.start(&[]);
    eventually("the tenant to be gone", async || {
        whereabouts.request(Method::GET, &path).bearer_auth(&root).send().await.unwrap().status() == 404
    })
    .await;

    let after = whereabouts.get(staying, "/api/v1/notifications?limit=200").await.expect_done("theirs");
    assert_eq!(after, log);
    let whole = node.subcommand(&["restore", "--verify"], "");
    assert!(
        whole.starts_with("sound") && whole.contains("other: 300 events") && !whole.contains("acme"),
        "{whole}"
    );
    node.remove().await;
}
