//! The operator's settings of the crawler, with the product's defaults. Reads neither files nor the environment.

use std::collections::HashSet;
use std::time::Duration;

use super::reader::settings::ReaderSettings;
use super::reading::ReadingLimits;

/// A host and a port that the guard lets through although they are not public.
pub type AllowedPrivateHosts = HashSet<(String, u16)>;

/// Settings of the built-in crawler, from the section `crawler`.
#[derive(Clone, Debug)]
pub struct CrawlerSettings {
    /// How the crawler introduces itself instead of by its product's name and version.
    pub user_agent: Option<String>,
    /// A page about the crawler, shown to site owners in the `User-Agent`.
    pub contact_url: Option<String>,
    /// Pages of one job at most, also of one that asks for more.
    pub max_pages: i64,
    /// How long one execution of a job may take in all; `None`: no limit.
    pub job_time: Option<Duration>,
    /// How far from its target urls a job follows links.
    pub max_depth: i64,
    /// Tries again after a failure that may pass.
    pub retries: u32,
    /// The pause between two requests to one host when robots.txt asks for none.
    pub crawl_delay: Duration,
    /// The longest pause that a robots.txt can ask for.
    pub max_crawl_delay: Duration,
    /// Requests to one host at the same time, for jobs that want nothing else.
    pub requests_per_host: usize,
    /// Requests to one host at the same time, whatever a job wants.
    pub requests_per_host_max: usize,
    /// How long a connection may take, name look-up and TLS included.
    pub connect_timeout: Duration,
    /// The longest silence while an answer is read.
    pub read_timeout: Duration,
    /// How long one fetch may take in all, redirects included.
    pub total_timeout: Duration,
    /// The largest page, as sent and after decompression.
    pub max_page_bytes: usize,
    /// How many links of one page are looked at.
    pub max_links_per_page: usize,
    /// How many listings of one page are taken.
    pub max_listings_per_page: usize,
    /// How pages are read.
    pub readers: ReaderSettings,
    /// Private and loopback hosts that may be fetched; made by [`super::guard::parse_allowed_private_hosts`].
    pub allowed_private_hosts: AllowedPrivateHosts,
}

impl Default for CrawlerSettings {
    fn default() -> Self {
        Self {
            user_agent: None,
            contact_url: None,
            max_pages: 10_000,
            job_time: Some(Duration::from_secs(86_400)),
            max_depth: 50,
            retries: 3,
            crawl_delay: Duration::from_millis(1_000),
            max_crawl_delay: Duration::from_secs(60),
            requests_per_host: 1,
            requests_per_host_max: 4,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(15),
            total_timeout: Duration::from_secs(45),
            max_page_bytes: 5 * 1024 * 1024,
            max_links_per_page: 2_000,
            max_listings_per_page: 500,
            readers: ReaderSettings::default(),
            allowed_private_hosts: AllowedPrivateHosts::new(),
        }
    }
}

impl CrawlerSettings {
    /// How much of a page is taken.
    pub fn reading_limits(&self) -> ReadingLimits {
        ReadingLimits { links: self.max_links_per_page, listings: self.max_listings_per_page }
    }

    /// How the crawler introduces itself.
    pub fn user_agent(&self) -> String {
        if let Some(own) = &self.user_agent {
            return own.clone();
        }
        let product = concat!("Lotline/", env!("CARGO_PKG_VERSION"));
        match &self.contact_url {
            Some(url) => format!("{product} (+{url})"),
            None => product.to_owned(),
        }
    }
}
