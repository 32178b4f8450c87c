//! A site of homes: an index, lists of twenty, and a page for each home.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::crawler::fetch::test_site::{html_page, http_response};

const PER_LIST: usize = 20;

#[derive(Clone)]
pub(super) struct Homes {
    count: usize,
    sold: Arc<Mutex<HashSet<usize>>>,
}

impl Homes {
    pub(super) fn new(count: usize) -> Self {
        Self { count, sold: Arc::default() }
    }

    /// More than any test asks for.
    pub(super) fn endless() -> Self {
        Self::new(1_000_000)
    }

    /// The home's page is gone from now on, and no list links to it.
    pub(super) fn sell(&self, home: usize) {
        self.sold.lock().insert(home);
    }

    pub(super) fn answer(&self, head: &str) -> Option<Vec<u8>> {
        let path = head.split(' ').nth(1).unwrap_or_default();
        if path == "/" {
            return self.list(0);
        }
        let Some((kind, number)) = path.trim_start_matches('/').split_once('/') else {
            return http_response(404, &[], b"");
        };
        match (kind, number.parse().unwrap_or(0)) {
            ("list", list) => self.list(list),
            ("h", home) if self.sold.lock().contains(&home) => http_response(410, &[], b""),
            ("h", home) => {
                html_page(&format!("<a href=/>home</a><a href=/h/{home}#map>map</a>{}", json_ld(home)))
            }
            _ => http_response(404, &[], b""),
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
