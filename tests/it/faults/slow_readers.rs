//! Two hundred sockets that never read beside two hundred that do: the readers get everything at once, memory stays
//! within its bound, and the slow ones are closed with 4503 and resume without loss.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::TaskTracker;

use crate::history::{Entry, Fact, History, Reader, Role, Seen, Tenant};
use crate::load::{Accounts, Node, NodeClient, TenantAccounts, read_log};
use crate::support::app::Backend;
use crate::support::wait::within;

/// Sockets of each kind when the environment does not set the number.
const EACH: usize = 200;
/// The smallest queue that can be configured.
const QUEUE_BYTES: usize = 131_072;
/// Memory that the server may use besides the queues: tasks, buffers of the sockets, one page of the log per replay.
const SLACK_BYTES: usize = 16 * 1024 * 1024;
/// The maximum number of large broadcasts: many times what a queue and the system's buffers hold for one socket.
const MOST_BROADCASTS: usize = 1_000;
const LAST_MESSAGE: &str = "that was all";

type Socket = WebSocketStream<TcpStream>;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sockets_that_never_read_harm_nobody_and_resume_whole() {
    let each = each();
    let settings = [
        ("LOTLINE__CRAWLER__ENABLED", "false"),
        ("LOTLINE__LIMITS__SOCKETS_PER_USER", "1000"),
        ("LOTLINE__LIMITS__QUEUE_BYTES", &QUEUE_BYTES.to_string()),
    ];
    let mut node = Node::prepare(Backend::Sqlite, &settings).await;
    let tenant = Accounts::create(&node).tenants.remove(0);
    node.start(&[]);
    let location = node.client();
    let head = location.get(&tenant.admin, "/api/v1/events").await.expect_done("the head");
    let start = head["position"].as_str().unwrap().to_owned();
    let quick = join_all((0..each).map(|_| connects(&location, &tenant.admin, None))).await;
    let slow = join_all((0..each).map(|_| connects(&location, &tenant.viewer, Some(4 * 1024)))).await;
    let before = node.server().resident_bytes();

    let tasks = TaskTracker::new();
    let reading: Vec<_> = quick.into_iter().map(|socket| tasks.spawn(reads_to_the_end(socket))).collect();
    // A close takes some seconds; the stats count only the sockets that still receive events.
    let said =
        broadcasts_until(&location, &tenant, async || open_sockets(&location, &tenant).await <= each as u64)
            .await;
    let mut readers = Vec::new();
    for (index, reading) in reading.into_iter().enumerate() {
        let seen = tokio::time::timeout(std::time::Duration::from_secs(60), reading).await;
        let seen = seen.unwrap_or_else(|_| panic!("reader {index} is held up")).unwrap();
        readers.push(reader(format!("reader {index}"), Role::Admin, &start, seen));
    }
    let grown = node.server().peak_resident_bytes().saturating_sub(before);
    let bound = each * QUEUE_BYTES + SLACK_BYTES;
    eprintln!("{each} sockets that never read: {} KiB more, bound {} KiB", grown / 1024, bound / 1024);
    assert!(grown <= bound, "{grown} bytes more, and no more than {bound} were promised");

    let mut received = 0;
    for (index, socket) in slow.into_iter().enumerate() {
        let (mut seen, code) = reads_to_the_close(socket).await;
        received += usize::from(code == 4503);
        // If the system's buffers stayed full, the close frame could not be sent and the connection was cut.
        assert!(code == 4503 || code == 1006, "slow reader {index}: {code} after {} frames", seen.len());
        let last = seen.last().map_or(&start, |entry| &entry.position).clone();
        let rest = read_log(&location, &tenant.viewer, &last, LAST_MESSAGE).await;
        seen.extend(rest.iter().filter_map(Entry::of));
        readers.push(reader(format!("slow reader {index}"), Role::Viewer, &start, seen));
    }
    eprintln!("{received} of {each} slow readers were told 4503 within the time that they have for it");
    let log = read_log(&location, &tenant.admin, &start, LAST_MESSAGE).await;
    let log = log.iter().filter_map(Entry::of).collect();
    let tried: BTreeSet<Fact> = said.iter().cloned().collect();
    let history = History { tenants: vec![Tenant { tried, acknowledged: vec![said], log, readers }] };
    let faults = history.faults();
    assert!(faults.is_empty(), "{} faults, the first: {:#?}", faults.len(), faults.first());
    node.remove().await;
}

fn each() -> usize {
    let each = std::env::var("LOTLINE_SLOW_READERS");
    each.map_or(EACH, |each| each.parse().expect("LOTLINE_SLOW_READERS is a number"))
}

fn reader(name: String, role: Role, start: &str, seen: Vec<Entry>) -> Reader {
    let seen = seen.into_iter().map(Seen::Event).collect();
    Reader { name, role, follows: true, start: start.to_owned(), seen }
}

/// An open socket that follows jobs and listings; `receive_bytes` limits what its system buffers unread.
async fn connects(node: &NodeClient, token: &str, receive_bytes: Option<u32>) -> Socket {
    let socket = TcpSocket::new_v4().unwrap();
    if let Some(bytes) = receive_bytes {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    let address = node.address();
    let stream = socket.connect(address).await.unwrap();
    let feeds = "job_updates,property_updates,system_alerts";
    let url = format!("ws://{address}/ws?token={token}&subscriptions={feeds}");
    let (mut socket, _) = within("a socket", tokio_tungstenite::client_async(url, stream)).await.unwrap();
    within("the first message", socket.next()).await.unwrap().unwrap();
    socket
}

/// Sends large broadcasts until every slow reader is gone, and between them runs jobs that succeed and jobs that
/// fail, which alerts the admins.
async fn broadcasts_until(
    node: &NodeClient,
    tenant: &TenantAccounts,
    is_enough: impl AsyncFn() -> bool,
) -> Vec<Fact> {
    let spider = json!({ "name": "outside", "runner": "external" });
    node.post(&tenant.admin, "/api/v1/spiders", &spider).await.expect_done("a spider");
    let mut said = Vec::new();
    for number in 0.. {
        if is_enough().await {
            break;
        }
        assert!(number < MOST_BROADCASTS, "slow readers are kept for ever");
        let text = format!("{number} {}", "\u{1f3e1}".repeat(3_990));
        let body = json!({ "message": text });
        node.post(&tenant.admin, "/api/v1/admin/broadcast", &body).await.expect_done("a broadcast");
        said.push(Fact::message(text));
        if number % 10 == 0 {
            let end = if number % 20 == 0 { "complete" } else { "fail" };
            said.extend(works(node, tenant, end).await);
        }
    }
    let body = json!({ "message": LAST_MESSAGE });
    node.post(&tenant.admin, "/api/v1/admin/broadcast", &body).await.expect_done("the last word");
    said.push(Fact::message(LAST_MESSAGE));
    said
}

async fn open_sockets(node: &NodeClient, tenant: &TenantAccounts) -> u64 {
    let stats = node.get(&tenant.admin, "/api/v1/stats").await.expect_done("the figures");
    stats["connections"]["sockets"].as_u64().unwrap()
}

/// One job, which ends as `end` says.
async fn works(node: &NodeClient, tenant: &TenantAccounts, end: &str) -> [Fact; 3] {
    let answer =
        async |token: &str, path: &str, body: &Value| node.post(token, path, body).await.expect_done(path);
    let job = json!({ "spider_name": "outside", "target_urls": ["https://portal.example/"] });
    let job = answer(&tenant.member, "/api/v1/jobs", &job).await["job_id"].as_i64().unwrap();
    let claim = answer(&tenant.key, "/api/v1/workers/claim", &json!({})).await;
    let report = |verb: &str| format!("/api/v1/jobs/{job}/{verb}");
    let lease = json!({ "lease_token": claim["lease_token"] });
    answer(&tenant.key, &report("start"), &lease).await;
    let mut last = lease.clone();
    if end == "fail" {
        last["error"] = json!("the site is gone");
    }
    answer(&tenant.key, &report(end), &last).await;
    let ended = if end == "fail" { "job_failed" } else { "job_completed" };
    let attempt = claim["job"]["attempt"].as_i64().unwrap();
    [
        Fact::job(job, "job_queued", attempt),
        Fact::job(job, "job_started", attempt),
        Fact::job(job, ended, attempt),
    ]
}

async fn reads_to_the_end(mut socket: Socket) -> Vec<Entry> {
    let (mut seen, last) = (Vec::new(), Some(Fact::message(LAST_MESSAGE)));
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Some(entry) = Entry::of(&serde_json::from_str(&text).unwrap()) else { continue };
        let is_last = entry.fact == last;
        seen.push(entry);
        if is_last {
            break;
        }
    }
    seen
}

/// The frames that the system had buffered for a reader that did not read, and the close code.
async fn reads_to_the_close(mut socket: Socket) -> (Vec<Entry>, u16) {
    let mut seen = Vec::new();
    let mut code = 1006;
    let reading = async {
        while let Some(Ok(message)) = socket.next().await {
            match message {
                Message::Text(text) => seen.extend(Entry::of(&serde_json::from_str(&text).unwrap())),
                Message::Close(Some(close)) => code = close.code.into(),
                _ => {}
            }
        }
    };
    within("the close of a slow reader", reading).await;
    (seen, code)
}
