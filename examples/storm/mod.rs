//! All sockets are disconnected at once and reconnect at random times, while their tenants keep getting broadcasts.
//! Each follows the advice of refusals. The fault tests' checker decides whether each got every event once, in order.

#[path = "../../tests/it/history/check.rs"]
mod check;
#[expect(dead_code, reason = "a storm has no jobs and no prices")]
#[path = "../../tests/it/history/record.rs"]
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use lotline::base::clock::Clock;
use lotline::base::entropy::Entropy;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

use crate::{METRICS_KEY, Options, Outcome, Server, Socket, TIMEOUT, Tenant, print_line, since};
use record::{Entry, Fact, History, Reader, Role, Seen};

const LAST_MESSAGE: &str = "that was all";

/// Shared by all sockets of the storm.
struct Storm {
    clock: Clock,
    cut: DateTime<Utc>,
    resumed: AtomicUsize,
}

/// One socket's reconnect.
struct ReconnectResult {
    tenant: usize,
    /// Seconds between the disconnect and the first missed event; `None`: it never came.
    after: Option<f64>,
    refused: u64,
    seen: Vec<Seen>,
}

/// Whether all reconnected in time, each user was read from the store at most once, and the checker found no fault.
pub async fn run(
    options: &Options,
    jitter: u64,
    server: &Server,
    tenants: &[Tenant],
    clock: &Clock,
) -> Outcome<bool> {
    let office = AdminClient { http: reqwest::Client::new(), url: &server.url, tenants };
    let starts = office.heads().await?;
    let (cpu_secs, before) = (server.usage()?.cpu_secs, office.reads().await?);
    let storm = Arc::new(Storm { clock: clock.clone(), cut: clock.now(), resumed: AtomicUsize::new(0) });
    let mut said = vec!["missed 0".to_owned()];
    office.broadcast_to_all("missed 0").await?;
    let mut returns = JoinSet::new();
    for (tenant, (tokens, start)) in tenants.iter().zip(&starts).enumerate() {
        for token in tokens.iter().flat_map(|token| std::iter::repeat_n(token, options.sockets)) {
            let url = server.url.replacen("http://", "ws://", 1);
            let url = format!("{url}/ws?token={token}&since={start}");
            let wait = Duration::from_millis(Entropy.below(jitter * 1_000 + 1));
            returns.spawn(reconnect(Arc::clone(&storm), tenant, url, wait));
        }
    }
    let sockets = returns.len();
    let mut second = 0;
    while storm.resumed.load(Ordering::Relaxed) < sockets && since(clock, storm.cut) < TIMEOUT.as_secs_f64() {
        second += 1;
        said.push(format!("missed {second}"));
        office.broadcast_to_all(&format!("missed {second}")).await?;
        clock.sleep_until(storm.cut + Duration::from_secs(second)).await;
    }
    // Before the last broadcast: that request may itself read the tenant's admin from the store.
    let (cpu_secs, after) = (server.usage()?.cpu_secs - cpu_secs, office.reads().await?);
    let (accounts, transactions) =
        (after.accounts - before.accounts, after.transactions - before.transactions);
    said.push(LAST_MESSAGE.to_owned());
    office.broadcast_to_all(LAST_MESSAGE).await?;
    let returns = returns.join_all().await;
    let times = Times::of(&returns);
    let users = tenants.iter().map(Vec::len).sum::<usize>();
    print_line(format!(
        "storm: {} of {sockets} resumed, the last after {:.1} s, {} refusals, {cpu_secs:.2} CPU-s",
        times.resumed, times.last, times.refused
    ))?;
    print_line(format!(
        "accounts read from the store: {accounts} for {users} users; with their rooms, the logs and their heads: \
         {transactions} reads"
    ))?;
    let faults = check_history(&office, options, &starts, &said, returns).await?;
    Ok(times.resumed == sockets
        && times.last < TIMEOUT.as_secs_f64()
        && accounts <= users as u64
        && faults == 0)
}

struct Times {
    resumed: usize,
    last: f64,
    refused: u64,
}

impl Times {
    fn of(returns: &[ReconnectResult]) -> Self {
        let times = returns.iter().filter_map(|one| one.after);
        Self {
            resumed: times.clone().count(),
            last: times.fold(0.0, f64::max),
            refused: returns.iter().map(|one| one.refused).sum(),
        }
    }
}

/// Reconnects after `wait` and reads to the last broadcast. A socket that ends earlier is checked by what it saw.
async fn reconnect(storm: Arc<Storm>, tenant: usize, url: String, wait: Duration) -> ReconnectResult {
    storm.clock.sleep(wait).await;
    let mut back = ReconnectResult { tenant, after: None, refused: 0, seen: Vec::new() };
    let Some(mut socket) = open(&storm, &url, &mut back.refused).await else { return back };
    loop {
        let message = tokio::select! {
            Some(Ok(message)) = socket.next() => message,
            () = storm.clock.sleep_until(storm.cut + 2 * TIMEOUT) => break,
            else => break,
        };
        let Some(entry) = message.to_text().ok().and_then(entry) else { continue };
        if back.after.is_none() {
            back.after = Some(since(&storm.clock, storm.cut));
            storm.resumed.fetch_add(1, Ordering::Relaxed);
        }
        let is_last = entry.fact == Some(Fact::message(LAST_MESSAGE));
        back.seen.push(Seen::Event(entry));
        if is_last {
            break;
        }
    }
    back
}

/// Repeats the request until it is admitted, and waits as long as each refusal says.
async fn open(storm: &Storm, url: &str, refused: &mut u64) -> Option<Socket> {
    loop {
        let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
        match connect_async_with_config(url, Some(config), true).await {
            Ok((socket, _)) => return Some(socket),
            Err(tungstenite::Error::Http(answer)) if matches!(answer.status().as_u16(), 429 | 503) => {
                *refused += 1;
                let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok());
                let seconds = seconds.and_then(|text| text.parse().ok()).unwrap_or(1);
                storm.clock.sleep(Duration::from_secs(seconds)).await;
            }
            Err(_) => return None,
        }
    }
}

fn entry(text: &str) -> Option<Entry> {
    Entry::of(&serde_json::from_str(text).ok()?)
}

/// The number of faults in what all sockets saw; prints the first ones.
async fn check_history(
    office: &AdminClient<'_>,
    options: &Options,
    starts: &[String],
    sent: &[String],
    returns: Vec<ReconnectResult>,
) -> Outcome<usize> {
    let said: Vec<Fact> = sent.iter().map(Fact::message).collect();
    let mut history = History::default();
    for (tenant, start) in starts.iter().enumerate() {
        let log = office.log(tenant, start).await?;
        let tried = said.iter().cloned().collect();
        let acknowledged = vec![said.clone()];
        history.tenants.push(record::Tenant { tried, acknowledged, log, readers: Vec::new() });
    }
    for one in returns {
        let Some(start) = starts.get(one.tenant) else { continue };
        let Some(tenant) = history.tenants.get_mut(one.tenant) else { continue };
        let name = format!("socket {}", tenant.readers.len());
        // The first user is the admin; the sockets of a user are consecutive.
        let role = if tenant.readers.len() < options.sockets { Role::Admin } else { Role::Viewer };
        let start = start.clone();
        tenant.readers.push(Reader { name, role, follows: false, start, seen: one.seen });
    }
    let readers: usize = history.tenants.iter().map(|tenant| tenant.readers.len()).sum();
    let faults = history.faults();
    print_line(format!(
        "judged: {readers} readers of {} broadcasts each, {} faults",
        said.len(),
        faults.len()
    ))?;
    for fault in faults.iter().take(10) {
        print_line(format!("  {fault:?}"))?;
    }
    Ok(faults.len())
}

/// Reads of the store: accounts, and all reading transactions.
struct Reads {
    accounts: u64,
    transactions: u64,
}

/// A client of the tenants' admins.
struct AdminClient<'a> {
    http: reqwest::Client,
    url: &'a str,
    tenants: &'a [Tenant],
}

impl AdminClient<'_> {
    /// The head position of each tenant's log.
    async fn heads(&self) -> Outcome<Vec<String>> {
        let mut heads = Vec::new();
        for tenant in 0..self.tenants.len() {
            let page = self.get(tenant, "/api/v1/events").await?;
            heads.push(page["position"].as_str().ok_or("no position")?.to_owned());
        }
        Ok(heads)
    }

    /// A tenant's log after `since`: a few events, so one page.
    async fn log(&self, tenant: usize, since: &str) -> Outcome<Vec<Entry>> {
        let page = self.get(tenant, &format!("/api/v1/events?since={since}&limit=200")).await?;
        let frames = page["data"].as_array().ok_or("no page of the log")?;
        Ok(frames.iter().filter_map(Entry::of).collect())
    }

    /// A broadcast to each tenant.
    async fn broadcast_to_all(&self, text: &str) -> Outcome<()> {
        let mut requests = JoinSet::new();
        for admin in self.tenants.iter().filter_map(|tokens| tokens.first()) {
            let request = self.http.post(format!("{}/api/v1/admin/broadcast", self.url)).bearer_auth(admin);
            requests.spawn(request.json(&serde_json::json!({ "message": text })).send());
        }
        while let Some(answer) = requests.join_next().await {
            answer??.error_for_status()?;
        }
        Ok(())
    }

    /// How often the server has read its store.
    async fn reads(&self) -> Outcome<Reads> {
        let text = self.http.get(format!("{}/metrics", self.url)).bearer_auth(METRICS_KEY);
        let text = text.send().await?.error_for_status()?;
        let text = text.text().await?;
        let figure = |name: &str| {
            let figure = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            Ok::<_, crate::Failure>(figure.ok_or(name)?.trim().parse::<f64>()? as u64)
        };
        Ok(Reads {
            accounts: figure("lotline_account_cache_misses_total")?,
            transactions: figure("lotline_transaction_wait_seconds_count{mode=\"read\"}")?,
        })
    }

    async fn get(&self, tenant: usize, path: &str) -> Outcome<Value> {
        let admin = self.tenants.get(tenant).and_then(|tokens| tokens.first()).ok_or("no admin")?;
        let answer = self.http.get(format!("{}{path}", self.url)).bearer_auth(admin).send().await?;
        Ok(answer.error_for_status()?.json().await?)
    }
}
