//! `[crawler]`: limits and politeness of the built-in spiders.

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::time::Duration;

use url::Url;

use crate::config::reader::ConfigReader;

const MIB: u64 = 1024 * 1024;
const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

#[derive(Clone, Debug)]
pub struct CrawlerSettings {
    pub enabled: bool,
    pub concurrency: usize,
    pub open_jobs_per_slot: usize,
    /// `None`: no limit.
    pub job_seconds: Option<u64>,
    pub user_agent: String,
    pub max_pages: u32,
    pub max_depth: u32,
    pub crawl_delay_ms: u64,
    pub requests_per_host_max: usize,
    pub connect_timeout_seconds: u64,
    pub read_timeout_seconds: u64,
    pub total_timeout_seconds: u64,
    pub page_bytes: usize,
    /// `None`: one per core.
    pub readers: Option<NonZeroUsize>,
    pub reader_memory_mb: u64,
    pub reader_seconds: u64,
    pub pages_mb: u64,
    pub retries: u32,
    pub keep_pages_gib: f64,
    /// Host (an IPv6 address in its brackets) and port, as `Url::host_str` and `Url::port_or_known_default` give them.
    pub allowed_private_hosts: HashSet<(String, u16)>,
}

impl CrawlerSettings {
    pub(crate) fn read(reader: &mut ConfigReader) -> Self {
        let private = "host:port, such as localhost:8080 or [::1]:8080";
        Self {
            enabled: reader.flag("crawler.enabled"),
            concurrency: reader.integer("crawler.concurrency", 1..=256),
            open_jobs_per_slot: reader.integer("crawler.open_jobs_per_slot", 1..=256),
            job_seconds: Some(reader.integer("crawler.job_seconds", 0..=31_536_000)).filter(|most| *most > 0),
            user_agent: reader
                .optional_text("crawler.user_agent", "1 to 200 visible ASCII characters", user_agent)
                .unwrap_or_else(|| concat!("Lotline/", env!("CARGO_PKG_VERSION")).to_owned()),
            max_pages: reader.integer("crawler.max_pages", 1..=1_000_000),
            max_depth: reader.integer("crawler.max_depth", 0..=1_000),
            crawl_delay_ms: reader.integer("crawler.crawl_delay_ms", 0..=60_000),
            requests_per_host_max: reader.integer("crawler.requests_per_host_max", 1..=8),
            connect_timeout_seconds: reader.integer("crawler.connect_timeout_seconds", 1..=120),
            read_timeout_seconds: reader.integer("crawler.read_timeout_seconds", 1..=300),
            total_timeout_seconds: reader.integer("crawler.total_timeout_seconds", 1..=600),
            page_bytes: reader.integer("crawler.page_bytes", 1_024..=268_435_456),
            readers: NonZeroUsize::new(reader.integer("crawler.readers", 0..=1_024)),
            reader_memory_mb: reader.integer("crawler.reader_memory_mb", 8..=65_536),
            reader_seconds: reader.integer("crawler.reader_seconds", 1..=600),
            pages_mb: reader.integer("crawler.pages_mb", 1..=1_048_576),
            retries: reader.integer("crawler.retries", 0..=20),
            keep_pages_gib: reader.decimal("crawler.keep_pages_gib", 0.0..=1_048_576.0),
            allowed_private_hosts: reader
                .list("crawler.allowed_private_hosts", private, host_and_port)
                .into_iter()
                .collect(),
        }
    }

    pub fn crawl_delay(&self) -> Duration {
        Duration::from_millis(self.crawl_delay_ms)
    }

    pub fn job_timeout(&self) -> Option<Duration> {
        self.job_seconds.map(Duration::from_secs)
    }

    pub fn connect_timeout(&self) -> Duration {
        Duration::from_secs(self.connect_timeout_seconds)
    }

    pub fn read_timeout(&self) -> Duration {
        Duration::from_secs(self.read_timeout_seconds)
    }

    pub fn total_timeout(&self) -> Duration {
        Duration::from_secs(self.total_timeout_seconds)
    }

    pub fn reader_timeout(&self) -> Duration {
        Duration::from_secs(self.reader_seconds)
    }

    pub fn reader_memory_bytes(&self) -> u64 {
        self.reader_memory_mb * MIB
    }

    pub fn pages_bytes(&self) -> u64 {
        self.pages_mb * MIB
    }

    pub fn keep_pages_bytes(&self) -> u64 {
        // At most 2^50, so it fits.
        (self.keep_pages_gib * GIB) as u64
    }
}

fn user_agent(text: &str) -> Option<String> {
    let visible = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    (visible && text.len() <= 200).then(|| text.to_owned())
}

/// Parses the host with the crawler's parser, so that `LOCALHOST` and `127.1` mean the same in both.
fn host_and_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    let port: u16 = port.parse().ok().filter(|port| digits && *port > 0)?;
    if host.contains(['/', '@', '?', '#', '\\']) {
        return None;
    }
    let url = Url::parse(&format!("http://{host}/")).ok()?;
    // A second port would be a mistake such as `a:80:8080`.
    if url.port().is_some() { None } else { Some((url.host_str()?.to_owned(), port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_host_is_read_as_an_address_of_a_page_would_be() {
        assert_eq!(host_and_port("LOCALHOST:80"), Some(("localhost".into(), 80)));
        assert_eq!(host_and_port("[::1]:8080"), Some(("[::1]".into(), 8080)));
        assert_eq!(host_and_port("127.1:9"), Some(("127.0.0.1".into(), 9)));
    }

    #[test]
    fn what_is_no_host_with_a_port_is_refused() {
        for text in [
            "localhost",
            "a:0",
            "a:+1",
            "a:70000",
            "http://a:80",
            "u@a:80",
            "a/b:80",
            ":80",
            "a:81:80",
            "::1",
        ] {
            assert_eq!(host_and_port(text), None, "{text}");
        }
    }
}
