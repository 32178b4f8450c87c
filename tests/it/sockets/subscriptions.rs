//! Subscribing, replacing, unsubscribing; confirmations and refusals.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::socket::Socket;

on_both_databases! {
    each_feed_is_confirmed_by_its_name,
    the_same_feed_and_key_is_replaced_and_another_key_is_added,
    unsubscribing_succeeds_even_without_a_subscription,
    a_bad_subscription_is_refused_with_a_reason_and_the_socket_stays_open,
    with_since_a_subscription_is_confirmed_replayed_and_live,
    with_a_since_that_is_no_position_a_subscription_says_where_to_read,
    beyond_a_hundred_subscriptions_only_replacing_is_possible,
    subscriptions_of_the_address_are_refused_before_the_upgrade,
}

const FEEDS: [&str; 3] = ["job_updates", "property_updates", "system_alerts"];

async fn each_feed_is_confirmed_by_its_name(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    for feed in FEEDS {
        let confirmed = socket.request(json!({"type": "subscribe", "subscription": feed})).await;

        let wanted = json!({
            "type": "subscription_confirmed", "subscription": feed, "recovered": true,
            "position": confirmed["position"].as_str().unwrap(), "reply_to": confirmed["reply_to"],
        });
        assert_eq!(confirmed, wanted);
    }
    let in_payload = json!({"type": "subscribe", "payload": {"subscription": "job_updates", "key": "k"}});
    assert_eq!(socket.request(in_payload).await["key"], "k");
}

async fn the_same_feed_and_key_is_replaced_and_another_key_is_added(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let city = |key: Option<&str>, city: &str| json!({"type": "subscribe", "subscription": "property_updates", "key": key, "filter": {"city": city}});

    let plain = socket.request(city(None, "Toledo")).await;
    let again = socket.request(city(None, "Lima")).await;
    let keyed = socket.request(city(Some("second"), "Lima")).await;
    let removed = socket
        .request(json!({"type": "unsubscribe", "subscription": "property_updates", "key": "second"}))
        .await;

    assert_eq!((plain.get("key"), again.get("key")), (None, None));
    assert_eq!(keyed["key"], "second");
    assert_eq!(
        (removed["type"].as_str(), removed["key"].as_str(), removed["subscription"].as_str()),
        (Some("subscription_removed"), Some("second"), Some("property_updates"))
    );
}

async fn unsubscribing_succeeds_even_without_a_subscription(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    let removed = socket.request(json!({"type": "unsubscribe", "subscription": "job_updates"})).await;

    let wanted = json!({
        "type": "subscription_removed", "subscription": "job_updates",
        "position": removed["position"].as_str().unwrap(), "reply_to": removed["reply_to"],
    });
    assert_eq!(removed, wanted);
}

async fn a_bad_subscription_is_refused_with_a_reason_and_the_socket_stays_open(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;
    let subscribe = |fields: Value| {
        let mut message = json!({"type": "subscribe"});
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        message
    };

    for (fields, code, words) in [
        (json!({"subscription": "news"}), "invalid_subscription", "Invalid subscription: news"),
        (
            json!({}),
            "invalid_subscription",
            "The field subscription is missing: it names a feed, one of job_updates, property_updates, system_alerts",
        ),
        (
            json!({"subscription": 7}),
            "invalid_subscription",
            "The field subscription must be text: it names a feed, one of job_updates, property_updates, system_alerts",
        ),
        (
            json!({"subscription": "job_updates", "key": 7}),
            "invalid_key",
            "key must be text of at most 100 bytes",
        ),
        (
            json!({"subscription": "job_updates", "key": "k".repeat(101)}),
            "invalid_key",
            "key must be text of at most 100 bytes",
        ),
        (
            json!({"subscription": "job_updates", "since": 7}),
            "invalid_since",
            "since must be a position, as text",
        ),
        (json!({"subscription": "job_updates", "filter": []}), "invalid_filter", "filter must be an object"),
    ] {
        let refused = socket.request(subscribe(fields.clone())).await;

        assert_eq!(refused["type"], "subscription_error", "{fields}");
        assert_eq!(
            (refused["code"].as_str(), refused["message"].as_str()),
            (Some(code), Some(words)),
            "{fields}"
        );
    }
    for filter in [json!({"town": "x"}), json!({"bbox": [1, 2, 3]}), json!({"price_min": "a"})] {
        let message = json!({"subscription": "property_updates", "key": "k", "filter": filter});
        let refused = socket.request(subscribe(message)).await;

        assert_eq!((refused["code"].as_str(), refused["key"].as_str()), (Some("invalid_filter"), Some("k")));
    }
    assert_eq!(socket.request(json!({"type": "ping"})).await["type"], "pong");
}

async fn with_since_a_subscription_is_confirmed_replayed_and_live(app: &TestApp) {
    let ann = app.admin("ann").await;
    let mut socket = ann.connects().await;
    let start = position(&mut socket).await;
    ann.broadcasts("in between").await;
    socket.next_of_type("system_notification").await;

    socket
        .send_json(json!({"type": "subscribe", "subscription": "job_updates", "since": start, "id": 1}))
        .await;
    let (confirmed, live) = (socket.next().await, socket.next().await);

    assert_eq!(
        (&confirmed["type"], &confirmed["since"], &confirmed["recovered"], &confirmed["reply_to"]),
        (&json!("subscription_confirmed"), &json!(start), &json!(true), &json!(1))
    );
    assert_eq!((&live["type"], &live["subscription"]), (&json!("subscription_live"), &json!("job_updates")));
    assert_eq!((&live["recovered"], &live["position"]), (&json!(true), &confirmed["position"]));
}

async fn with_a_since_that_is_no_position_a_subscription_says_where_to_read(app: &TestApp) {
    let mut socket = app.viewer("vic").await.connects().await;

    for (feed, list) in FEEDS.into_iter().zip([
        "/api/v1/jobs",
        "/api/v1/properties?include_removed=true",
        "/api/v1/notifications",
    ]) {
        socket.send_json(json!({"type": "subscribe", "subscription": feed, "since": "yesterday"})).await;
        let (confirmed, live) = (socket.next().await, socket.next().await);

        assert_eq!((&confirmed["recovered"], &confirmed["resync_url"]), (&json!(false), &json!(list)));
        assert_eq!((&live["type"], &live["recovered"]), (&json!("subscription_live"), &json!(false)));
    }
}

async fn beyond_a_hundred_subscriptions_only_replacing_is_possible(app: &TestApp) {
    let wishes: Vec<Value> =
        (0..100).map(|n| json!({"subscription": "job_updates", "key": format!("k{n}")})).collect();
    let vic = app.viewer("vic").await;
    let mut socket =
        vic.socket_request("/ws").query("subscriptions", &json!(wishes).to_string()).open().await;
    socket.next_of_type("connection_established").await;

    let one_more =
        socket.request(json!({"type": "subscribe", "subscription": "job_updates", "key": "k100"})).await;
    let replaced =
        socket.request(json!({"type": "subscribe", "subscription": "job_updates", "key": "k7"})).await;

    assert_eq!(one_more["type"], "subscription_error");
    assert_eq!(one_more["message"], "at most 100 subscriptions are allowed on one connection");
    assert_eq!(replaced["type"], "subscription_confirmed");
}

async fn subscriptions_of_the_address_are_refused_before_the_upgrade(app: &TestApp) {
    let vic = app.viewer("vic").await;
    let too_many: Vec<&str> = std::iter::repeat_n("job_updates", 101).collect();

    for bad in [
        "news",
        "job_updates,news",
        "[",
        "[7]",
        "[{\"subscription\":\"job_updates\",\"key\":7}]",
        &too_many.join(","),
    ] {
        vic.socket_request("/ws")
            .query("subscriptions", bad)
            .try_handshake()
            .await
            .expect_problem(400, "bad_request");
    }
    let with_since = json!([{"subscription": "job_updates", "since": "x"}]).to_string();
    vic.socket_request("/ws")
        .query("subscriptions", &with_since)
        .try_handshake()
        .await
        .expect_problem(400, "bad_request");
    assert_eq!(
        vic.socket_request("/ws")
            .query("subscriptions", "job_updates, system_alerts")
            .try_handshake()
            .await
            .status,
        101
    );
}

async fn position(socket: &mut Socket) -> String {
    socket.request(json!({"type": "ping"})).await["position"].as_str().unwrap().to_owned()
}
