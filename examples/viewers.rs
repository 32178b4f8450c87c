//! Many users view one listing, leave it and return, and are killed at the end. Prints how many messages this takes
//! per user, the server's CPU time, and how long killed users stay listed. Exit status 1 when a user got more than
//! one message per second, or a killed user is still online after the grace.
//!
//! ```sh
//! cargo build --release && cargo run --release --example viewers -- --server target/release/lotline
//! ```
//!
//! Server (on a fresh SQLite store) and viewers are separate processes; the viewers are killed with signal 9.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use lotline::app::node::App;
use lotline::auth::key_scope::{KeyScope, Role};
use lotline::auth::token::mint::Lifetime;
use lotline::base::clock::Clock;
use lotline::config::Settings;
use lotline::crawler::reader::ReaderProgram;
use lotline::domain::identity::Identity;
use lotline::domain::identity::bootstrap::{self, BootstrapKey, BootstrapUser};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_util::sync::CancellationToken;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const TENANT: &str = "acme";
/// Concurrent connects.
const UPGRADES: usize = 100;
/// The longest time until a change of the viewers is visible.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long a disconnected user counts as present by default, plus a margin.
const GRACE: Duration = Duration::from_secs(15);
/// Of `/proc/PID/stat`, on every Linux that Lotline runs on.
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Parser)]
struct Options {
    /// The binary to measure.
    #[arg(long, required_unless_present = "crowd")]
    server: Option<PathBuf>,
    #[arg(long, default_value_t = 2_000)]
    viewers: usize,
    /// How often the viewers leave and return.
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Runs the viewers: reads property, tokens and then commands from standard input.
    #[arg(long, hide = true)]
    crowd: bool,
}

#[tokio::main]
async fn main() -> Outcome<()> {
    let options = Options::parse();
    raise_file_limit()?;
    let Some(server) = options.server.as_deref().filter(|_| !options.crowd) else {
        return run_viewer_process().await;
    };
    let folder = std::env::temp_dir().join(format!("lotline-viewers-{}", std::process::id()));
    let held = measure(&options, server, &folder).await;
    std::fs::remove_dir_all(&folder)?;
    if held? { Ok(()) } else { Err("the bounds did not hold".into()) }
}

async fn measure(options: &Options, binary: &Path, folder: &Path) -> Outcome<bool> {
    let clock = Clock::system();
    let environment = environment(folder);
    let people = make_people(options.viewers, &environment, &clock).await?;
    let server = Server::start(binary, &environment)?;
    let scene = Environment::new(server, people.key, people.observer, &clock).await?;
    let mut crowd = ViewerProcess::start(&scene.server.url, scene.property, &people.tokens)?;
    let mut held = true;
    for round in 1..=options.rounds {
        for (word, wanted) in [("look", options.viewers), ("turn", 0)] {
            let (cpu, began) = (scene.server.cpu_secs()?, clock.now());
            crowd.send_command(word)?;
            scene.has_viewers(wanted).await?;
            // Updates are sent within a second.
            clock.sleep(Duration::from_millis(1_500)).await;
            let (sum, most) = crowd.counts()?;
            let (span, cpu) = (since(&clock, began), scene.server.cpu_secs()? - cpu);
            print_line(format!(
                "round {round}, {word}: {sum} messages in {span:.1} s, at most {most} each, {cpu:.2} CPU-s"
            ))?;
            held &= most as f64 <= span + 1.0;
        }
    }
    crowd.send_command("look")?;
    scene.has_viewers(options.viewers).await?;
    let began = clock.now();
    crowd.process.kill()?;
    crowd.process.wait()?;
    scene.has_viewers(0).await?;
    print_line(format!("killed: no viewer is left after {:.1} s", since(&clock, began)))?;
    clock.sleep(GRACE).await;
    let online = scene.users_online().await?;
    print_line(format!("killed: {online} users are online after the grace"))?;
    Ok(held && online == 0.0)
}

/// The server with a listing, and a user that reads its viewers.
struct Environment {
    server: Server,
    client: reqwest::Client,
    clock: Clock,
    observer: String,
    property: i64,
}

impl Environment {
    async fn new(server: Server, key: String, observer: String, clock: &Clock) -> Outcome<Self> {
        let client = reqwest::Client::new();
        let item = json!({ "source": "portal", "listing_key": "H-1", "list_price": 1, "currency": "EUR",
            "source_url": "https://portal.example/h-1" });
        let request = client.post(format!("{}/api/v1/properties/batch", server.url)).bearer_auth(key);
        let answer = request.json(&json!({ "items": [item] })).send().await?.error_for_status()?;
        let answer: Value = answer.json().await?;
        let property = answer["results"][0]["property_id"].as_i64().ok_or("no property")?;
        Ok(Self { server, client, clock: clock.clone(), observer, property })
    }

    async fn has_viewers(&self, wanted: usize) -> Outcome<()> {
        let url = format!("{}/api/v1/properties/{}/viewers", self.server.url, self.property);
        let deadline = self.clock.now() + TIMEOUT;
        loop {
            let answer = self.client.get(&url).bearer_auth(&self.observer).send().await?;
            let viewers: Value = answer.error_for_status()?.json().await?;
            if viewers["count"].as_u64() == Some(wanted as u64) {
                return Ok(());
            }
            if self.clock.now() > deadline {
                return Err(format!("{wanted} viewers were awaited: {viewers}").into());
            }
            self.clock.sleep(Duration::from_millis(50)).await;
        }
    }

    async fn users_online(&self) -> Outcome<f64> {
        let text = self
            .client
            .get(format!("{}/metrics", self.server.url))
            .bearer_auth(METRICS_KEY)
            .send()
            .await?
            .text()
            .await?;
        let value = text.lines().find_map(|line| line.strip_prefix("lotline_users_online "));
        Ok(value.ok_or("no figure of users")?.parse()?)
    }
}

/// The viewers' process.
struct ViewerProcess {
    process: Child,
    commands: ChildStdin,
    replies: Lines<BufReader<ChildStdout>>,
}

impl ViewerProcess {
    /// Waits until all viewers are connected.
    fn start(url: &str, property: i64, tokens: &[String]) -> Outcome<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--crowd")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let orders = process.stdin.take().ok_or("no standard input")?;
        let words = BufReader::new(process.stdout.take().ok_or("no standard output")?).lines();
        let mut crowd = Self { process, commands: orders, replies: words };
        crowd.send_command(url)?;
        crowd.send_command(&property.to_string())?;
        tokens.iter().try_for_each(|token| crowd.send_command(token))?;
        crowd.send_command("")?;
        crowd.next_reply()?;
        Ok(crowd)
    }

    fn send_command(&mut self, order: &str) -> Outcome<()> {
        Ok(writeln!(self.commands, "{order}")?)
    }

    /// Viewer messages since the last call: of all sockets together, and the maximum of one.
    fn counts(&mut self) -> Outcome<(u64, u64)> {
        self.send_command("heard")?;
        let word = self.next_reply()?;
        let (sum, most) = word.split_once(' ').ok_or("two numbers were awaited")?;
        Ok((sum.parse()?, most.parse()?))
    }

    fn next_reply(&mut self) -> Outcome<String> {
        Ok(self.replies.next().ok_or("the crowd is gone")??)
    }
}

impl Drop for ViewerProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn run_viewer_process() -> Outcome<()> {
    let mut orders = std::io::stdin().lock().lines().map_while(Result::ok);
    let url = orders.next().ok_or("no address")?.replacen("http://", "ws://", 1);
    let property: i64 = orders.next().ok_or("no property")?.parse()?;
    let tokens: Vec<String> = orders.by_ref().take_while(|line| !line.is_empty()).collect();
    let (screen, _) = watch::channel(None);
    let counts: Vec<Arc<AtomicU64>> = tokens.iter().map(|_| Arc::default()).collect();
    let (mut opening, mut viewers) = (JoinSet::new(), JoinSet::new());
    for (token, count) in tokens.iter().zip(&counts) {
        if opening.len() >= UPGRADES
            && let Some(opened) = opening.join_next().await
        {
            let (socket, count): (Socket, _) = opened??;
            viewers.spawn(view(socket, screen.subscribe(), count));
        }
        opening.spawn(open(format!("{url}/ws?token={token}"), Arc::clone(count)));
    }
    while let Some(opened) = opening.join_next().await {
        let (socket, count) = opened??;
        viewers.spawn(view(socket, screen.subscribe(), count));
    }
    print_line("open".to_owned())?;
    for order in orders {
        match order.as_str() {
            "look" => _ = screen.send_replace(Some(property)),
            "turn" => _ = screen.send_replace(None),
            _ => {
                let heard = counts.iter().map(|count| count.swap(0, Ordering::Relaxed));
                let (sum, most) = heard.fold((0, 0), |(sum, most), heard| (sum + heard, heard.max(most)));
                print_line(format!("{sum} {most}"))?;
            }
        }
    }
    Ok(())
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

async fn open(url: String, count: Arc<AtomicU64>) -> Outcome<(Socket, Arc<AtomicU64>)> {
    // Thousands of default buffers would take more memory than the server.
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    Ok((connect_async_with_config(url, Some(config), true).await?.0, count))
}

/// Sends what is on the screen, and counts the viewer messages.
async fn view(mut socket: Socket, mut screen: watch::Receiver<Option<i64>>, count: Arc<AtomicU64>) {
    loop {
        tokio::select! {
            changed = screen.changed() => {
                let property_id = *screen.borrow_and_update();
                let message = json!({ "type": "viewing", "property_id": property_id }).to_string();
                if changed.is_err() || socket.send(Message::text(message)).await.is_err() {
                    return;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) if text.contains("\"viewers\"") => {
                    count.fetch_add(1, Ordering::Relaxed);
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            }
        }
    }
}

struct People {
    observer: String,
    key: String,
    tokens: Vec<String>,
}

/// The key for this server's metrics; the server is reachable from this machine only.
const METRICS_KEY: &str = "for-this-run-alone";

fn environment(folder: &Path) -> BTreeMap<String, String> {
    let keys = [
        ("LOTLINE__SERVER__BIND", "127.0.0.1:0".to_owned()),
        ("LOTLINE__SERVER__DATA_DIR", folder.display().to_string()),
        ("LOTLINE__SERVER__MAX_CONNECTIONS", "100000".to_owned()),
        ("LOTLINE__TELEMETRY__METRICS_KEY", METRICS_KEY.to_owned()),
        ("LOTLINE__CRAWLER__ENABLED", "false".to_owned()),
        ("LOTLINE__TELEMETRY__LOG_FILTER", "warn".to_owned()),
    ];
    keys.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Uses the library on the store that the server opens later.
async fn make_people(
    viewers: usize,
    environment: &BTreeMap<String, String>,
    clock: &Clock,
) -> Outcome<People> {
    let faults = |faults: Vec<_>| lotline::config::format_errors(&faults);
    let settings = Settings::load(None, environment.clone().into_iter()).map_err(faults)?;
    let app = App::build(&settings, clock.clone(), ReaderProgram::Threads).await?;
    let people = people(&app.identity, viewers).await?;
    let stopped = CancellationToken::new();
    stopped.cancel();
    app.run_until_stopped(stopped).await?;
    Ok(people)
}

async fn people(identity: &Identity, viewers: usize) -> Outcome<People> {
    let refused = |problem: lotline::protocol::problem::Problem| problem.detail.into_owned();
    bootstrap::create_tenant(identity, TENANT, TENANT).await.map_err(refused)?;
    let observer = person(identity, "observer", Role::Admin).await?;
    let scopes = &[KeyScope::PropertiesWrite];
    let options = BootstrapKey { username: Some("observer"), name: "worker", scopes, expires_at: None };
    let key = bootstrap::create_key(identity, TENANT, &options).await.map_err(refused)?;
    let mut tokens = Vec::with_capacity(viewers);
    for number in 0..viewers {
        tokens.push(person(identity, &format!("viewer-{number}"), Role::Viewer).await?);
    }
    Ok(People { observer, key: key.text.expose().to_owned(), tokens })
}

async fn person(identity: &Identity, username: &str, role: Role) -> Outcome<String> {
    let refused = |problem: lotline::protocol::problem::Problem| problem.detail.into_owned();
    let new = BootstrapUser { username, email: None, role, password: None };
    bootstrap::create_user(identity, TENANT, &new).await.map_err(refused)?;
    let token = bootstrap::mint_token(identity, TENANT, username, Lifetime::from_secs(86_400)).await;
    Ok(token.map_err(refused)?.text.expose().to_owned())
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

    fn cpu_secs(&self) -> Outcome<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name in parentheses may contain blanks; the 12th and 13th field after it are user and system time.
        let fields = stat.rsplit_once(')').ok_or("no name in stat")?.1;
        let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok());
        Ok(ticks.sum::<f64>() / TICKS_PER_SECOND)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
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
