//! Jobs and properties: which events arrive by inbox and which by a feed, and what a filter lets through.

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;
use crate::support::socket::Socket;

on_both_databases! {
    job_events_reach_the_owner_and_subscribers_of_the_feed,
    a_saved_search_sees_what_enters_and_what_leaves_it,
    a_frame_that_matches_twice_is_sent_once,
    a_subscription_with_since_replays_then_goes_live,
    a_replay_that_is_fetched_in_a_burst_is_complete_and_in_order,
}

impl Caller<'_> {
    /// Queues a job for the spider that always exists.
    async fn queues_a_job(&self) -> i64 {
        let body = json!({"spider_name": "auto", "target_urls": ["https://listings.example/"]});
        let answer = self.post("/api/v1/jobs", &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["job_id"].as_i64().unwrap()
    }

    /// Reports a listing.
    async fn sees(&self, key: &str, city: &str, price: u32) {
        let item = json!({
            "source": "mls", "listing_key": key, "standard_status": "active", "list_price": price,
            "currency": "USD", "address": {"city": city},
        });
        let answer = self.post("/api/v1/properties/batch", &json!({"items": [item]})).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_i64()), (200, Some(1)), "{answer:?}");
    }
}

async fn follows(socket: &mut Socket, request: Value) {
    let mut message = json!({"type": "subscribe"});
    message.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    assert_eq!(socket.request(message).await["type"], "subscription_confirmed");
}

/// All messages that have arrived so far: the answer to a ping comes after them.
async fn received_so_far(socket: &mut Socket) -> Vec<Value> {
    socket.skipped.clear();
    socket.request(json!({"type": "ping"})).await;
    socket.skipped.drain(..).collect()
}

fn jobs(frames: &[Value]) -> Vec<i64> {
    frames
        .iter()
        .filter(|frame| frame["type"] == "job_update")
        .map(|frame| frame["job_id"].as_i64().unwrap())
        .collect()
}

async fn job_events_reach_the_owner_and_subscribers_of_the_feed(app: &TestApp) {
    let (ann, bob, vic) = (app.admin("ann").await, app.member("bob").await, app.viewer("vic").await);
    let mut of_ann = ann.connects().await;
    let mut of_bob = bob.connects().await;
    let mut of_vic = vic.connects().await;
    follows(&mut of_vic, json!({"subscription": "job_updates"})).await;
    let mut elsewhere = app.stranger("sue").await.connects().await;
    follows(&mut elsewhere, json!({"subscription": "job_updates"})).await;

    let job = bob.queues_a_job().await;
    let cancelled = bob.post(&format!("/api/v1/jobs/{job}/cancel"), &json!({})).await;

    assert_eq!(cancelled.status, 200, "{cancelled:?}");
    for socket in [&mut of_bob, &mut of_vic] {
        let frames = received_so_far(socket).await;
        let events: Vec<&str> = frames.iter().map(|frame| frame["event"].as_str().unwrap()).collect();
        assert_eq!((events, jobs(&frames)), (vec!["job_queued", "job_cancelled"], vec![job, job]));
    }
    assert_eq!(jobs(&received_so_far(&mut of_ann).await), [] as [i64; 0]);
    assert_eq!(received_so_far(&mut elsewhere).await, [] as [Value; 0]);
}

async fn a_saved_search_sees_what_enters_and_what_leaves_it(app: &TestApp) {
    let ann = app.admin("ann").await;
    let worker = app.worker(&ann, &[KeyScope::PropertiesWrite]).await;
    let mut socket = app.viewer("vic").await.connects().await;
    let search = json!({
        "subscription": "property_updates", "key": "cheap-in-toledo",
        "filter": {"city": "TOLEDO", "price_max": 100_000},
    });
    follows(&mut socket, search).await;

    worker.sees("far", "Lima", 50_000).await;
    worker.sees("dear", "Toledo", 150_000).await;
    worker.sees("cheap", "Toledo", 90_000).await;
    worker.sees("dear", "Toledo", 95_000).await;
    worker.sees("cheap", "Toledo", 120_000).await;
    worker.sees("cheap", "Toledo", 130_000).await;

    let received: Vec<(String, Value, Value)> = received_so_far(&mut socket)
        .await
        .into_iter()
        .filter(|frame| frame["type"] == "property_update")
        .map(|frame| {
            (frame["event"].as_str().unwrap().to_owned(), frame["old"].clone(), frame["new"].clone())
        })
        .collect();
    let change = |old: f64, new: f64| ("price_changed".to_owned(), json!(old), json!(new));
    assert_eq!(received.len(), 3, "{received:?}");
    assert_eq!(received[0].0, "property_created");
    assert_eq!(received[1..], [change(150_000.0, 95_000.0), change(90_000.0, 120_000.0)]);
}

async fn a_frame_that_matches_twice_is_sent_once(app: &TestApp) {
    let bob = app.member("bob").await;
    let mut socket = bob.connects().await;
    follows(&mut socket, json!({"subscription": "job_updates"})).await;
    follows(
        &mut socket,
        json!({"subscription": "job_updates", "key": "mine", "filter": {"spider_name": "auto"}}),
    )
    .await;

    let job = bob.queues_a_job().await;

    assert_eq!(jobs(&received_so_far(&mut socket).await), [job]);
}

async fn a_subscription_with_since_replays_then_goes_live(app: &TestApp) {
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = ann.connects().await;
    let start = socket.request(json!({"type": "ping"})).await["position"].clone();
    let (first, second) = (bob.queues_a_job().await, bob.queues_a_job().await);

    socket.send_json(json!({"type": "subscribe", "subscription": "job_updates", "since": start})).await;
    let types: Vec<Value> =
        [socket.next().await, socket.next().await, socket.next().await, socket.next().await].into();
    let third = bob.queues_a_job().await;

    assert_eq!(
        (&types[0]["type"], &types[3]["type"]),
        (&json!("subscription_confirmed"), &json!("subscription_live"))
    );
    assert_eq!(jobs(&types), [first, second]);
    assert_eq!(types[3]["recovered"], true);
    assert_eq!(jobs(&received_so_far(&mut socket).await), [third]);
}

async fn a_replay_that_is_fetched_in_a_burst_is_complete_and_in_order(app: &TestApp) {
    const JOBS: usize = 150;
    let (ann, bob) = (app.admin("ann").await, app.member("bob").await);
    let mut socket = ann.connects().await;
    let start = socket.request(json!({"type": "ping"})).await["position"].as_str().unwrap().to_owned();
    let burst = async {
        for _ in 0..JOBS / 3 {
            // Both kinds of frames: those that only the feed sends, and one that the inbox sends.
            tokio::join!(bob.queues_a_job(), bob.queues_a_job(), bob.queues_a_job(), ann.broadcasts("x"));
        }
    };
    let reader = async {
        socket.next_durable(10).await;
        // Each subscription replaces the previous one and replays the whole past.
        let mut pasts = Vec::new();
        for _ in 0..4 {
            pasts.push(replayed(&mut socket, &start).await);
        }
        pasts
    };

    let ((), mut pasts) = tokio::join!(burst, reader);
    pasts.push(replayed(&mut socket, &start).await);

    let query = format!("/api/v1/events?since={start}&subscriptions=job_updates&limit=200");
    let page = ann.get(&query).await.json();
    let log = jobs(page["data"].as_array().unwrap());
    assert_eq!((log.len(), pasts[4].len()), (JOBS, JOBS));
    for past in pasts {
        assert_eq!(past, log[..past.len()]);
    }
}

/// The jobs in a new subscription's replay, between its confirmation and its `subscription_live`.
async fn replayed(socket: &mut Socket, since: &str) -> Vec<i64> {
    socket.send_json(json!({"type": "subscribe", "subscription": "job_updates", "since": since})).await;
    socket.next_of_type("subscription_confirmed").await;
    socket.skipped.clear();
    socket.next_of_type("subscription_live").await;
    jobs(&socket.skipped.drain(..).collect::<Vec<_>>())
}
