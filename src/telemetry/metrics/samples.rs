//! The series of one metric in the Prometheus text format. A labelled series that is still 0 is left out, so that the
//! output of an idle node is short.

use std::fmt::Write;

use super::cells::{BOUNDS, Histogram};

/// The series of one metric while they are written.
pub struct Samples<'t> {
    text: &'t mut String,
    name: &'t str,
    labels: String,
}

impl<'t> Samples<'t> {
    pub(super) fn new(text: &'t mut String, name: &'t str) -> Self {
        Self { text, name, labels: String::new() }
    }

    /// Adds this label to everything that `write` writes.
    pub fn within(&mut self, label: &str, word: &str, write: impl FnOnce(&mut Self)) {
        let before = self.labels.len();
        let comma = if before == 0 { "" } else { "," };
        // Writing to a String cannot fail, here and below.
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

pub(super) fn escape(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\n', "\\n")
}
