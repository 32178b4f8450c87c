//! Validates what callers write into jobs, spiders and reports. Every bad field is reported, not just the first.

use crate::base::json_integer::MAX_SAFE_INTEGER;
use crate::base::{text, web_url};
use crate::domain::error::Result;
use crate::protocol::job::CrawlStats;
use crate::protocol::problem::{FieldError, PathSegment, Problem};

/// URLs of a job or a spider.
pub(in crate::domain) const MAX_URLS: usize = 1_000;
/// Hosts besides those of the target URLs.
const MAX_HOSTS: usize = 100;
/// Tags of a job, and characters of a tag.
const MAX_TAGS: usize = 20;
const MAX_TAG: usize = 50;
/// Bytes of stats as JSON.
const MAX_STATS_BYTES: usize = 16 * 1024;

/// The bad fields of one request body.
#[derive(Default)]
pub(in crate::domain) struct FieldErrors(Vec<FieldError>);

impl FieldErrors {
    pub(in crate::domain) fn add(&mut self, path: &[PathSegment], kind: &str, words: impl Into<String>) {
        self.0.push(FieldError::in_body(path, kind, words));
    }

    /// Adds a field of the body's root unless `holds`.
    pub(in crate::domain) fn require(&mut self, holds: bool, field: &str, kind: &str, words: &str) {
        if !holds {
            self.add(&[field_step(field)], kind, words);
        }
    }

    /// The bad fields so far.
    pub(in crate::domain) fn into_errors(self) -> Vec<FieldError> {
        self.0
    }

    /// Fails if there are any.
    pub(in crate::domain) fn into_result(self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::validation(self.0)) }
    }

    pub(in crate::domain) fn urls(&mut self, field: &str, urls: &[String]) {
        self.require(urls.len() <= MAX_URLS, field, "max_items", "must have at most 1,000 URLs");
        for (index, url) in urls.iter().enumerate().take(MAX_URLS) {
            if web_url::parse(url).is_none() {
                self.add(&[field_step(field), index_step(index)], "url", web_url::EXPECTED);
            }
        }
    }

    pub(in crate::domain) fn hosts(&mut self, field: &str, hosts: &[String]) {
        self.require(hosts.len() <= MAX_HOSTS, field, "max_items", "must have at most 100 hosts");
        for (index, host) in hosts.iter().enumerate().take(MAX_HOSTS) {
            if !is_host(host) {
                self.add(&[field_step(field), index_step(index)], "host", "must be a host or host:port");
            }
        }
    }

    pub(in crate::domain) fn tags(&mut self, field: &str, tags: &[String]) {
        self.require(tags.len() <= MAX_TAGS, field, "max_items", "must have at most 20 tags");
        for (index, tag) in tags.iter().enumerate().take(MAX_TAGS) {
            if !is_tag(tag) {
                let words = "must have 1 to 50 characters, none of them a comma or a control character";
                self.add(&[field_step(field), index_step(index)], "tag", words);
            }
        }
    }

    pub(in crate::domain) fn count(&mut self, field: &str, least: i64, value: Option<i64>) {
        let fits = value.is_none_or(|value| (least..=MAX_SAFE_INTEGER).contains(&value));
        self.require(fits, field, "range", &format!("must be {least} to {MAX_SAFE_INTEGER}"));
    }

    pub(in crate::domain) fn stats(&mut self, field: &str, stats: Option<&CrawlStats>) {
        let bytes = stats.map_or(0, |stats| stats_json(stats).len());
        self.require(bytes <= MAX_STATS_BYTES, field, "too_large", "must be at most 16 KiB of JSON");
    }
}

/// Fails if there are bad fields.
pub(in crate::domain) fn ensure_valid(errors: Vec<FieldError>) -> Result<()> {
    if errors.is_empty() { Ok(()) } else { Err(Problem::validation(errors)) }
}

/// A step to a named field.
pub(in crate::domain) fn field_step(field: &str) -> PathSegment {
    PathSegment::Name(field.to_owned())
}

/// A step to an element of a list.
pub(in crate::domain) fn index_step(index: usize) -> PathSegment {
    PathSegment::Index(index as u64)
}

/// Stats as they are stored.
pub(in crate::domain) fn stats_json(stats: &CrawlStats) -> String {
    // A map with string keys always serialises.
    serde_json::to_string(stats).unwrap_or_default()
}

/// A list of strings as it is stored.
pub(in crate::domain) fn list_json(list: &[String]) -> String {
    // A list of strings always serialises.
    serde_json::to_string(list).unwrap_or_default()
}

/// The list's filter searches for a quoted tag between commas.
pub(super) fn is_tag(text: &str) -> bool {
    text::has_length(text, 1, MAX_TAG) && !text.contains(|c: char| c == ',' || c.is_control())
}

fn is_host(text: &str) -> bool {
    let plain =
        text::has_length(text, 1, 260) && !text.contains(['/', '?', '#', '@', '\\', ' ', '\t', '\n', '\r']);
    plain && url::Url::parse(&format!("http://{text}/")).is_ok_and(|url| url.has_host())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_have_a_port_and_nothing_else() {
        for good in ["homes.example.com", "homes.example.com:8443", "10.0.0.1", "[::1]:80"] {
            assert!(is_host(good), "{good}");
        }
        for bad in ["", "http://a", "a/b", "a b", "user@a", "a:port", "a:99999"] {
            assert!(!is_host(bad), "{bad:?}");
        }
    }

    #[test]
    fn every_bad_field_is_named() {
        let mut faults = FieldErrors::default();
        faults.urls("target_urls", &["https://a.example".into(), "b".into(), "c".into()]);
        faults.tags("tags", &["fine".into(), "a,b".into()]);
        faults.count("max_pages", 1, Some(0));

        let problem = faults.into_result().unwrap_err();

        let pointers: Vec<_> = problem.errors.iter().map(|error| error.pointer.as_str()).collect();
        assert_eq!(pointers, ["/target_urls/1", "/target_urls/2", "/tags/1", "/max_pages"]);
    }
}
