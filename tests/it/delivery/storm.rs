//! All clients reconnect at once: they share one set of reads of the store, and those beyond the node's capacity are
//! refused without any read.

use futures_util::future::join_all;
use serde_json::json;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Member;

on_both_databases! {
    two_hundred_sockets_that_reconnect_at_once_share_one_read with &[
        ("LOTLINE__LIMITS__SOCKETS_PER_USER", "10"),
    ],
    a_full_node_refuses_each_carrier_in_its_own_way_and_reads_nothing_for_it with &[
        ("LOTLINE__LIMITS__CONNECTS_IN_FLIGHT", "1"),
        ("LOTLINE__LIMITS__JOINS_IN_FLIGHT", "1"),
        ("LOTLINE__LIMITS__CONNECTS_WAITING", "0"),
    ],
    a_reader_from_far_behind_gets_all_of_a_shared_replay,
}

const USERS: usize = 20;
const SOCKETS: usize = 10;
const MISSED: usize = 300;

async fn two_hundred_sockets_that_reconnect_at_once_share_one_read(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut people = Vec::new();
    for number in 0..USERS {
        people.push(app.member(&format!("user-{number}")).await);
    }
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    for number in 0..MISSED {
        ann.broadcasts(&number.to_string()).await;
    }
    let before = app.services.db.transactions();
    let (accounts, logs) = (app.identity.account_reads(), app.services.log_cache.reads());

    let returns = people.iter().flat_map(|person| std::iter::repeat_n(person, SOCKETS));
    let seen = join_all(returns.map(|person| reconnects(person, &start))).await;

    let wanted: Vec<String> = (0..MISSED).map(|number| number.to_string()).collect();
    assert!(seen.iter().all(|messages| *messages == wanted));
    assert!(app.identity.account_reads() - accounts <= USERS as u64);
    // One for each 128 events, one for events appended meanwhile, one or two for the log's head.
    let log_reads = app.services.log_cache.reads() - logs;
    assert!(log_reads <= 8, "{log_reads}");
    let transactions = app.services.db.transactions() - before;
    // One read of each user's account and one of the user's rooms.
    assert!(transactions <= 2 * USERS as u64 + 8, "{transactions}");
}

/// The messages that a returning socket gets.
async fn reconnects(person: &Member<'_>, since: &str) -> Vec<String> {
    let mut socket = person.resumes(since).await;
    let frames = socket.next_durable(MISSED).await;
    frames.iter().map(|frame| frame["message"].as_str().unwrap().to_owned()).collect()
}

async fn a_full_node_refuses_each_carrier_in_its_own_way_and_reads_nothing_for_it(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut established = bob.connects().await;
    let before = app.services.db.transactions();
    let admission = app.admission();
    let held = [admission.connects.acquire().await.unwrap(), admission.requests.acquire().await.unwrap()];

    let refused = bob.socket_request("/ws").try_handshake().await;
    let mut closed = bob.socket_request("/ws").query("reject", "close").open().await;
    let mut stream = bob.streams("/sse/events", None).await;
    let request = bob.get("/api/v1/users/me").await;

    assert_eq!((refused.status, &refused.json()["code"]), (503, &json!("unavailable")));
    assert!(refused.headers.contains_key("retry-after") && request.headers.contains_key("retry-after"));
    let (code, reason) = closed.expect_close().await;
    assert_eq!(code, 1013);
    assert!(reason.contains(";retry_after="), "{reason}");
    let problem = stream.next_event().await;
    assert_eq!((stream.status, problem.event.as_deref()), (200, Some("problem")));
    assert!(problem.retry.is_some_and(|retry| retry >= 1_000), "{problem:?}");
    assert_eq!(stream.next_block().await, None);
    assert_eq!(request.status, 503);
    assert_eq!(app.services.db.transactions(), before, "a refusal must cost nothing");

    drop(held);
    let joining = admission.joins.acquire().await.unwrap();
    assert_eq!(bob.socket_request("/ws").try_handshake().await.status, 503);
    ann.broadcasts("still there").await;
    assert_eq!(established.next_of_type("system_notification").await["message"], "still there");
    drop(joining);
    bob.connects().await;
}

async fn a_reader_from_far_behind_gets_all_of_a_shared_replay(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut positions = Vec::new();
    for number in 0..MISSED {
        positions.push(ann.broadcasts(&number.to_string()).await["position"].as_str().unwrap().to_owned());
    }

    for from in [0, 126, 127, 128, 200, MISSED - 2] {
        let mut socket = bob.resumes(&positions[from]).await;
        let frames = socket.next_durable(MISSED - 1 - from).await;

        let seen: Vec<_> = frames.iter().map(|frame| frame["message"].as_str().unwrap().to_owned()).collect();
        let wanted: Vec<_> = (from + 1..MISSED).map(|number| number.to_string()).collect();
        assert_eq!(seen, wanted);
        assert_eq!(socket.request(json!({ "type": "ping" })).await["position"], json!(positions[MISSED - 1]));
        drop(socket);
        app.wait_for_connections(0).await;
    }
}
