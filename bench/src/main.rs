//! Measures a built lotline from outside. See docs/measuring.md.

mod api;
mod appends;
mod bare;
mod batch_ingest;
mod clock;
mod connects;
mod crawl;
mod delivery;
mod environment;
mod fanout;
mod feed;
mod idle_memory;
mod listings;
mod load;
mod machine;
mod measurement;
mod metric;
mod options;
mod postgres;
mod process;
mod reads;
mod replay;
mod report;
mod server;
mod site;
mod statistics;
mod store;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::measurement::Measurement;
use crate::metric::Metric;
use crate::options::Options;
use crate::report::Report;

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T> = Result<T, Failure>;

#[tokio::main]
async fn main() -> Outcome<ExitCode> {
    let options = Options::parse();
    raise_file_limit()?;
    let head = head(&options).await?;
    let (mut report, mut failures) = (Report::default(), Vec::new());
    for measurement in options.measurements() {
        for round in 1..=options.rounds {
            print_line(&format!("{} {round}/{}", measurement.name(), options.rounds));
            if let Err(failure) = run_alternating(measurement, &options, &mut report).await {
                let failure = format!("{} {round}: {failure}", measurement.name());
                print_line(&failure);
                failures.push(failure);
            }
        }
    }
    write(&options, head, &report, &failures)?;
    Ok(if failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One round of each build, one after the other. A round counts when all builds have its metrics.
async fn run_alternating(measurement: Measurement, options: &Options, report: &mut Report) -> Outcome<()> {
    let mut rounds: Vec<Vec<Metric>> = Vec::new();
    for binary in options.builds() {
        rounds.push(measurement.run(binary, options).await?);
    }
    let mut rounds = rounds.into_iter();
    let (figures, against) = (rounds.next().unwrap_or_default(), rounds.next().unwrap_or_default());
    report.add(&measurement.name(), &figures, &against);
    Ok(())
}

/// The builds, the machine and the command line of the report.
async fn head(options: &Options) -> Outcome<Value> {
    let mut builds = Vec::new();
    for binary in options.builds() {
        builds.push(json!({ "path": binary.display().to_string(), "version": version(binary).await? }));
    }
    Ok(json!({
        "command": command(options),
        "builds": builds,
        "database": if options.postgres.is_some() { "postgresql" } else { "sqlite" },
        "date": clock::date(),
        "machine": machine::describe(),
        "rounds": options.rounds,
        "seconds": options.seconds,
    }))
}

/// The command line without the address of the database, which may hold a password.
fn command(options: &Options) -> Vec<String> {
    let shown = |argument: String| match &options.postgres {
        Some(url) => argument.replace(url.as_str(), "URL"),
        None => argument,
    };
    std::env::args().map(shown).collect()
}

async fn version(binary: &Path) -> Outcome<String> {
    let ended = Command::new(binary).arg("--version").output().await;
    let ended = ended.map_err(|error| format!("{}: {error}", binary.display()))?;
    Ok(String::from_utf8(ended.stdout)?.trim().to_owned())
}

fn write(options: &Options, mut report: Value, figures: &Report, failures: &[String]) -> Outcome<()> {
    let mut output = std::io::stdout().lock();
    for name in ["builds", "database", "date", "machine"] {
        writeln!(output, "{name}: {}", report[name])?;
    }
    writeln!(output, "\n{}", figures.table())?;
    report["figures"] = figures.json();
    report["failures"] = json!(failures);
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{report:#}\n"))?;
    }
    Ok(())
}

/// Reports progress on standard error. A closed standard error does not stop a measurement.
fn print_line(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// Thousands of sockets need as many descriptors; the server inherits the limit.
fn raise_file_limit() -> Outcome<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?)
}
