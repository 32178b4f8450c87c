//! The walk over all channels of the served document: sockets and streams of another tenant, with every feed, with
//! filters that name the first tenant's things and from positions of its log, receive nothing while that tenant does
//! everything that makes events.

use std::collections::BTreeSet;

use lotline::auth::key_scope::KeyScope;
use serde_json::{Value, json};

use super::call::Call;
use super::case::canaries;
use super::collaboration;
use super::documents::{Channel, channels};
use super::resources::text;
use super::world::{TenantCallers, World};
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::people::Caller;
use crate::support::settings::Setting;
use crate::support::socket::Socket;
use crate::support::stream::Stream;

/// One admin listens at every channel at the same time.
const MANY_CONNECTIONS: &[Setting] = &[
    ("LOTLINE__LIMITS__SOCKETS_PER_USER", "40"),
    ("LOTLINE__LIMITS__UPLOAD_SOCKETS_PER_USER", "40"),
    ("LOTLINE__LIMITS__STREAMS_PER_USER", "40"),
];

on_both_databases! {
    no_channel_reveals_what_another_tenant_does with super::MANY_CONNECTIONS,
    the_path_of_another_tenants_user_is_that_of_an_unknown_user,
}

/// The stranger's last broadcast: a listener that gets it would have got everything before it.
const LAST_MESSAGE: &str = "that was all";

/// Message types that a listener gets without any action of others.
const CONNECTION_MESSAGES: [&str; 5] =
    ["connection_established", "gap", "subscription_confirmed", "subscription_live", "subscription_error"];

async fn no_channel_reveals_what_another_tenant_does(app: &TestApp) {
    let world = World::new(app).await;
    let (property, _) = world.has_property().await;
    let (job, ..) = world.has_job().await;
    let targets = FilterTargets { property, job, head: world.log_start.clone() };
    let mut owner = world
        .owner
        .admin
        .socket_request("/ws")
        .query("subscriptions", &targets.all_subscriptions())
        .open()
        .await;
    // The echo allows one socket per user, so the second ones belong to another user and another key.
    let second = app.stranger("ivy").await;
    let second = TenantCallers { key: app.worker(&second, &[KeyScope::EventsRead]).await, admin: second };
    let mut listeners = Vec::new();
    for channel in channels(app).await {
        let again = if channel.name == "echo" { &second } else { &world.stranger };
        listeners.extend(open_listeners(&world.stranger, again, &channel, &targets).await);
    }

    emits_every_event(&world).await;
    // Property summaries are sent by a timer.
    app.advance(std::time::Duration::from_secs(8)).await;
    world.broadcasts("everyone").await;
    let last = Call::post("/api/v1/admin/broadcast").json(json!({ "message": LAST_MESSAGE }));
    last.send(app, Some(world.stranger.admin.token())).await;
    let last =
        json!({ "spider_name": "auto", "target_urls": ["https://portal.example/"], "tags": [LAST_MESSAGE] });
    Call::post("/api/v1/jobs").json(last).send(app, Some(world.stranger.key.token())).await;

    receives_every_event(&mut owner).await;
    let received = listeners.len();
    for mut listener in listeners {
        listener.receives_nothing_foreign().await;
    }
    assert!(received >= 25, "only {received} listeners were let in");
}

/// The first tenant's things that a stranger's filters name.
struct FilterTargets {
    property: i64,
    job: i64,
    head: String,
}

impl FilterTargets {
    /// All feeds, once without and once with filters.
    fn all_subscriptions(&self) -> String {
        let mut all = vec![
            json!({ "subscription": "job_updates", "filter": { "logs": true } }),
            json!({ "subscription": "property_updates" }),
            json!({ "subscription": "system_alerts" }),
        ];
        all.extend([
            json!({ "subscription": "job_updates", "key": "one", "filter": { "job_id": self.job, "logs": true } }),
            json!({ "subscription": "property_updates", "key": "one", "filter": { "property_id": self.property } }),
        ]);
        Value::Array(all).to_string()
    }
}

/// Callers of `party` listen from now on, callers of `again` from a position.
async fn open_listeners(
    party: &TenantCallers<'_>,
    again: &TenantCallers<'_>,
    channel: &Channel,
    location: &FilterTargets,
) -> Vec<Listener> {
    let own = channel.address.replace("{user_id}", &party.admin.id.to_string());
    if own.contains("{job_id}") {
        return open_foreign_job_log(party, &own, location).await;
    }
    let everything = location.all_subscriptions();
    let mut listeners = Vec::new();
    for (since, party) in [(None, party), (Some(location.head.as_str()), again)] {
        for caller in [&**party.admin, &*party.key] {
            let query: Vec<_> = since.map(|since| ("since", since)).into_iter().collect();
            let mut query = [query, vec![("subscriptions", everything.as_str())]].concat();
            // An address refuses the parameters that it does not have.
            query.retain(|(name, _)| channel.parameters.contains(*name));
            let carrier = if channel.is_socket {
                socket(caller, &own, &query).await
            } else {
                stream(caller, &own, &query).await
            };
            let name = format!("{} since {since:?}", channel.name);
            listeners.extend(carrier.map(|carrier| Listener {
                name,
                carrier,
                kind: match channel.name.as_str() {
                    "echo" => ChannelKind::Echo,
                    "fileUpload" | "fileUploadOfUser" => ChannelKind::Replies,
                    "stats" => ChannelKind::Stats,
                    _ => ChannelKind::Events,
                },
            }));
        }
    }
    listeners
}

/// For a stranger a job's log does not exist: the answer is the same as for an unknown job.
async fn open_foreign_job_log(
    party: &TenantCallers<'_>,
    path: &str,
    location: &FilterTargets,
) -> Vec<Listener> {
    for caller in [&**party.admin, &*party.key] {
        let mut received = Vec::new();
        for job in [location.job, 4_503_599_627_370_496] {
            let answer = caller.get(&path.replace("{job_id}", &job.to_string())).await;
            let mut problem = answer.json();
            problem.as_object_mut().unwrap().remove("request_id");
            received.push((answer.status, problem));
        }
        assert_eq!(received[0], received[1]);
        assert!([403, 404].contains(&received[0].0), "{received:?}");
    }
    Vec::new()
}

/// A key may not use a user's path; the refusal reveals nothing either.
async fn socket(caller: &Caller<'_>, path: &str, query: &[(&str, &str)]) -> Option<Carrier> {
    let request =
        query.iter().fold(caller.socket_request(path), |request, (name, value)| request.query(name, value));
    let answer = request.clone().get_without_upgrade().await;
    assert_eq!(canaries(&answer.text).count(), 0, "{answer:?}");
    // 426: everything is right except for the missing upgrade.
    if answer.status == 426 {
        return Some(Carrier::Socket(Box::new(request.open().await)));
    }
    assert_eq!(answer.status, 403, "{answer:?}");
    None
}

/// A key has no inbox; its stream is refused.
async fn stream(caller: &Caller<'_>, path: &str, query: &[(&str, &str)]) -> Option<Carrier> {
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
    let stream = caller.streams(&format!("{path}?{query}"), None).await;
    if stream.status == 200 {
        return Some(Carrier::Stream(Box::new(stream)));
    }
    assert_eq!(stream.status, 403, "{path}");
    None
}

struct Listener {
    name: String,
    carrier: Carrier,
    kind: ChannelKind,
}

/// What a channel carries.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChannelKind {
    Events,
    Echo,
    /// Answers to its own messages, and nothing else.
    Replies,
    Stats,
}

enum Carrier {
    Socket(Box<Socket>),
    Stream(Box<Stream>),
}

impl Listener {
    /// Up to the last broadcast all messages are of the connection itself.
    async fn receives_nothing_foreign(&mut self) {
        match self.kind {
            ChannelKind::Events => {}
            ChannelKind::Echo => return self.echoes_only().await,
            ChannelKind::Replies => return self.receives_replies_only().await,
            ChannelKind::Stats => return self.counts_own_tenant_only().await,
        }
        loop {
            let frame = match &mut self.carrier {
                Carrier::Socket(socket) => socket.next().await,
                Carrier::Stream(stream) => stream.next_event().await.json(),
            };
            if frame["message"] == LAST_MESSAGE || frame["event"] == "job_queued" {
                return;
            }
            assert_eq!(canaries(&frame.to_string()).count(), 0, "{} tells {frame}", self.name);
            let kind = frame["type"].as_str().unwrap();
            assert!(CONNECTION_MESSAGES.contains(&kind), "{} tells {frame}", self.name);
        }
    }

    /// The stats are the same before and after the other tenant's actions.
    async fn counts_own_tenant_only(&mut self) {
        let Carrier::Stream(stream) = &mut self.carrier else { panic!("figures come as a stream") };
        assert_eq!(stream.next_event().await.json()["type"], "connection_established", "{}", self.name);
        let before = stream.next_event().await.json();
        let after = stream.next_event().await.json();
        for figure in ["jobs", "properties", "events_per_second", "users_online"] {
            assert_eq!(before[figure], after[figure], "{} tells {after}", self.name);
        }
        assert_eq!(canaries(&after.to_string()).count(), 0, "{} tells {after}", self.name);
    }

    async fn receives_replies_only(&mut self) {
        let Carrier::Socket(socket) = &mut self.carrier else { panic!("files come by socket") };
        socket.send_json(json!({ "type": "ping" })).await;
        assert_eq!(socket.next().await["type"], "pong", "{}", self.name);
    }

    async fn echoes_only(&mut self) {
        let Carrier::Socket(socket) = &mut self.carrier else { panic!("an echo is a socket") };
        socket.send_json(json!({ "message": LAST_MESSAGE })).await;
        assert_eq!(socket.next().await, json!({ "message": LAST_MESSAGE }), "{}", self.name);
    }
}

/// Does everything that makes an event, in the first tenant.
async fn emits_every_event(world: &World<'_>) {
    let leased = world.has_worked_job().await;
    let of_job = |verb: &str| Call::post(&format!("/api/v1/jobs/{}/{verb}", leased.job));
    let progress = json!({ "lease_token": leased.lease, "items_scraped": 3, "sequence": 1 });
    world.key_does(of_job("progress").json(progress)).await;
    world.key_does(of_job("complete").json(json!({ "lease_token": leased.lease }))).await;
    let (waiting, ..) = world.has_job().await;
    world.admin_does(Call::post(&format!("/api/v1/jobs/{waiting}/cancel"))).await;
    let (_, mut listing) = world.has_property().await;
    listing["list_price"] = json!(290_000);
    listing["standard_status"] = json!("pending");
    world.reports(&listing).await;
    listing["address"]["street"] = json!(world.canary_text("street"));
    world.reports(&listing).await;
    listing["removed"] = json!(true);
    world.reports(&listing).await;
    world.has_upload().await;
    collaboration::people_collaborate(world).await;
    for audience in ["everyone", "admins", "role:admin", "role:viewer"] {
        world.broadcasts(audience).await;
    }
    world.broadcasts(&format!("user:{}", world.owner.admin.id)).await;
    let (_, message) = world.has_room_message().await;
    world.sends_room_message("lobby").await;
    let edit = Call::patch(&format!("/api/v1/messages/{message}"))
        .json(json!({ "text": world.canary_text("words") }));
    world.admin_does(edit).await;
    world.admin_does(Call::delete(&format!("/api/v1/messages/{message}"))).await;
    let talker = world.has_person().await;
    let call = Call::post(&format!("/api/v1/direct-messages/{}", world.owner.admin.id));
    call.json(json!({ "text": world.canary_text("words") })).send(world.app, Some(&talker.token)).await;
}

/// Asserts that the owner gets what strangers must not get.
async fn receives_every_event(owner: &mut Socket) {
    const WANTED: [&str; 20] = [
        "admin_notification",
        "chat",
        "direct_message",
        "job_cancelled",
        "job_completed",
        "job_failed",
        "job_log",
        "job_progress",
        "job_queued",
        "job_started",
        "message_deleted",
        "message_edited",
        "new_properties",
        "price_changed",
        "property_changed",
        "property_created",
        "property_removed",
        "status_changed",
        "system_notification",
        "upload_completed",
    ];
    let mut wanted: BTreeSet<&str> = WANTED.into();
    wanted.extend(["presence", "system_alert", "typing"]);
    while !wanted.is_empty() {
        let frame = owner.next().await;
        let (kind, event) = (text(&frame, "type"), frame["event"].as_str().unwrap_or_default());
        wanted.remove(kind.as_str());
        wanted.remove(event);
    }
}

async fn the_path_of_another_tenants_user_is_that_of_an_unknown_user(app: &TestApp) {
    let world = World::new(app).await;
    let (theirs, nobody) = (world.owner.admin.id.to_string(), "4503599627370496");
    let mut walked = 0;
    for channel in channels(app).await.iter().filter(|channel| channel.address.contains("{user_id}")) {
        for caller in [world.stranger.admin.token(), world.stranger.key.token()] {
            let knock = async |user: &str| {
                let path = channel.address.replace("{user_id}", user);
                let request = app
                    .anonymous()
                    .socket_request(&path)
                    .header("authorization", &format!("Bearer {caller}"));
                let answer = request.try_handshake().await;
                let mut problem = answer.json();
                problem.as_object_mut().unwrap().remove("request_id");
                (answer.status, problem)
            };

            let (theirs, nobody) = (knock(&theirs).await, knock(nobody).await);
            assert_eq!(theirs, nobody, "{}", channel.name);
            assert_eq!(theirs.0, 403, "{}", channel.name);
            walked += 1;
        }
    }
    assert_eq!(walked, 6, "the channels that name a user");
}
