//! The Prometheus text format (exposition format 0.0.4). Families are in the order of the table.

use std::fmt::Write;

use super::labels::Cell;
use super::samples::{Samples, escape};

/// The text that is being written.
#[derive(Debug, Default)]
pub struct Text(String);

impl Text {
    /// The media type of the text.
    pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

    pub fn into_string(self) -> String {
        self.0
    }

    /// Writes a metric with all its series.
    pub fn family<C: Cell>(&mut self, name: &str, help: &str, cell: &C) {
        self.head(name, help, C::KIND);
        cell.read(&mut Samples::new(&mut self.0, name));
    }

    /// Writes a metric with the given series.
    pub fn series<'a>(
        &mut self,
        name: &str,
        help: &str,
        kind: &str,
        label: &str,
        values: impl Iterator<Item = (&'a str, f64)>,
    ) {
        self.head(name, help, kind);
        let mut samples = Samples::new(&mut self.0, name);
        for (word, value) in values {
            samples.within(label, word, |samples| samples.value(value));
        }
    }

    // Writing to a String cannot fail.
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = write!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}\n", escape(help));
    }
}
