//! The rules of a robots.txt that are for us (RFC 9309), as plain data: read from bytes once, matched many times.
//! Reading and matching cost time in the length of the file and of the path, whatever is in them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::paths::{self, PathForms, Pattern};

/// Our name in `User-agent` lines.
const PRODUCT_TOKEN: &str = "lotline";
/// Bytes of a file that are read (RFC 9309 section 2.5 asks for 500 KiB at least).
pub const MAX_FILE_BYTES: usize = 500 * 1024;
/// Rules that are kept as they are written. Of what comes after them, `Allow` is left out and `Disallow` is kept for
/// its first path segment: a host with more rules than we keep is asked for less than it allows, never for more.
const MAX_RULES: usize = 1_000;
/// Path segments that further `Disallow` lines close; beyond them the whole host is closed.
const MAX_CLOSED_SEGMENTS: usize = 500;
/// The longest pause that a file can ask for.
const LONGEST_DELAY_MS: u32 = 60_000;
/// Sitemaps that are kept, and bytes of the address of each.
const MAX_SITEMAPS: usize = 50;
const MAX_SITEMAP_BYTES: usize = 2_000;

/// What a robots.txt says to us: the rules of our groups, or else those for all crawlers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RobotsRules {
    /// Longest first, and `Allow` before `Disallow` of the same length: the first one that matches decides.
    rules: Vec<Rule>,
    crawl_delay_ms: Option<u32>,
    /// As they are written: absolute addresses (sitemaps.org), which are for all crawlers.
    #[serde(default)]
    sitemaps: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Rule {
    allows: bool,
    pattern: Pattern,
}

/// Reads a robots.txt. Never fails: lines that are no rules are skipped.
pub fn parse_rules(text: &[u8]) -> RobotsRules {
    let text = &text[..text.len().min(MAX_FILE_BYTES)];
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let mut reader = RulesParser::default();
    for line in text.split(|byte| matches!(byte, b'\n' | b'\r' | b'\0')) {
        if let Some((name, value)) = name_and_value(line) {
            reader.read(&name, value);
        }
    }
    // RFC 9309 section 2.2.1: the groups for all hold where none is ours.
    let group = if reader.seen_ours { reader.ours } else { reader.others };
    RobotsRules { sitemaps: reader.sitemaps, ..group.into_rules() }
}

impl RobotsRules {
    /// Whether a path with its query, as in a URL, may be fetched.
    pub fn allows(&self, path: &str) -> bool {
        if path.split(['?', '#']).next() == Some("/robots.txt") || self.rules.is_empty() {
            return true;
        }
        let path = PathForms::of(path);
        self.rules.iter().find(|rule| rule.pattern.matches(&path)).is_none_or(|rule| rule.allows)
    }

    /// The pause between two requests that the file asks for, at most a minute.
    pub fn crawl_delay_ms(&self) -> Option<u32> {
        self.crawl_delay_ms.map(|delay| delay.min(LONGEST_DELAY_MS))
    }

    /// The sitemaps that the file names, as they are written there.
    pub fn sitemaps(&self) -> &[String] {
        &self.sitemaps
    }

    /// Bytes that the rules take in memory.
    pub fn weight(&self) -> usize {
        let rules = self.rules.iter().map(|rule| size_of::<Rule>() + rule.pattern.len());
        let sitemaps = self.sitemaps.iter().map(|sitemap| size_of::<String>() + sitemap.len());
        size_of::<Self>() + rules.sum::<usize>() + sitemaps.sum::<usize>()
    }

    /// Whether these may have come from [`parse_rules`]: what another process sent is not taken on trust.
    pub fn are_within_bounds(&self) -> bool {
        self.rules.len() <= MAX_RULES + MAX_CLOSED_SEGMENTS + 1
            && self.rules.iter().all(|rule| rule.pattern.len() <= paths::MAX_PATTERN_BYTES)
            && self.sitemaps.len() <= MAX_SITEMAPS
            && self.sitemaps.iter().all(|sitemap| sitemap.len() <= MAX_SITEMAP_BYTES)
    }
}

/// The groups for us, and those for all, while the file is read.
#[derive(Default)]
struct RulesParser {
    ours: Group,
    others: Group,
    seen_ours: bool,
    /// Which crawlers the current lines are for.
    for_us: bool,
    for_all: bool,
    /// Whether a rule came since the last `User-agent`: the next one begins another group.
    seen_rule: bool,
    sitemaps: Vec<String>,
}

impl RulesParser {
    fn read(&mut self, name: &str, value: &[u8]) {
        match name {
            "user-agent" | "useragent" | "user agent" => self.begin(value),
            "allow" => self.add(true, value),
            // As people write it.
            "disallow" | "dissallow" | "dissalow" | "disalow" | "diasllow" | "disallaw" => {
                self.add(false, value);
            }
            "crawl-delay" | "crawldelay" => self.set_crawl_delay(value),
            // For everyone, wherever it stands.
            "sitemap" | "site-map" => self.add_sitemap(value),
            // Other lines do not end a group (RFC 9309 section 2.2.4).
            _ => {}
        }
    }

    fn begin(&mut self, agent: &[u8]) {
        if self.seen_rule {
            (self.for_us, self.for_all, self.seen_rule) = (false, false, false);
        }
        let is_token = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'-');
        // RFC 9309 section 2.2.1: `Lotline/1.0 (x)` speaks to `Lotline`.
        let length = agent.iter().take_while(|byte| is_token(byte)).count();
        let ours = agent[..length].eq_ignore_ascii_case(PRODUCT_TOKEN.as_bytes());
        let all = agent.first() == Some(&b'*') && agent.get(1).is_none_or(u8::is_ascii_whitespace);
        self.for_us |= ours;
        self.for_all |= all;
        self.seen_ours |= ours;
    }

    fn add(&mut self, allows: bool, path: &[u8]) {
        self.seen_rule = true;
        for group in self.groups() {
            group.add(allows, path);
        }
    }

    fn set_crawl_delay(&mut self, value: &[u8]) {
        let seconds = std::str::from_utf8(value).ok().and_then(|value| value.parse::<f32>().ok());
        let Some(seconds) = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0) else { return };
        // Saturates.
        let delay = (seconds * 1_000.0) as u32;
        for group in self.groups() {
            group.crawl_delay_ms = group.crawl_delay_ms.max(Some(delay.min(LONGEST_DELAY_MS)));
        }
    }

    fn add_sitemap(&mut self, value: &[u8]) {
        let Ok(address) = std::str::from_utf8(value) else { return };
        let is_kept = !address.is_empty() && address.len() <= MAX_SITEMAP_BYTES;
        if is_kept && self.sitemaps.len() < MAX_SITEMAPS {
            self.sitemaps.push(address.to_owned());
        }
    }

    fn groups(&mut self) -> impl Iterator<Item = &mut Group> {
        let ours = self.for_us.then_some(&mut self.ours);
        ours.into_iter().chain(self.for_all.then_some(&mut self.others))
    }
}

#[derive(Default)]
struct Group {
    rules: Vec<Rule>,
    closed_segments: BTreeSet<Vec<u8>>,
    crawl_delay_ms: Option<u32>,
}

impl Group {
    fn add(&mut self, allows: bool, path: &[u8]) {
        // An empty path is a rule for nothing (RFC 9309 section 2.2.2).
        if path.is_empty() {
            return;
        }
        if self.rules.len() < MAX_RULES {
            let pattern = if allows { Pattern::exact(path) } else { Some(Pattern::at_least(path)) };
            self.rules.extend(pattern.map(|pattern| Rule { allows, pattern }));
        } else if !allows && self.closed_segments.len() <= MAX_CLOSED_SEGMENTS {
            self.closed_segments.insert(paths::first_segment(path).to_vec());
        }
    }

    fn into_rules(self) -> RobotsRules {
        let mut rules = self.rules;
        let close = |path: &[u8]| Rule { allows: false, pattern: Pattern::at_least(path) };
        if self.closed_segments.len() > MAX_CLOSED_SEGMENTS {
            // Longer `Allow` rules still open what they name.
            rules.push(close(b"/"));
        } else {
            rules.extend(self.closed_segments.iter().map(|segment| close(segment)));
        }
        rules.sort_by_key(|rule| (std::cmp::Reverse(rule.pattern.specificity()), !rule.allows));
        rules.shrink_to_fit();
        RobotsRules { rules, crawl_delay_ms: self.crawl_delay_ms, sitemaps: Vec::new() }
    }
}

/// The two sides of a line, without its comment. The name is in lower case.
fn name_and_value(line: &[u8]) -> Option<(String, &[u8])> {
    let line = line.split(|byte| *byte == b'#').next().unwrap_or_default().trim_ascii();
    let at = line.iter().position(|byte| *byte == b':').or_else(|| missing_colon_position(line))?;
    let name = line[..at].trim_ascii();
    // No name is longer; the value may be.
    if name.len() > 20 {
        return None;
    }
    let value = line[at..].strip_prefix(b":").unwrap_or(&line[at..]).trim_ascii();
    Some((String::from_utf8_lossy(name).to_ascii_lowercase(), value))
}

/// The position of the missing colon in a line of two parts.
fn missing_colon_position(line: &[u8]) -> Option<usize> {
    let at = line.iter().position(u8::is_ascii_whitespace)?;
    let value = line[at..].trim_ascii();
    (!value.iter().any(u8::is_ascii_whitespace)).then_some(at)
}
