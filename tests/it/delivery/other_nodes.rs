//! Events that another node commits reach this node's readers without a notification from it; an unreadable log
//! affects its own tenant only, and a log that was trimmed before this node read it yields a gap.

use std::time::Duration;

use chrono::TimeDelta;
use lotline::domain::broadcast::{NewBroadcast, send};
use lotline::domain::identity::authenticate::Credential;
use lotline::domain::log_retention::{LogRetention, trim_logs};
use lotline::domain::op::{Op, Origin, Services};
use lotline::protocol::routing::Audience;
use serde_json::json;

use crate::history::number;
use crate::support::app::{ACME, TestApp};
use crate::support::on_both_databases;
use crate::support::people::{Admin, Person};
use crate::support::wait::eventually;

on_both_databases! {
    what_another_node_commits_arrives,
    a_log_that_was_trimmed_before_this_node_read_it_is_a_gap,
    a_log_that_cannot_be_read_holds_up_no_other,
    a_node_that_compares_no_heads_is_not_ready,
}

impl Person<'_> {
    /// Broadcasts to everyone on another node.
    pub(super) async fn broadcasts_at(&self, node: &Services, message: &str) -> String {
        let identity = &self.app.identity;
        let caller = identity.authenticate(Credential::Header(self.token())).await.unwrap().principal;
        let op = Op::of_caller(node, caller, Origin::default()).unwrap();
        let new = NewBroadcast {
            message: message.to_owned(),
            category: None,
            audience: Audience::Everyone,
            start_time: None,
        };
        send(&op, new).await.unwrap().position.to_string()
    }
}

async fn what_another_node_commits_arrives(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = bob.connects().await;
    let there = app.another_node();

    // More than one read returns.
    for number in 0..600 {
        ann.broadcasts_at(&there, &number.to_string()).await;
    }
    let frames = app.while_time_passes(socket.next_durable(600)).await;

    let seen: Vec<_> = frames.iter().map(|frame| frame["message"].as_str().unwrap().to_owned()).collect();
    assert_eq!(seen, (0..600).map(|number| number.to_string()).collect::<Vec<_>>());
}

async fn a_log_that_was_trimmed_before_this_node_read_it_is_a_gap(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = bob.connects().await;
    ann.broadcasts("seen").await;
    let seen = socket.next_of_type("system_notification").await["position"].as_str().unwrap().to_owned();
    let there = app.another_node();
    let permits = app.takes_all_replay_permits().await;
    for number in 0..30 {
        ann.broadcasts_at(&there, &number.to_string()).await;
    }
    trim_logs(&app.services, LogRetention { age: TimeDelta::days(3_650), events: 5, bytes: None })
        .await
        .unwrap();

    drop(permits);
    let (code, _) = app.while_time_passes(socket.expect_close()).await;
    let mut resumed = bob.resumes(&seen).await;
    let gap = resumed.next().await;
    ann.broadcasts("after it").await;
    let next = resumed.next_of_type("system_notification").await;
    // The gap ends where this node's read position was when it sent the gap.
    let [to, first] =
        [&gap["to"], &next["position"]].map(|position| number(position.as_str().unwrap()).unwrap());

    assert_eq!((code, socket.skipped.len()), (1012, 0), "nothing behind the gap was told before it");
    assert_eq!(
        (&gap["type"], &gap["reason"], &gap["from"]),
        (&json!("gap"), &json!("trimmed"), &json!(seen))
    );
    assert_eq!(first, to + 1, "{gap} and then {next}");
}

async fn a_log_that_cannot_be_read_holds_up_no_other(app: &TestApp) {
    let (ann, sue) = (app.admin("ann").await, app.stranger("sue").await);
    let there = app.another_node();

    // Whichever tenant comes first in a round, each is the broken one once.
    break_and_repair_log(app, &there, &ann, &sue).await;
    break_and_repair_log(app, &there, &sue, &ann).await;
}

async fn break_and_repair_log(app: &TestApp, there: &Services, broken: &Admin<'_>, whole: &Admin<'_>) {
    // New sockets each time: a waiting test does not answer pings.
    let (mut its, mut others) = (broken.connects().await, whole.connects().await);
    let permits = app.takes_all_replay_permits().await;
    broken.broadcasts_at(there, "late").await;
    let tenant = if broken.tenant == ACME { app.acme } else { app.other };
    let those = format!("tenant_id = {tenant} AND body LIKE '%late%'");
    app.runs_sql(&format!("UPDATE events SET routing = 'x' || routing WHERE {those}")).await;
    drop(permits);
    whole.broadcasts_at(there, "in time").await;
    let received = app.while_time_passes(others.next_of_type("system_notification")).await;
    app.advance(Duration::from_secs(33)).await;
    let ready = app.anonymous().get("/readyz").await.status;

    app.runs_sql(&format!("UPDATE events SET routing = substr(routing, 2) WHERE {those}")).await;
    let late = app.while_time_passes(its.next_of_type("system_notification")).await;

    assert_eq!((&received["message"], ready), (&json!("in time"), 200));
    assert_eq!(late["message"], "late");
}

async fn a_node_that_compares_no_heads_is_not_ready(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = bob.connects().await;
    let there = app.another_node();
    assert_eq!(app.anonymous().get("/readyz").await.status, 200);

    let permits = app.takes_all_replay_permits().await;
    ann.broadcasts_at(&there, "unheard").await;
    app.wait_for_waiting_replays(1).await;
    app.clock.advance(Duration::from_secs(31));
    let problem = app.anonymous().get("/readyz").await.expect_problem(503, "unavailable");
    let alive = app.anonymous().get("/livez").await.status;
    drop(permits);
    let received = app.while_time_passes(socket.next_of_type("system_notification")).await;
    eventually("readiness to come back", async || app.anonymous().get("/readyz").await.status == 200).await;

    assert_eq!(problem["detail"], "The heads of the logs are not compared any more.");
    assert_eq!((alive, received["message"].as_str()), (200, Some("unheard")));
}
