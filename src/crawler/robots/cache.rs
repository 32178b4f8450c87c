//! What hosts answered, for as long as it holds, within a bound in bytes.

use chrono::{DateTime, Utc};
use url::Url;

use super::host_rules::{Robots, origin};
use crate::crawler::weighted::WeightedMap;

/// Bytes of all answers that a node keeps: some 20,000 ordinary files, or 20 of the largest.
const MAX_BYTES: usize = 32 * 1024 * 1024;

/// The key is scheme, host and port (RFC 9309 section 2.3).
#[derive(Debug)]
pub struct RobotsCache(WeightedMap<String, Robots>);

impl Default for RobotsCache {
    fn default() -> Self {
        Self(WeightedMap::new(MAX_BYTES))
    }
}

impl RobotsCache {
    /// What is known for `url`'s host and still holds.
    pub fn get(&mut self, url: &Url, now: DateTime<Utc>) -> Option<&Robots> {
        self.0.get_mut(&origin(url)).map(|robots| &*robots).filter(|robots| robots.fresh_until > now)
    }

    /// Keeps `robots` for `url`'s host. At the bound the answers that are stale go first, then those that were used
    /// least recently: their hosts are asked again.
    pub fn put(&mut self, url: &Url, robots: Robots, now: DateTime<Utc>) {
        let key = origin(url);
        let bytes = 2 * key.len() + robots.weight();
        self.0.insert(key, robots, bytes, |robots| robots.fresh_until <= now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::robots::parse_rules;

    #[test]
    fn many_large_files_stay_within_the_bound() {
        let now = "2026-11-22T10:00:00Z".parse().unwrap();
        let url = |host: usize| format!("https://h{host}.example.com/").parse::<Url>().unwrap();
        let file: String =
            (0..1_000).map(|rule| format!("Disallow: /{rule}/{}\n", "*a".repeat(240))).collect();
        let rules = parse_rules(format!("User-agent: *\n{file}").as_bytes());
        assert!(rules.weight() > 400_000, "{}", rules.weight());
        let mut cache = RobotsCache::default();

        for host in 0..200 {
            cache.put(&url(host), Robots::from_rules(rules.clone(), now), now);
            assert!(cache.0.bytes() <= MAX_BYTES);
        }

        assert!(cache.0.len() > 50, "{}", cache.0.len());
        assert!(cache.get(&url(199), now).is_some() && cache.get(&url(0), now).is_none());
    }
}
