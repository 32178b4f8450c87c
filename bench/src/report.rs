//! The metrics of all rounds, as a table and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::metric::Metric;
use crate::statistics::{median, range};

/// One metric over its rounds.
struct Row {
    measurement: String,
    name: &'static str,
    unit: &'static str,
    rounds: Vec<f64>,
    /// Of the other build, round by round; empty without one.
    against: Vec<f64>,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Adds a round: the metrics of the build, and those of the other build when there is one.
    pub fn add(&mut self, measurement: &str, figures: &[Metric], against: &[Metric]) {
        for (index, figure) in figures.iter().enumerate() {
            let row = self.row(measurement, figure);
            row.rounds.push(figure.value);
            row.against.extend(against.get(index).map(|figure| figure.value));
        }
    }

    fn row(&mut self, measurement: &str, figure: &Metric) -> &mut Row {
        let of = |row: &Row| row.measurement == measurement && row.name == figure.name;
        let index = self.rows.iter().position(of).unwrap_or(self.rows.len());
        if index == self.rows.len() {
            let (measurement, name, unit) = (measurement.to_owned(), figure.name, figure.unit);
            self.rows.push(Row { measurement, name, unit, rounds: Vec::new(), against: Vec::new() });
        }
        &mut self.rows[index]
    }

    /// Median and range of each metric; with another build its median, and median and range of the rounds' ratios.
    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<17} {:<22} {:>12} {:>25}  {:<22}",
            "measurement", "figure", "median", "least to greatest", "unit"
        );
        if self.rows.iter().any(|row| !row.against.is_empty()) {
            let _ = write!(text, "{:>12} {:>7} {:>15}", "against", "ratio", "of the rounds");
        }
        for row in &self.rows {
            text.push('\n');
            row.write(&mut text);
        }
        text
    }

    pub fn json(&self) -> Value {
        self.rows.iter().map(Row::json).collect()
    }
}

impl Row {
    fn write(&self, text: &mut String) {
        let (least, greatest) = range(&self.rounds);
        let spread = format!("{} to {}", number(least), number(greatest));
        let median_of = number(median(&self.rounds));
        let _ = write!(
            text,
            "{:<17} {:<22} {median_of:>12} {spread:>25}  {:<22}",
            self.measurement, self.name, self.unit
        );
        if !self.against.is_empty() {
            let (other, ratios) = (number(median(&self.against)), self.ratios());
            let (least, greatest) = range(&ratios);
            let (ratio, spread) = (median(&ratios), format!("{least:.3} to {greatest:.3}"));
            let _ = write!(text, "{other:>12} {ratio:>7.3} {spread:>15}");
        }
    }

    /// This build's metric divided by the other's, round by round; none for rounds where the other's is zero.
    fn ratios(&self) -> Vec<f64> {
        let pairs = self.rounds.iter().zip(&self.against).filter(|(_, other)| **other != 0.0);
        pairs.map(|(own, other)| own / other).collect()
    }

    fn json(&self) -> Value {
        let mut value = json!({
            "measurement": self.measurement, "figure": self.name, "unit": self.unit,
            "median": median(&self.rounds), "rounds": self.rounds,
        });
        if !self.against.is_empty() {
            value["against"] = json!({ "median": median(&self.against), "rounds": self.against });
            value["ratio"] = json!({ "median": median(&self.ratios()), "rounds": self.ratios() });
        }
        value
    }
}

/// With as many decimals as the number's size needs.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(value: f64) -> [Metric; 1] {
        [Metric::new("cpu", "CPU-ms each", value)]
    }

    #[test]
    fn rounds_of_one_metric_share_a_row() {
        let mut report = Report::default();
        for value in [3.0, 1.0, 2.0] {
            report.add("appends", &round(value), &[]);
        }

        let expected = json!([{ "measurement": "appends", "figure": "cpu", "unit": "CPU-ms each",
            "median": 2.0, "rounds": [3.0, 1.0, 2.0] }]);
        assert_eq!(report.json(), expected);
        assert_eq!(report.table().lines().count(), 2);
    }

    #[test]
    fn two_builds_are_compared_round_by_round() {
        let mut report = Report::default();
        report.add("appends", &round(2.0), &round(4.0));
        report.add("appends", &round(3.0), &round(4.0));

        assert_eq!(report.json()[0]["ratio"], json!({ "median": 0.625, "rounds": [0.5, 0.75] }));
        assert!(report.table().contains("0.500 to 0.750"));
    }

    #[test]
    fn a_metric_that_is_zero_has_no_ratio() {
        let mut report = Report::default();
        report.add("appends", &round(2.0), &round(0.0));

        assert_eq!(report.json()[0]["ratio"]["rounds"], json!([]));
    }

    #[test]
    fn large_values_are_printed_without_decimals() {
        assert_eq!(number(12_345.6), "12346");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(number(0.1234), "0.123");
    }
}
