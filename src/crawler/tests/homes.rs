//! A site of homes: an index, lists of twenty, and a page for each home.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::crawler::fetch::test_site::{html_page, http_response};

const PER_LIST: usize = 20;

/// An answer, byte for byte.
type Answer = Option<Vec<u8>>;

#[derive(Clone)]
pub(super) struct Homes {
    count: usize,
    sold: Arc<Mutex<HashSet<usize>>>,
    /// Answers that replace the usual ones, by path.
    replaced: Arc<Mutex<HashMap<String, Answer>>>,
    /// The answer for everything but robots.txt.
    everywhere: Arc<Mutex<Option<Answer>>>,
    /// The answer for a path that does not exist, instead of 404.
    missing: Arc<Mutex<Option<Answer>>>,
}

impl Homes {
    pub(super) fn new(count: usize) -> Self {
        Self {
            count,
            sold: Arc::default(),
            replaced: Arc::default(),
            everywhere: Arc::default(),
            missing: Arc::default(),
        }
    }

    /// More than any test asks for.
    pub(super) fn endless() -> Self {
        Self::new(1_000_000)
    }

    /// The home's page is gone from now on, and no list links to it.
    pub(super) fn sell(&self, home: usize) {
        self.sold.lock().insert(home);
    }

    /// This path has this answer from now on.
    pub(super) fn replace(&self, path: &str, answer: Answer) {
        self.replaced.lock().insert(path.to_owned(), answer);
    }

    /// Every path has this answer from now on.
    pub(super) fn replace_all(&self, answer: Answer) {
        *self.everywhere.lock() = Some(answer);
    }

    /// Paths that do not exist have this answer from now on.
    pub(super) fn replace_missing(&self, answer: Answer) {
        *self.missing.lock() = Some(answer);
    }

    pub(super) fn answer(&self, head: &str) -> Answer {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path == "/robots.txt" {
            return http_response(404, &[], b"");
        }
        if let Some(answer) = self.everywhere.lock().clone() {
            return answer;
        }
        if let Some(answer) = self.replaced.lock().get(path) {
            return answer.clone();
        }
        if path == "/" {
            return self.list(0);
        }
        let not_found = || self.missing.lock().clone().unwrap_or_else(|| http_response(404, &[], b""));
        let Some((kind, number)) = path.trim_start_matches('/').split_once('/') else {
            return not_found();
        };
        match (kind, number.parse().unwrap_or(0)) {
            ("list", list) => self.list(list),
            ("h", home) if self.sold.lock().contains(&home) => http_response(410, &[], b""),
            ("h", home) if number.parse::<usize>().is_ok() => {
                html_page(&format!("<a href=/>home</a><a href=/h/{home}#map>map</a>{}", json_ld(home)))
            }
            _ => not_found(),
        }
    }

    fn list(&self, list: usize) -> Option<Vec<u8>> {
        let first = list * PER_LIST;
        let homes = (first..self.count.min(first + PER_LIST)).filter(|home| !self.sold.lock().contains(home));
        let mut html: String = homes.map(|home| format!("<a href=/h/{home}>{home}</a>")).collect();
        if first + PER_LIST < self.count {
            html.push_str(&format!("<a rel=next href=/list/{}>next</a>", list + 1));
        }
        html_page(&html)
    }
}

/// A home as most sites describe it.
pub(super) fn json_ld(home: usize) -> String {
    format!(
        r#"<script type="application/ld+json">{{"@type": "House", "name": "Home {home}", "identifier": "H-{home}",
            "numberOfBedrooms": 3, "address": {{"addressLocality": "Sacramento", "streetAddress": "{home} Oak St"}},
            "offers": {{"@type": "Offer", "price": {}, "priceCurrency": "USD"}}}}</script>"#,
        100_000 + home
    )
}
