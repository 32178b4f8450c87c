//! From the command line to a verb and its exit status: 0 done, 1 refused, 2 asked wrongly.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory, Parser};

use super::cli::{Cli, ConfigVerb, HealthcheckArgs, Migrate, TokenVerb, Verb};
use super::reload::Reload;
use super::{
    copies, documents, file_modes, follow, people, sample_site, serve, settings as parts, tenant, token_check,
};
use crate::base::clock::Clock;
use crate::config::{Fault, Settings, TelemetrySettings, markdown_table, report};
use crate::crawler::reader::child;
use crate::storage;
use crate::telemetry::subscriber;

/// How a verb ended, when not well.
enum Failed {
    /// In one line, for standard error.
    Refused(String),
    /// The configuration, every fault on a line of its own.
    Configuration(String),
}

/// How long threads of the runtime may go on when their verb is done. What they still do is not waited for.
const THREADS: Duration = Duration::from_millis(100);

/// Runs what the process was asked for.
pub fn main() -> ExitCode {
    // Before everything else: a page reader has no configuration, no log, no runtime, and may have none.
    if let Some(limits) = child::asked_for(std::env::args_os()) {
        return child::run(limits);
    }
    file_modes::make_private();
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}"), 1),
    };
    let result = runtime.block_on(run(cli));
    // Dropping the runtime would wait for a thread that never ends.
    runtime.shutdown_timeout(THREADS);
    match result {
        Ok(output) => {
            // A closed pipe is the reader's wish.
            let _ = std::io::stdout().lock().write_all(output.as_bytes());
            ExitCode::SUCCESS
        }
        Err(Failed::Refused(words)) => complain(&format!("lotline: {words}"), 1),
        Err(Failed::Configuration(faults)) => complain(faults.trim_end(), 2),
    }
}

async fn run(cli: Cli) -> Result<String, Failed> {
    let Cli { config, verb } = cli;
    let settings = || load(config.as_deref());
    match verb.unwrap_or(Verb::Serve) {
        Verb::Serve => {
            let settings = settings()?;
            let filter = subscriber::install(&settings.telemetry).map_err(refused)?;
            let again = {
                let config = config.clone();
                move || read(config.as_deref())
            };
            let reload = Reload::new(again, filter, settings.clone());
            serve::run(&settings, config.as_deref(), reload).await.map_err(refused)?;
            Ok(String::new())
        }
        Verb::Demo(args) => {
            super::demo::run(&args, config.as_deref(), environment()).await.map_err(Failed::Refused)
        }
        Verb::SampleSite(args) => sample_site::run(&args).await.map_err(Failed::Refused),
        Verb::Follow(args) => {
            follow::run(args, &Clock::system()).await.map_err(Failed::Refused)?;
            Ok(String::new())
        }
        Verb::Migrate(verb) => migrate(&settings()?, &verb).await,
        Verb::Tenant(verb) => line(tenant::run(&telling(settings()?)?, &verb).await),
        Verb::User(verb) => line(people::user(&telling(settings()?)?, &verb).await),
        Verb::Key(verb) => line(people::key(&telling(settings()?)?, &verb).await),
        Verb::Token(TokenVerb::Check { token }) => {
            token_check::run(&telling(settings()?)?, &token).await.map_err(Failed::Refused)
        }
        Verb::Token(TokenVerb::Mint { tenant, username }) => {
            line(people::token(&telling(settings()?)?, &tenant, &username).await)
        }
        Verb::Openapi => documents::openapi(settings()?.server.public_url.as_deref()).map_err(refused),
        Verb::Asyncapi => Ok(documents::asyncapi(settings()?.server.public_url.as_deref())),
        Verb::Config(ConfigVerb::Check) => settings().map(|_| "the configuration is right\n".to_owned()),
        Verb::Config(ConfigVerb::Table) => Ok(markdown_table()),
        Verb::Config(ConfigVerb::Print) => settings().map(|settings| settings.print()),
        Verb::Backup(args) => copies::backup(&settings()?, &args).await.map_err(Failed::Refused),
        Verb::Restore(args) => copies::restore(&settings()?, &args).await.map_err(Failed::Refused),
        Verb::Healthcheck(args) => healthcheck(&args).await,
        Verb::Completions { shell } => Ok(completions(shell)),
    }
}

fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "lotline", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

fn load(config: Option<&std::path::Path>) -> Result<Settings, Failed> {
    read(config).map_err(|faults| Failed::Configuration(report(&faults)))
}

fn read(config: Option<&std::path::Path>) -> Result<Settings, Vec<Fault>> {
    Settings::load(config, environment())
}

fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| {
        // A name or value that is no text cannot be one of ours: all of ours are.
        Some((name.into_string().ok()?, value.into_string().ok()?))
    })
}

/// Sets up a log of failures alone: a refusal names no cause of ours, and an operator at a terminal has no other place.
fn telling(settings: Settings) -> Result<Settings, Failed> {
    let log = TelemetrySettings { log_filter: "error".to_owned(), ..settings.telemetry.clone() };
    subscriber::install(&log).map_err(refused)?;
    Ok(settings)
}

async fn migrate(settings: &Settings, verb: &Migrate) -> Result<String, Failed> {
    let database = parts::database(settings);
    match verb {
        Migrate::Up => storage::migrate_up(&database).await.map_err(refused)?,
        Migrate::Down { steps } => storage::migrate_down(&database, *steps).await.map_err(refused)?,
        Migrate::Status => {}
    }
    let status = storage::schema_status(&database).await.map_err(refused)?;
    let lines = status.iter().map(|(name, applied)| {
        let state = if *applied { "applied" } else { "missing" };
        format!("{state} {name}\n")
    });
    Ok(lines.collect())
}

async fn healthcheck(args: &HealthcheckArgs) -> Result<String, Failed> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().map_err(refused)?;
    let url = format!("{}/readyz", args.url.trim_end_matches('/'));
    let answer = client.get(&url).send().await.map_err(|error| refused(follow::reason(&error)))?;
    if answer.status().is_success() {
        Ok("ready\n".to_owned())
    } else {
        Err(Failed::Refused(format!("{url} answers {}", answer.status())))
    }
}

fn line(result: Result<String, String>) -> Result<String, Failed> {
    result.map(|words| words + "\n").map_err(Failed::Refused)
}

fn refused(error: impl std::fmt::Display) -> Failed {
    Failed::Refused(error.to_string())
}

fn complain(words: &str, status: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr().lock(), "{words}");
    ExitCode::from(status)
}
