//! Errors of a configuration: one plain line each, never with a secret's value in it.

use std::fmt;

use crate::base::text::truncate;

/// One error, which prevents the start.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigError {
    /// Where it is: `FILE:key`, `FILE:line` or the name of a variable.
    pub source: String,
    /// What is wrong and what would be accepted.
    pub message: String,
}

impl ConfigError {
    pub(super) fn new(source: impl Into<String>, message: impl Into<String>) -> Self {
        Self { source: source.into(), message: message.into() }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", one_line(&self.source), one_line(&self.message))
    }
}

impl std::error::Error for ConfigError {}

/// The errors as lines, for a terminal.
pub fn format_errors(faults: &[ConfigError]) -> String {
    faults.iter().map(|fault| format!("{fault}\n")).collect()
}

/// A value for a message: quoted, on one line, of bounded length.
pub(super) fn quoted(value: &str) -> String {
    let shown = truncate(value, 80);
    let more = if shown.len() < value.len() { "…" } else { "" };
    format!("\"{}{more}\"", shown.escape_debug())
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
