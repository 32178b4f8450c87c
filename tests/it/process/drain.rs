//! Graceful shutdown: every client is notified, each is closed at a different moment, and clients that reconnect lose
//! no event.

use std::collections::HashSet;

use futures_util::StreamExt;
use futures_util::stream;
use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};
use tokio_util::task::TaskTracker;

use super::clients::{Admin, Client, Received, with_one_admin};
use crate::support::binary::Server;
use crate::support::wait::eventually;

/// Concurrent connects.
const AT_ONCE: usize = 50;

/// The numbers of sockets and streams: `LOTLINE_DRAIN_SOCKETS`, `LOTLINE_DRAIN_STREAMS`.
fn connection_counts() -> (usize, usize) {
    let number =
        |name: &str, usual| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual);
    (number("LOTLINE_DRAIN_SOCKETS", 1_000), number("LOTLINE_DRAIN_STREAMS", 100))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_under_sigterm_spreads_its_closes_and_nothing_is_lost() {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum }).unwrap();
    let (sockets, streams) = connection_counts();
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = with_one_admin(folder.path());
        Server::start(command.env("LOTLINE__SERVER__SHUTDOWN_SECONDS", "8"))
    };
    let mut server = start();
    let admin = Admin::of(server.address).await;
    let clients = open_all(&admin, &vec![None; sockets], &vec![None; streams]).await;

    let listening = TaskTracker::new().spawn(async move { listen_all(clients).await });
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        let text = number.to_string();
        assert!(admin.broadcasts(&text).await);
        acknowledged.push(text);
    }
    server.signal(Signal::TERM);
    // The node keeps serving while it closes its clients: what it acknowledges now must reach them too.
    for number in 20..40 {
        let text = number.to_string();
        if admin.broadcasts(&text).await {
            acknowledged.push(text);
        }
    }
    let away = listening.await.unwrap();
    let status = server.wait_for_exit().await;
    let server = start();
    let admin = Admin::of(server.address).await;
    let (on_sockets, on_streams) = away.split_at(sockets);
    let since = |received: &[Received]| {
        received.iter().map(|received| Some(received.position.clone())).collect::<Vec<_>>()
    };
    let back = open_all(&admin, &since(on_sockets), &since(on_streams)).await;
    assert!(admin.broadcasts("last").await);
    let back = stream::iter(back).map(to_the_end).buffered(AT_ONCE).collect::<Vec<_>>().await;

    assert_eq!(status, Some(0), "{:?}", server.log_lines());
    for (before, after) in away.iter().zip(&back) {
        let all: Vec<&String> = before.broadcasts.iter().chain(&after.broadcasts).collect();
        let (last, all) = all.split_last().unwrap();
        assert_eq!(*last, "last");
        // A broadcast may have been written although its answer was lost.
        assert!(is_in_order(all) && acknowledged.iter().all(|text| all.contains(&text)), "{all:?}");
        assert_eq!(before.closed.map(|(code, _)| code), Some(1012), "{before:?}");
        assert!(before.closed.is_some_and(|(_, away)| away > 0) && before.advised_ms.is_some(), "{before:?}");
    }
    is_spread(&away);
}

/// Sockets, then streams, each from its position.
async fn open_all(admin: &Admin, sockets: &[Option<String>], streams: &[Option<String>]) -> Vec<Client> {
    let opened = stream::iter(sockets).map(|since| admin.connects(since.as_deref()));
    let mut clients: Vec<Client> = opened.buffered(AT_ONCE).collect().await;
    let opened = stream::iter(streams).map(|since| admin.streams(since.as_deref()));
    clients.extend(opened.buffered(AT_ONCE).collect::<Vec<_>>().await);
    clients
}

async fn listen_all(clients: Vec<Client>) -> Vec<Received> {
    let tasks = TaskTracker::new();
    let listeners: Vec<_> =
        clients.into_iter().map(|client| tasks.spawn(client.receives_until_closed())).collect();
    let mut received = Vec::with_capacity(listeners.len());
    for listener in listeners {
        received.push(listener.await.unwrap());
    }
    received
}

async fn to_the_end(mut client: Client) -> Received {
    client.receives_until("last").await;
    client.received
}

fn is_in_order(texts: &[&String]) -> bool {
    let numbers: Vec<u32> = texts.iter().map(|text| text.parse().unwrap()).collect();
    numbers.is_sorted_by(|one, next| one < next)
}

/// The advised delays differ, and are spread evenly over the seconds of the drain.
fn is_spread(away: &[Received]) {
    let advised: Vec<u64> = away.iter().filter_map(|received| received.advised_ms).collect();
    let different: HashSet<u64> = advised.iter().copied().collect();
    assert!(different.len() > advised.len() / 2, "{} of {}", different.len(), advised.len());
    let in_second = |second: u64| advised.iter().filter(|after| **after / 1_000 == second).count();
    let most = (0..30).map(in_second).max().unwrap_or_default();
    assert!(most < advised.len() / 4, "{most} of {} in one second", advised.len());
}

#[tokio::test]
async fn a_second_signal_ends_the_process_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_one_admin(folder.path());
    let mut server = Server::start(command.env("LOTLINE__SERVER__DRAIN_DELAY_SECONDS", "600"));
    let admin = Admin::of(server.address).await;
    let ready = || admin.http.get(format!("http://{}/readyz", server.address)).send();
    assert_eq!(ready().await.unwrap().status(), 200);

    server.signal(Signal::TERM);
    eventually("readiness to go", async || ready().await.unwrap().status() == 503).await;
    server.signal(Signal::TERM);

    assert_eq!(server.wait_for_exit().await, Some(130));
}

#[tokio::test]
async fn a_node_with_one_stream_ends_without_using_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_one_admin(folder.path());
    let mut server = Server::start(command.env("LOTLINE__SERVER__SHUTDOWN_SECONDS", "600"));
    let admin = Admin::of(server.address).await;
    let client = admin.streams(None).await;

    server.signal(Signal::INT);
    let received = client.receives_until_closed().await;

    assert_eq!((received.closed.map(|(code, _)| code), server.wait_for_exit().await), (Some(1012), Some(0)));
}

#[tokio::test]
async fn an_idle_node_ends_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = with_one_admin(folder.path());
    let mut server = Server::start(command.env("LOTLINE__SERVER__SHUTDOWN_SECONDS", "600"));

    server.signal(Signal::INT);

    assert_eq!(server.wait_for_exit().await, Some(0));
}
