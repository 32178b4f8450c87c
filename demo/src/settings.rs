//! How the demo runs: as its caller's command line says.

use std::path::PathBuf;

use serde_json::Value;

pub struct DemoSettings {
    pub mode: Mode,
    /// A new folder for the data, which is kept; without it, a temporary one.
    pub data_dir: Option<PathBuf>,
    /// A message of the server as one line for a terminal.
    pub message_line: fn(&Value) -> String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Crawl, let days pass, crawl again and compare everything with the data.
    Once,
    /// A crawl each `days` simulated days, until the data ends.
    Live { view: View, days: u16 },
}

/// What is shown of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    Summary,
    Events,
}
