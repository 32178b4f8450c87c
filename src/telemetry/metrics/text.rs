//! The Prometheus text format (exposition format 0.0.4). Families are in the order of the table; a labelled series
//! that is still 0 is left out, so that the output of an idle node is short.

use std::fmt::Write;

use super::cells::{BOUNDS, Histogram};
use super::labels::Cell;

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
        cell.read(&mut Samples { text: &mut self.0, name, labels: String::new() });
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
        let mut samples = Samples { text: &mut self.0, name, labels: String::new() };
        for (word, value) in values {
            samples.within(label, word, |samples| samples.value(value));
        }
    }

    // Writing to a String cannot fail, here and below.
    fn head(&mut self, name: &str, help: &str, kind: &str) {
        let _ = write!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}\n", escape(help));
    }
}

/// The series of one metric while they are written.
pub struct Samples<'t> {
    text: &'t mut String,
    name: &'t str,
    labels: String,
}

impl Samples<'_> {
    /// Adds this label to everything that `write` writes.
    pub fn within(&mut self, label: &str, word: &str, write: impl FnOnce(&mut Self)) {
        let before = self.labels.len();
        let comma = if before == 0 { "" } else { "," };
        let _ = write!(self.labels, "{comma}{label}=\"{}\"", escape(word).replace('"', "\\\""));
        write(self);
        self.labels.truncate(before);
    }

    pub fn value(&mut self, value: f64) {
        if value == 0.0 && !self.labels.is_empty() {
            return;
        }
        self.line("", &self.labels.clone(), value);
    }

    /// Written also when it is 0, because that is a meaningful value.
    pub(super) fn flag(&mut self, stands: bool) {
        self.line("", &self.labels.clone(), f64::from(u8::from(stands)));
    }

    pub(super) fn histogram(&mut self, histogram: &Histogram) {
        let (upto, count) = histogram.cumulative();
        if count == 0 {
            return;
        }
        let labels = self.labels.clone();
        let comma = if labels.is_empty() { "" } else { "," };
        for (bound, upto) in BOUNDS.iter().zip(upto) {
            self.line("_bucket", &format!("{labels}{comma}le=\"{bound}\""), upto as f64);
        }
        self.line("_bucket", &format!("{labels}{comma}le=\"+Inf\""), count as f64);
        self.line("_sum", &labels, histogram.seconds());
        self.line("_count", &labels, count as f64);
    }

    fn line(&mut self, suffix: &str, labels: &str, value: f64) {
        let name = self.name;
        let _ = match labels {
            "" => writeln!(self.text, "{name}{suffix} {value}"),
            labels => writeln!(self.text, "{name}{suffix}{{{labels}}} {value}"),
        };
    }
}

fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}
