//! Subscriptions that wait for their replay: their number, their size, and the total cost of a tenant's replays.

use std::time::Duration;

use lotline::auth::tenant_scope::{SystemReason, TenantScope};
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;
use crate::support::settings::Setting;
use crate::support::socket::Socket;
use crate::support::wait::eventually;

const NO_RATE_LIMIT: &[Setting] =
    &[("LOTLINE__LIMITS__MESSAGES_PER_SECOND", "100000"), ("LOTLINE__LIMITS__QUEUE_BYTES", "4194304")];
const FEW: &[Setting] = &[("LOTLINE__LIMITS__SUBSCRIPTIONS_PER_SOCKET", "3")];

on_both_databases! {
    at_most_four_wait_and_the_fifth_is_refused,
    a_subscription_of_the_same_name_replaces_the_earlier_one_even_while_pending,
    one_that_waits_is_ended_by_unsubscribe,
    those_that_wait_count_among_the_subscriptions with super::FEW,
    what_is_given_at_connect_obeys_the_same_on_every_carrier with super::FEW,
    a_filter_is_no_longer_than_what_it_is_compared_with,
    a_thousand_subscribes_with_large_filters_leave_little_behind with super::NO_RATE_LIMIT,
    replay_reads_of_five_sockets_are_bounded with super::NO_RATE_LIMIT,
    replays_of_a_tenant_wait_for_its_own_permits_and_no_other_tenants_do,
}

fn subscribe(key: &str, since: &str) -> Value {
    json!({"type": "subscribe", "subscription": "job_updates", "key": key, "since": since, "id": key})
}

async fn position(socket: &mut Socket) -> String {
    socket.request(json!({"type": "ping"})).await["position"].as_str().unwrap().to_owned()
}

/// Waits until the node has read `count` messages of acme's sockets.
async fn wait_for_received(app: &TestApp, count: u64) {
    let received = || app.open_connections().iter().map(|one| one.traffic.messages_in()).sum::<u64>();
    eventually("the messages to be read", async || received() >= count).await;
}

/// The next `count` answers to subscriptions.
async fn next_replies(socket: &mut Socket, count: usize) -> Vec<Value> {
    let mut answers = Vec::new();
    while answers.len() < count {
        let message = socket.next().await;
        if message["type"].as_str().unwrap().starts_with("subscription_") {
            answers.push(message);
        }
    }
    answers
}

fn of_type<'a>(answers: &'a [Value], kind: &str) -> Vec<&'a Value> {
    answers.iter().filter(|answer| answer["type"] == kind).collect()
}

async fn at_most_four_wait_and_the_fifth_is_refused(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let start = position(&mut socket).await;
    let permits = app.takes_all_replay_permits().await;

    for key in ["a", "b", "c", "d", "e", "f"] {
        socket.send_json(subscribe(key, &start)).await;
    }
    wait_for_received(app, 7).await;
    drop(permits);
    let answers = next_replies(&mut socket, 2 + 4 * 2).await;

    let refused = of_type(&answers, "subscription_error");
    assert_eq!(refused.iter().map(|one| &one["reply_to"]).collect::<Vec<_>>(), ["e", "f"]);
    for one in refused {
        assert_eq!((&one["code"], &one["key"]), (&json!("rate_limited"), &one["reply_to"]));
    }
    let live: Vec<_> = of_type(&answers, "subscription_live").iter().map(|one| one["key"].clone()).collect();
    assert_eq!(live, ["a", "b", "c", "d"]);
    // There is room again.
    socket.send_json(subscribe("g", &start)).await;
    assert_eq!(socket.next().await["type"], "subscription_confirmed");
}

async fn a_subscription_of_the_same_name_replaces_the_earlier_one_even_while_pending(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let start = position(&mut socket).await;
    let permits = app.takes_all_replay_permits().await;
    let with_id = |key: &str, id: i64| {
        let mut message = subscribe(key, &start);
        message["id"] = json!(id);
        message
    };

    for id in 0..20 {
        socket.send_json(with_id("same", id)).await;
    }
    let mut quiet = subscribe("quiet", &start);
    quiet.as_object_mut().unwrap().remove("id");
    socket.send_json(quiet.clone()).await;
    socket.send_json(quiet).await;
    wait_for_received(app, 23).await;
    drop(permits);
    let answers = next_replies(&mut socket, 19 + 2 * 2).await;

    let replaced: Vec<_> =
        of_type(&answers, "subscription_error").iter().map(|one| one["reply_to"].as_i64().unwrap()).collect();
    assert_eq!(replaced, (0..19).collect::<Vec<_>>());
    assert!(of_type(&answers, "subscription_error").iter().all(|one| one["code"] == "conflict"));
    let confirmed = of_type(&answers, "subscription_confirmed");
    assert_eq!((&confirmed[0]["reply_to"], &confirmed[1]["key"]), (&json!(19), &json!("quiet")));
    assert_eq!(confirmed.len(), 2);
}

async fn one_that_waits_is_ended_by_unsubscribe(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let start = position(&mut socket).await;
    let permits = app.takes_all_replay_permits().await;

    socket.send_json(subscribe("a", &start)).await;
    socket.send_json(subscribe("b", &start)).await;
    socket.send_json(json!({"type": "unsubscribe", "subscription": "job_updates", "key": "b"})).await;
    wait_for_received(app, 4).await;
    drop(permits);
    let answers = next_replies(&mut socket, 4).await;

    let kinds: Vec<_> =
        answers.iter().map(|one| (one["type"].as_str().unwrap(), one["key"].as_str())).collect();
    let wanted = [
        ("subscription_error", Some("b")),
        ("subscription_removed", Some("b")),
        ("subscription_confirmed", Some("a")),
        ("subscription_live", Some("a")),
    ];
    assert_eq!(kinds, wanted);
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn those_that_wait_count_among_the_subscriptions(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let start = position(&mut socket).await;
    let first = json!({"type": "subscribe", "subscription": "property_updates"});
    assert_eq!(socket.request(first.clone()).await["type"], "subscription_confirmed");
    let permits = app.takes_all_replay_permits().await;

    for key in ["a", "b", "c"] {
        socket.send_json(subscribe(key, &start)).await;
    }
    // A subscription that waits to replace a live one counts once.
    let mut again = first;
    again["since"] = json!(start);
    socket.send_json(again).await;
    wait_for_received(app, 6).await;
    drop(permits);
    let answers = next_replies(&mut socket, 1 + 3 * 2).await;

    let refused = of_type(&answers, "subscription_error");
    assert_eq!(refused[0]["reply_to"], "c");
    assert_eq!(refused[0]["message"], "at most 3 subscriptions are allowed on one connection");
    assert_eq!(of_type(&answers, "subscription_live").len(), 3);
}

async fn what_is_given_at_connect_obeys_the_same_on_every_carrier(app: &TestApp) {
    let vic = app.viewer("vic").await;
    let many: Vec<Value> =
        (0..4).map(|n| json!({"subscription": "job_updates", "key": n.to_string()})).collect();
    let long = json!([{"subscription": "property_updates", "filter": {"city": "x".repeat(101)}}]);
    let key = json!([{"subscription": "property_updates", "key": "k".repeat(101)}]);

    for (bad, words) in [
        (json!(many), "at most 3 subscriptions are allowed on one connection"),
        (
            long,
            "filter of property_updates: city must be text of at most 100 characters. Its fields are city, price_min, \
             price_max, bedrooms_min, bbox, property_id, listing_type, currency, standard_status, status, \
             property_type",
        ),
        (key, "key must be text of at most 100 bytes"),
    ] {
        let bad = bad.to_string();
        let query: String = url::form_urlencoded::byte_serialize(bad.as_bytes()).collect();
        let socket = vic.socket_request("/ws").query("subscriptions", &bad).try_handshake().await;
        let stream = vic.get(&format!("/sse/events?subscriptions={query}")).await;
        let page = vic.get(&format!("/api/v1/events?subscriptions={query}")).await;

        for refused in [socket, stream] {
            assert_eq!(refused.expect_problem(400, "bad_request")["detail"], words);
        }
        let refused = page.expect_problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["loc"], json!(["query", "subscriptions"]), "{refused}");
        assert_eq!(refused["errors"][0]["msg"], words);
    }
}

async fn a_filter_is_no_longer_than_what_it_is_compared_with(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    for (feed, field) in [("property_updates", "city"), ("job_updates", "spider_name")] {
        let ask = |length: usize| json!({"type": "subscribe", "subscription": feed, "filter": {field: "é".repeat(length)}});
        let refused = socket.request(ask(101)).await;
        let accepted = socket.request(ask(100)).await;

        assert_eq!(
            (&refused["type"], &refused["code"]),
            (&json!("subscription_error"), &json!("invalid_filter"))
        );
        assert!(refused["message"].as_str().unwrap().contains(field), "{refused}");
        assert_eq!(accepted["type"], "subscription_confirmed");
    }
    let long_id = json!({"type": "ping", "id": "i".repeat(201)});
    socket.send_json(long_id).await;
    let refused = socket.next().await;
    assert_eq!((&refused["code"], refused.get("reply_to")), (&json!("invalid_message"), None));
}

/// The texts have their maximum length, so the state of one subscription is at most some hundred bytes.
async fn a_thousand_subscribes_with_large_filters_leave_little_behind(app: &TestApp) {
    const SENT: usize = 1_500;
    let mut socket = app.viewer("vic").await.connects().await;
    let start = position(&mut socket).await;
    let permits = app.takes_all_replay_permits().await;
    let message = |n: usize, city: usize| {
        json!({
            "type": "subscribe", "subscription": "property_updates", "since": start,
            "key": format!("{n:0100}"), "filter": {"city": "c".repeat(city)},
        })
    };

    for n in 0..SENT {
        socket.send_json(message(n, if n % 2 == 0 { 100 } else { 60_000 })).await;
    }
    wait_for_received(app, SENT as u64 + 1).await;
    let held = app.open_connections().iter().map(|one| one.held_bytes()).sum::<usize>();
    drop(permits);
    let answers = next_replies(&mut socket, SENT - 4 + 4 * 2).await;

    // The answers wait for the replay; the rest is four filters.
    let received: usize = answers.iter().map(|answer| answer.to_string().len() + 16).sum();
    assert!(held <= received + 4 * 1024, "{held} bytes are held besides {received} of answers");
    let codes = |code: &str| answers.iter().filter(|answer| answer["code"] == code).count();
    assert_eq!((codes("invalid_filter"), codes("rate_limited")), (SENT / 2, SENT / 2 - 4));
    assert_eq!(of_type(&answers, "subscription_live").len(), 4);
    app.wait_for_connections(1).await;
    let after = app.open_connections().iter().map(|one| one.held_bytes()).sum::<usize>();
    assert!(after < 4 * 1024, "{after} bytes are held by four subscriptions");
}

async fn replay_reads_of_five_sockets_are_bounded(app: &TestApp) {
    const EVENTS: usize = 700;
    let (ann, vic) = (app.admin("ann").await, app.viewer("vic").await);
    let start = ann.get("/api/v1/events").await.json()["position"].as_str().unwrap().to_owned();
    for number in 0..EVENTS {
        ann.broadcasts(&format!("{number}")).await;
    }
    let mut sockets = Vec::new();
    for _ in 0..5 {
        sockets.push(vic.connects().await);
    }
    let permits = app.takes_all_replay_permits().await;
    let pages = || app.services.metrics.replay_pages.get();
    let before = pages();

    for socket in &mut sockets {
        for n in 0..60 {
            socket.send_json(subscribe(&format!("k{n}"), &start)).await;
        }
    }
    wait_for_received(app, 5 * 60).await;
    drop(permits);
    for socket in &mut sockets {
        let answers = next_replies(socket, 56 + 4 * 2).await;
        assert_eq!(of_type(&answers, "subscription_live").len(), 4);
    }

    // Four passes per socket, each with at most six pages of 128 events.
    let read = pages() - before;
    assert!((20 * 5..=20 * 7).contains(&read), "{read} stretches were read");
}

async fn replays_of_a_tenant_wait_for_its_own_permits_and_no_other_tenants_do(app: &TestApp) {
    let (vic, sue) = (app.viewer("vic").await, app.stranger("sue").await);
    let first = |who: &Caller<'_>| {
        let request = who.app.http.get(who.app.url("/api/v1/events")).bearer_auth(who.token());
        async move {
            crate::support::answer::Response::send(request).await.json()["position"]
                .as_str()
                .unwrap()
                .to_owned()
        }
    };
    let (ours, theirs) = (first(&vic).await, first(&sue).await);
    app.admin("ann").await.broadcasts("ours").await;
    sue.broadcasts("theirs").await;
    let (mut here, mut elsewhere) = (vic.connects().await, sue.connects().await);
    let acme = TenantScope::for_system(SystemReason::Demo, app.acme);
    let mut permits = Vec::new();
    while let Some(permit) =
        futures_util::FutureExt::now_or_never(app.services.log_cache.acquire_permit(&acme))
    {
        permits.push(permit.unwrap());
    }

    here.send_json(subscribe("mine", &ours)).await;
    assert_eq!(here.next_of_type("subscription_confirmed").await["key"], "mine");
    elsewhere.send_json(subscribe("theirs", &theirs)).await;
    assert_eq!(elsewhere.next_of_type("subscription_live").await["key"], "theirs");
    // A client that sends messages while it waits keeps its place in the queue.
    here.send_json(json!({"type": "ping"})).await;
    app.advance(Duration::from_secs(1)).await;
    assert_eq!(app.services.log_cache.waiting(), 1);
    drop(permits);

    assert_eq!(here.next_of_type("subscription_live").await["key"], "mine");
    assert_eq!(app.services.log_cache.waiting(), 0);
}
