//! Ten thousand sockets: many tenants on one server, each gets a broadcast per second. Prints the server's memory and
//! CPU time, and whether every socket got every broadcast once and in order. Exit status 1 when one did not.
//!
//! ```sh
//! cargo build --release && cargo run --release --example fanout -- --server target/release/lotline
//! ```
//!
//! The server is a separate process on a fresh SQLite store; the sockets belong to this process. With `--jitter` they
//! are all disconnected at the end (`storm`).

mod storm;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use futures_util::StreamExt;
use lotline::app::node::App;
use lotline::auth::key_scope::Role;
use lotline::auth::token::mint::Lifetime;
use lotline::base::clock::Clock;
use lotline::config::Settings;
use lotline::crawler::reader::ReaderProgram;
use lotline::domain::identity::Identity;
use lotline::domain::identity::bootstrap::{self, BootstrapUser};
use parking_lot::Mutex;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

/// The longest wait for the last broadcast.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Concurrent connects.
const UPGRADES: usize = 100;
/// Of `/proc/PID/stat`, on every Linux that Lotline runs on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Clone, Parser)]
struct Options {
    /// The binary to measure.
    #[arg(long)]
    server: PathBuf,
    #[arg(long, default_value_t = 200)]
    tenants: usize,
    /// Users per tenant.
    #[arg(long, default_value_t = 10)]
    users: usize,
    /// Sockets per user.
    #[arg(long, default_value_t = 5)]
    sockets: usize,
    /// Broadcasts per tenant, one per second.
    #[arg(long, default_value_t = 30)]
    rounds: u64,
    /// Seconds without a broadcast before the first, to measure the cost of idle sockets.
    #[arg(long, default_value_t = 10)]
    rest: u64,
    /// Spreads each round's broadcasts over the second, instead of sending all at once.
    #[arg(long)]
    spread: bool,
    /// Disconnects all sockets at the end; they reconnect within this many seconds.
    #[arg(long)]
    jitter: Option<u64>,
}

/// The tokens of a tenant's users; the first is its admin.
type Tenant = Vec<String>;

#[tokio::main]
async fn main() -> Outcome<()> {
    let options = Options::parse();
    raise_file_limit()?;
    let folder = std::env::temp_dir().join(format!("lotline-fanout-{}", std::process::id()));
    let done = measure(&options, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    if done? { Ok(()) } else { Err("a promise was not kept".into()) }
}

async fn measure(options: &Options, folder: &Path) -> Outcome<bool> {
    let clock = Clock::system();
    let environment = environment(options, folder);
    let tenants = make_people(options, &environment, &clock).await?;
    let server = Server::start(&options.server, &environment)?;
    let empty = server.usage()?;
    let sockets = options.tenants * options.users * options.sockets;
    let delivery_stats = Arc::new(DeliveryStats::default());
    let mut followers = JoinSet::new();
    let began = clock.now();
    follow_all(options, &server.url, &tenants, &delivery_stats, &clock, &mut followers).await?;
    print_line(format!(
        "{sockets} sockets of {} tenants opened in {:.1} s",
        options.tenants,
        since(&clock, began)
    ))?;

    let before = server.usage()?;
    clock.sleep(Duration::from_secs(options.rest)).await;
    let rested = server.usage()?;
    let per_socket = (rested.rss_kib - empty.rss_kib) / sockets as f64;
    print_line(format!(
        "memory: {:.0} MiB empty, {:.0} MiB with them ({per_socket:.1} KiB a socket)",
        mib(empty),
        mib(rested)
    ))?;
    print_line(format!(
        "at rest: {:.3} CPU-s a second",
        (rested.cpu_secs - before.cpu_secs) / options.rest.max(1) as f64
    ))?;

    let began = clock.now();
    broadcast_all(options, &server.url, &tenants, &clock).await?;
    let wanted = sockets as u64 * options.rounds;
    let deadline = clock.now() + TIMEOUT;
    while delivery_stats.delivered.load(Ordering::Relaxed) < wanted && clock.now() < deadline {
        clock.sleep(Duration::from_millis(50)).await;
    }
    let (span, after) = (since(&clock, began), server.usage()?);
    followers.shutdown().await;
    let delivered = report(&delivery_stats, wanted, span, after.cpu_secs - rested.cpu_secs, after)?;
    let Some(jitter) = options.jitter else { return Ok(delivered) };
    Ok(storm::run(options, jitter, &server, &tenants, &clock).await? && delivered)
}

fn report(
    delivery_stats: &DeliveryStats,
    wanted: u64,
    span: f64,
    cpu_secs: f64,
    after: Usage,
) -> Outcome<bool> {
    let delivered = delivery_stats.delivered.load(Ordering::Relaxed);
    let faults = delivery_stats.faults.lock();
    print_line(format!("delivered: {delivered} of {wanted} in {span:.1} s, {} faults", faults.len()))?;
    for fault in faults.iter().take(10) {
        print_line(format!("  {fault}"))?;
    }
    let micros = cpu_secs * 1e6 / delivered.max(1) as f64;
    print_line(format!(
        "server: {cpu_secs:.2} CPU-s, {micros:.1} µs a delivery (with the requests, the log and the rest)"
    ))?;
    print_line(format!(
        "memory at the end: {:.0} MiB, at most {:.0} MiB",
        mib(after),
        after.peak_kib / 1024.0
    ))?;
    let mut delays = delivery_stats.delays_ms.lock();
    delays.sort_unstable();
    let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).or(delays.last()).copied();
    let shown = [0.5, 0.99, 1.0].map(|share| at(share).unwrap_or_default());
    print_line(format!(
        "from request to socket: median {} ms, 99 % {} ms, longest {} ms",
        shown[0], shown[1], shown[2]
    ))?;
    Ok(delivered == wanted && faults.is_empty())
}

/// What the sockets received.
#[derive(Default)]
struct DeliveryStats {
    delivered: AtomicU64,
    faults: Mutex<Vec<String>>,
    delays_ms: Mutex<Vec<i64>>,
}

/// The key for this server's metrics; the server is reachable from this machine only.
const METRICS_KEY: &str = "for-this-run-alone";

fn environment(options: &Options, folder: &Path) -> BTreeMap<String, String> {
    let keys = [
        ("LOTLINE__SERVER__BIND", "127.0.0.1:0".to_owned()),
        ("LOTLINE__SERVER__DATA_DIR", folder.display().to_string()),
        ("LOTLINE__SERVER__MAX_CONNECTIONS", "100000".to_owned()),
        ("LOTLINE__TELEMETRY__METRICS_KEY", METRICS_KEY.to_owned()),
        ("LOTLINE__LIMITS__SOCKETS_PER_USER", options.sockets.to_string()),
        ("LOTLINE__CRAWLER__ENABLED", "false".to_owned()),
        ("LOTLINE__TELEMETRY__LOG_FILTER", "warn".to_owned()),
    ];
    keys.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Uses the library on the store that the server opens later: thousands of subcommands would take long.
async fn make_people(
    options: &Options,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
) -> Outcome<Vec<Tenant>> {
    let faults = |faults: Vec<_>| lotline::config::format_errors(&faults);
    let settings = Settings::load(None, environment.clone().into_iter()).map_err(faults)?;
    let app = App::build(&settings, clock.clone(), ReaderProgram::Threads).await?;
    let mut tenants = Vec::new();
    for number in 0..options.tenants {
        tenants.push(make_tenant(&app.identity, &format!("tenant-{number}"), options.users).await?);
    }
    let stopped = CancellationToken::new();
    stopped.cancel();
    app.run_until_stopped(stopped).await?;
    Ok(tenants)
}

async fn make_tenant(identity: &Identity, slug: &str, users: usize) -> Outcome<Tenant> {
    let refused = |problem: lotline::protocol::problem::Problem| problem.detail.into_owned();
    bootstrap::create_tenant(identity, slug, slug).await.map_err(refused)?;
    let mut tokens = Vec::new();
    for number in 0..users {
        let username = format!("user-{number}");
        let role = if number == 0 { Role::Admin } else { Role::Member };
        let new = BootstrapUser { username: &username, email: None, role, password: None };
        bootstrap::create_user(identity, slug, &new).await.map_err(refused)?;
        let token = bootstrap::mint_token(identity, slug, &username, Lifetime::from_secs(86_400)).await;
        tokens.push(token.map_err(refused)?.text.expose().to_owned());
    }
    Ok(tokens)
}

async fn follow_all(
    options: &Options,
    url: &str,
    tenants: &[Tenant],
    delivery_stats: &Arc<DeliveryStats>,
    clock: &Clock,
    followers: &mut JoinSet<()>,
) -> Outcome<()> {
    let url = url.replacen("http://", "ws://", 1);
    let mut opening = JoinSet::new();
    let tokens = tenants.iter().flatten().flat_map(|token| std::iter::repeat_n(token, options.sockets));
    for token in tokens {
        if opening.len() >= UPGRADES
            && let Some(opened) = opening.join_next().await
        {
            followers.spawn(follow(opened??, Arc::clone(delivery_stats), clock.clone()));
        }
        opening.spawn(open(format!("{url}/ws?token={token}")));
    }
    while let Some(opened) = opening.join_next().await {
        followers.spawn(follow(opened??, Arc::clone(delivery_stats), clock.clone()));
    }
    Ok(())
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(url: String) -> Outcome<Socket> {
    // Thousands of default buffers would take more memory than the server.
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let (mut socket, _) = connect_async_with_config(url, Some(config), true).await?;
    match socket.next().await {
        Some(Ok(Message::Text(text))) if text.contains("connection_established") => Ok(socket),
        other => Err(format!("no greeting but {other:?}").into()),
    }
}

/// Reads until it is dropped: each broadcast must follow the previous one.
async fn follow(mut socket: Socket, delivery_stats: Arc<DeliveryStats>, clock: Clock) {
    let fault = |words: String| delivery_stats.faults.lock().push(words);
    let mut expected = 0;
    while let Some(message) = socket.next().await {
        let text = match message {
            Ok(Message::Text(text)) => text,
            Ok(Message::Close(frame)) => return fault(format!("closed: {frame:?}")),
            Ok(_) => continue,
            Err(error) => return fault(format!("cut: {error}")),
        };
        let Some((round, sent_ms)) = broadcast(&text) else { return fault(format!("unexpected: {text}")) };
        if round != expected {
            fault(format!("round {round} came where {expected} was due"));
        }
        expected = round + 1;
        delivery_stats.delays_ms.lock().push(clock.now().timestamp_millis() - sent_ms);
        delivery_stats.delivered.fetch_add(1, Ordering::Relaxed);
    }
}

/// Round and time of sending in a broadcast's text.
fn broadcast(text: &str) -> Option<(u64, i64)> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    if value["type"] != "system_notification" {
        return None;
    }
    let (round, sent_ms) = value["message"].as_str()?.split_once(' ')?;
    Some((round.parse().ok()?, sent_ms.parse().ok()?))
}

/// A broadcast to each tenant each second, to all at once or spread over it. A round that takes longer delays the
/// next one; the order stays.
async fn broadcast_all(options: &Options, url: &str, tenants: &[Tenant], clock: &Clock) -> Outcome<()> {
    let client = reqwest::Client::new();
    let began = clock.now();
    for round in 0..options.rounds {
        clock.sleep_until(began + Duration::from_secs(round)).await;
        let mut requests = JoinSet::new();
        let admins = tenants.iter().filter_map(|tokens| tokens.first());
        for (number, admin) in (0u32..).zip(admins) {
            let request = client.post(format!("{url}/api/v1/admin/broadcast")).bearer_auth(admin);
            let clock = clock.clone();
            let part = Duration::from_secs(1) / tenants.len() as u32;
            let wait = if options.spread { part * number } else { Duration::ZERO };
            requests.spawn(async move {
                clock.sleep(wait).await;
                let text = format!("{round} {}", clock.now().timestamp_millis());
                request.json(&serde_json::json!({ "message": text })).send().await
            });
        }
        while let Some(answer) = requests.join_next().await {
            answer??.error_for_status()?;
        }
    }
    Ok(())
}

/// The server under measurement; killed when dropped.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(binary: &Path, environment: &BTreeMap<String, String>) -> Outcome<Self> {
        let mut process =
            Command::new(binary).arg("serve").envs(environment).stderr(Stdio::piped()).spawn()?;
        let mut lines = BufReader::new(process.stderr.take().ok_or("no standard error")?).lines();
        let url = loop {
            let line = lines.next().ok_or("the server did not start")??;
            match line.strip_prefix("listening on ") {
                Some(url) => break url.to_owned(),
                None => print_line(line)?,
            }
        };
        // The pipe must be read, or the server would block when it logs.
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(print_line));
        Ok(Self { process, url })
    }

    fn usage(&self) -> Outcome<Usage> {
        let proc = PathBuf::from(format!("/proc/{}", self.process.id()));
        let stat = std::fs::read_to_string(proc.join("stat"))?;
        // The name in parentheses may contain blanks; the 12th and 13th field after it are user and system time.
        let fields = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let ticks: f64 =
            fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
        let status = std::fs::read_to_string(proc.join("status"))?;
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().nth(1)?.parse::<f64>().ok()
        };
        let (rss_kib, peak_kib) = (kib("VmRSS").ok_or("no VmRSS")?, kib("VmHWM").ok_or("no VmHWM")?);
        Ok(Usage { cpu_secs: ticks / TICKS_PER_SECOND, rss_kib, peak_kib })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's resource usage so far.
#[derive(Clone, Copy)]
struct Usage {
    cpu_secs: f64,
    rss_kib: f64,
    peak_kib: f64,
}

fn mib(usage: Usage) -> f64 {
    usage.rss_kib / 1024.0
}

fn since(clock: &Clock, began: chrono::DateTime<chrono::Utc>) -> f64 {
    (clock.now() - began).as_seconds_f64()
}

fn print_line(line: String) -> Outcome<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

fn raise_file_limit() -> Outcome<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}
