//! The command line.

use std::path::{Path, PathBuf};

use clap::{Parser, ValueEnum};

use crate::measurement::Measurement;

/// Measures a built lotline from outside: starts it on a fresh store, loads it, and prints the results.
#[derive(Clone, Debug, Parser)]
#[command(name = "bench", version)]
pub struct Options {
    /// The build to measure.
    #[arg(long, value_name = "PATH", default_value = "target/release/lotline")]
    pub lotline: PathBuf,
    /// Another build, measured in turns with the first; prints the first one's metrics divided by its metrics.
    #[arg(long, value_name = "PATH")]
    pub against: Option<PathBuf>,
    /// A superuser's address on PostgreSQL, where each start gets a database of its own; SQLite without it.
    #[arg(long, value_name = "URL")]
    pub postgres: Option<String>,
    /// Only these measurements, separated by commas; all without it.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<Measurement>,
    /// How often each measurement is repeated, each time on a fresh server.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Seconds of load in each part of a measurement.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=600))]
    pub seconds: u32,
    /// Writes the report to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Subscribers of fanout_websocket and fanout_sse; up to 1,000 streams of each of ten users.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub subscribers: u32,
    /// Broadcasts per second of fanout_websocket and fanout_sse, in the part that is not saturated.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: u32,
    /// Concurrent clients that ask, append or connect as fast as they are answered.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub clients: u32,
    /// Idle sockets of idle_memory.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub sockets: u32,
    /// Events that replay reads; rounded up to whole batches of 500.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub events: u32,
    /// Homes on the site of crawl.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pages: u32,
}

impl Options {
    pub fn measurements(&self) -> Vec<Measurement> {
        if self.only.is_empty() { Measurement::value_variants().to_vec() } else { self.only.clone() }
    }

    /// The build to measure, then the other one.
    pub fn builds(&self) -> Vec<&Path> {
        std::iter::once(&self.lotline).chain(&self.against).map(PathBuf::as_path).collect()
    }

    /// Broadcasts of the part that is not saturated.
    pub fn paced_messages(&self) -> u32 {
        self.rate * self.seconds
    }

    pub fn span(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn all_is_measured_unless_names_are_given() {
        let all = Options::parse_from(["bench"]);
        let some = Options::parse_from(["bench", "--only", "idle_memory,fanout_sse"]);

        assert_eq!(all.measurements(), Measurement::value_variants());
        assert_eq!(some.measurements(), [Measurement::IdleMemory, Measurement::FanoutSse]);
    }

    #[test]
    fn two_builds_are_measured_alternately() {
        let options = Options::parse_from(["bench", "--lotline", "a", "--against", "b"]);

        assert_eq!(options.builds(), [Path::new("a"), Path::new("b")]);
    }
}
