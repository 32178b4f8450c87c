//! Drift: a field that is read on less than half of the pages that its median of the last jobs lets expect. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::counts::{KeptCoverage, SourceCoverage};

/// Jobs of the median. A source with fewer jobs before raises nothing.
pub(super) const COMPARED_JOBS: usize = 10;
/// Pages that must have been expected to have a field: a field of one page in twenty comes and goes by chance.
const MIN_EXPECTED_PAGES: f64 = 5.0;
/// Fields that an alert names; further ones are counted.
const MAX_NAMED: usize = 20;

/// What a job says of a source, compared with the jobs before.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Drift {
    /// The fields that fell with this job.
    pub(super) falls: Vec<Fall>,
    /// The fields that are low now: those, and what fell before and has not recovered. Each with its median before.
    pub(super) low: BTreeMap<String, f64>,
}

/// A field that fell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Fall {
    pub(super) field: String,
    /// Pages that had it, of how many.
    pub(super) count: i64,
    pub(super) pages: i64,
    /// The median share of the jobs before, 0 to 1.
    pub(super) median: f64,
}

/// The median of the share of each field in the latest jobs. `jobs` are the latest first; a job without the field counts
/// as 0.
pub(super) fn medians(jobs: &[KeptCoverage]) -> BTreeMap<String, f64> {
    let jobs = &jobs[..jobs.len().min(COMPARED_JOBS)];
    let fields: BTreeSet<&String> = jobs.iter().flat_map(|job| job.fields.keys()).collect();
    let of = |field: &String| median(jobs.iter().map(|job| job.share(field)).collect());
    fields.into_iter().map(|field| (field.clone(), of(field))).collect()
}

/// Compares a job with those before, the latest first. A field that fell is named once, until its share is again half
/// of what it was.
pub(super) fn judge(before: &[KeptCoverage], now: &SourceCoverage) -> Drift {
    let low = before.first().map(|last| last.low.clone()).unwrap_or_default();
    let is_low = |field: &str, median: f64| now.share(field) < median / 2.0;
    let mut drift = Drift { falls: Vec::new(), low };
    drift.low.retain(|field, median| is_low(field, *median));
    if before.len() < COMPARED_JOBS {
        return drift;
    }
    for (field, median) in medians(before) {
        let is_expected = median * now.pages as f64 >= MIN_EXPECTED_PAGES;
        if is_expected && is_low(&field, median) && !drift.low.contains_key(&field) {
            let count = now.fields.get(&field).copied().unwrap_or(0);
            drift.falls.push(Fall { field: field.clone(), count, pages: now.pages, median });
            drift.low.insert(field, median);
        }
    }
    drift
}

/// The middle value; of an even number of values the mean of the two in the middle.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        length if length.is_multiple_of(2) => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

impl Drift {
    /// The falls in words.
    pub(super) fn words(&self, source: &str) -> String {
        let named: Vec<String> = self.falls.iter().take(MAX_NAMED).map(Fall::to_string).collect();
        let further = self.falls.len().saturating_sub(MAX_NAMED);
        let rest = if further > 0 { format!("; and {further} further fields") } else { String::new() };
        format!(
            "fields of {source} are read on less than half as many pages as in the last {COMPARED_JOBS} jobs: {}{rest}",
            named.join("; ")
        )
    }
}

impl fmt::Display for Fall {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, count, pages, median } = self;
        let share = *count as f64 / *pages as f64;
        let percent = |share: f64| (share * 100.0).round();
        write!(
            formatter,
            "{field} on {count} of {pages} pages ({} %, before {} %)",
            percent(share),
            percent(*median)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(counts: &[(&str, i64)]) -> BTreeMap<String, i64> {
        counts.iter().map(|(field, count)| ((*field).to_owned(), *count)).collect()
    }

    fn kept(pages: i64, counts: &[(&str, i64)]) -> KeptCoverage {
        KeptCoverage { pages, fields: fields(counts), ..KeptCoverage::default() }
    }

    fn now(pages: i64, counts: &[(&str, i64)]) -> SourceCoverage {
        SourceCoverage { source: "homes.example".to_owned(), pages, fields: fields(counts) }
    }

    /// Ten jobs in which each page had a price.
    fn ten() -> Vec<KeptCoverage> {
        vec![kept(100, &[("list_price", 100)]); COMPARED_JOBS]
    }

    fn names(drift: &Drift) -> Vec<&str> {
        drift.falls.iter().map(|fall| fall.field.as_str()).collect()
    }

    #[test]
    fn a_median_is_the_value_in_the_middle() {
        assert_eq!(median(vec![]), 0.0);
        assert_eq!(median(vec![0.3]), 0.3);
        assert_eq!(median(vec![1.0, 0.0, 0.5]), 0.5);
        assert_eq!(median(vec![1.0, 0.0, 0.25, 0.75]), 0.5);
    }

    #[test]
    fn the_medians_are_those_of_the_last_ten_jobs_and_a_missing_field_is_zero() {
        let mut jobs = vec![kept(20, &[("list_price", 10), ("year_built", 20)]); 4];
        jobs.extend(vec![kept(20, &[("list_price", 20)]); 6]);
        jobs.extend(vec![kept(20, &[("stories", 20)]); 30]);

        let medians = medians(&jobs);

        assert_eq!(medians, BTreeMap::from([("list_price".to_owned(), 1.0), ("year_built".to_owned(), 0.0)]));
    }

    #[test]
    fn a_fall_below_half_of_the_median_is_one_and_half_of_it_is_none() {
        assert_eq!(names(&judge(&ten(), &now(100, &[("list_price", 49)]))), ["list_price"]);
        assert_eq!(names(&judge(&ten(), &now(20, &[]))), ["list_price"]);
        assert_eq!(judge(&ten(), &now(100, &[("list_price", 50)])), Drift::default());
    }

    #[test]
    fn the_first_ten_jobs_of_a_source_raise_nothing() {
        for jobs in 0..COMPARED_JOBS {
            assert_eq!(judge(&ten()[..jobs], &now(100, &[])), Drift::default(), "{jobs} before");
        }
    }

    #[test]
    fn a_field_that_few_pages_have_comes_and_goes_by_chance() {
        let rare = vec![kept(100, &[("stories", 10)]); COMPARED_JOBS];

        assert_eq!(judge(&rare, &now(40, &[])), Drift::default(), "four pages were to be expected");
        assert_eq!(names(&judge(&rare, &now(50, &[]))), ["stories"]);
    }

    #[test]
    fn a_field_that_stays_low_is_named_once_and_again_after_it_has_recovered() {
        let mut jobs = ten();
        let mut named = Vec::new();
        for count in [10, 10, 0, 49, 50, 100, 100, 20, 20] {
            let current = now(100, &[("list_price", count)]);
            let drift = judge(&jobs, &current);
            named.push(drift.falls.len());
            let kept = KeptCoverage { low: drift.low, ..kept(100, &[("list_price", count)]) };
            jobs.insert(0, kept);
        }

        assert_eq!(named, [1, 0, 0, 0, 0, 0, 0, 1, 0]);
    }

    #[test]
    fn a_fall_is_compared_with_what_was_before_it_however_long_it_lasts() {
        let mut jobs = ten();
        for _ in 0..30 {
            let drift = judge(&jobs, &now(100, &[("list_price", 10)]));
            jobs.insert(0, KeptCoverage { low: drift.low, ..kept(100, &[("list_price", 10)]) });
        }

        assert_eq!(jobs[0].low, BTreeMap::from([("list_price".to_owned(), 1.0)]));
        assert_eq!(judge(&jobs, &now(100, &[("list_price", 50)])).low, BTreeMap::new());
    }

    #[test]
    fn the_words_name_source_field_and_figures() {
        let drift = judge(&ten(), &now(60, &[("list_price", 12)]));

        assert_eq!(
            drift.words("homes.example"),
            "fields of homes.example are read on less than half as many pages as in the last 10 jobs: list_price on 12 \
             of 60 pages (20 %, before 100 %)"
        );
        let many: Vec<Fall> = (0..25)
            .map(|number| Fall { field: format!("f{number}"), count: 0, pages: 20, median: 1.0 })
            .collect();
        let words = Drift { falls: many, low: BTreeMap::new() }.words("a");
        assert!(
            words.contains("f19 on") && !words.contains("f20") && words.ends_with("; and 5 further fields")
        );
    }
}
