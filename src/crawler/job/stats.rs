//! The stats of a crawl, under the names that Scrapy gives them, so that readers of spiders' stats understand these.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::base::clock::rfc3339;
use crate::crawler::extract::{Coverage, Extraction};
use crate::crawler::fetch::FetchError;
use crate::protocol::job::{CrawlStats, LogLevel};

/// Different status codes that are counted apart. A host could answer with hundreds, and stats have a bound.
const MAX_STATUSES: usize = 40;
const STATUS: &str = "downloader/response_status_count/";
const COVERAGE: &str = "lotline/coverage";
const START: &str = "start_time";

/// Scrapy's count of items taken, and of pages got.
const ITEMS: &str = "item_scraped_count";
const PAGES: &str = "response_received_count";

pub(super) struct StatsCollector {
    counts: BTreeMap<String, i64>,
    coverage: Coverage,
    started: DateTime<Utc>,
}

impl StatsCollector {
    /// Stats that begin at `now`, or continue those of an earlier worker of the same execution.
    pub(super) fn resume(stats: Option<&CrawlStats>, now: DateTime<Utc>) -> Self {
        let Some(stats) = stats else {
            return Self { counts: BTreeMap::new(), coverage: Coverage::default(), started: now };
        };
        let counts = stats.iter().filter_map(|(name, value)| Some((name.clone(), value.as_i64()?)));
        let coverage = stats.get(COVERAGE).and_then(|value| serde_json::from_value(value.clone()).ok());
        let started = stats.get(START).and_then(Value::as_str).and_then(|text| text.parse().ok());
        Self {
            counts: counts.collect(),
            coverage: coverage.unwrap_or_default(),
            started: started.unwrap_or(now),
        }
    }

    /// When the execution began, also under an earlier worker that released it.
    pub(super) fn started(&self) -> DateTime<Utc> {
        self.started
    }

    pub(super) fn items(&self) -> i64 {
        self.count(ITEMS)
    }

    pub(super) fn pages(&self) -> i64 {
        self.count(PAGES)
    }

    /// Sets the numbers of listings and pages, which the frontier knows better after a lost worker.
    pub(super) fn set_totals(&mut self, items: i64, pages: i64) {
        self.counts.insert(ITEMS.to_owned(), items);
        self.counts.insert(PAGES.to_owned(), pages);
    }

    /// Whether no page had a listing so far.
    pub(super) fn has_no_listing(&self) -> bool {
        self.coverage.listings == 0 && self.items() == 0
    }

    pub(super) fn count(&self, name: &str) -> i64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    pub(super) fn add(&mut self, name: &str, count: i64) {
        match self.counts.get_mut(name) {
            Some(sum) => *sum += count,
            None => drop(self.counts.insert(name.to_owned(), count)),
        }
    }

    /// A page was requested.
    pub(super) fn record_request(&mut self) {
        self.add("downloader/request_count", 1);
        self.add("downloader/request_method_count/GET", 1);
    }

    /// A host answered for a page.
    pub(super) fn record_response(&mut self, status: u16) {
        self.add("downloader/response_count", 1);
        let name = format!("{STATUS}{status}");
        let statuses = self.counts.keys().filter(|name| name.starts_with(STATUS)).count();
        if statuses < MAX_STATUSES || self.counts.contains_key(&name) {
            self.add(&name, 1);
        }
    }

    /// A request for a page failed.
    pub(super) fn record_failure(&mut self, error: &FetchError) {
        match error {
            FetchError::Status { code, .. } => self.record_response(*code),
            _ => self.add("downloader/exception_count", 1),
        }
    }

    /// The last answer for a page, good or bad.
    pub(super) fn record_received(&mut self) {
        self.add(PAGES, 1);
    }

    pub(super) fn record_bytes(&mut self, bytes: usize) {
        self.add("downloader/response_bytes", i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    pub(super) fn record_extraction(&mut self, extraction: &Extraction) {
        self.coverage.add_page(extraction);
    }

    pub(super) fn record_items(&mut self, items: i64) {
        self.add(ITEMS, items);
    }

    pub(super) fn record_depth(&mut self, depth: i64) {
        let deepest = self.counts.entry("request_depth_max".to_owned()).or_default();
        *deepest = depth.max(*deepest);
    }

    pub(super) fn record_log_line(&mut self, level: LogLevel) {
        self.add(&format!("log_count/{}", level.name().to_ascii_uppercase()), 1);
    }

    /// The current stats.
    pub(super) fn to_stats(&self) -> CrawlStats {
        let mut stats: CrawlStats =
            self.counts.iter().map(|(name, count)| (name.clone(), json!(count))).collect();
        stats.insert(START.to_owned(), json!(rfc3339(self.started)));
        stats.insert(COVERAGE.to_owned(), json!(self.coverage));
        stats.insert("lotline/layers".to_owned(), json!(self.coverage.layers));
        stats
    }

    /// The final stats.
    pub(super) fn final_stats(&self, reason: &str, now: DateTime<Utc>) -> CrawlStats {
        let mut stats = self.to_stats();
        let elapsed_ms = (now - self.started).num_milliseconds();
        stats.insert("finish_reason".to_owned(), json!(reason));
        stats.insert("finish_time".to_owned(), json!(rfc3339(now)));
        stats.insert("elapsed_time_seconds".to_owned(), json!(elapsed_ms as f64 / 1e3));
        stats
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[test]
    fn stats_resume_from_the_stored_ones() {
        let mut first = StatsCollector::resume(None, at(0));
        first.record_request();
        first.record_response(200);
        first.record_extraction(&Extraction::default());
        first.record_items(3);

        let mut second = StatsCollector::resume(Some(&first.to_stats()), at(60));
        second.record_items(2);
        let stats = second.final_stats("finished", at(90));

        assert_eq!((second.items(), stats["elapsed_time_seconds"].as_f64()), (5, Some(90.0)));
        assert_eq!(stats["downloader/response_status_count/200"], 1);
        assert_eq!(stats[COVERAGE]["pages"], 1);
    }

    #[test]
    fn after_a_lost_worker_the_numbers_are_those_of_the_frontier() {
        let mut first = StatsCollector::resume(None, at(0));
        first.record_response(200);
        first.record_received();
        first.record_items(30);

        let mut second = StatsCollector::resume(Some(&first.to_stats()), at(60));
        second.set_totals(20, 25);
        second.record_items(2);
        second.record_received();

        assert_eq!((second.items(), second.pages()), (22, 26));
        assert_eq!(second.count("downloader/response_status_count/200"), 1);
        assert!(!second.has_no_listing() && StatsCollector::resume(None, at(0)).has_no_listing());
    }

    #[test]
    fn a_host_cannot_make_the_stats_grow_without_bound() {
        let mut collector = StatsCollector::resume(None, at(0));
        for status in 100..=599 {
            collector.record_response(status);
            collector.record_response(status);
        }

        let json = serde_json::to_string(&collector.to_stats()).unwrap();

        assert_eq!(collector.count("downloader/response_count"), 1_000);
        assert_eq!(collector.count("downloader/response_status_count/100"), 2);
        assert!(json.len() < 8 * 1024, "{}", json.len());
    }
}
