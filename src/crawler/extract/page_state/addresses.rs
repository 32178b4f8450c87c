//! The addresses in lists of page state, also of entries that are not read as homes: a list that a page shows with its
//! own scripts has no links in its markup.

use std::collections::HashMap;

use serde_json::Value;
use url::Url;

use super::super::bounds::{MAX_DEPTH, MAX_URL, VALUE_STEPS, key_steps};
use super::super::extraction::MAX_STATE_LINKS;
use super::super::field::Field;
use super::super::references::{self, Links, StateData};
use super::keys;
use super::search::StateBlock;
use crate::crawler::budget::PageBudget;

/// Entries with an address that make a list.
const LEAST_ENTRIES: usize = 2;
/// Entries of one list, and keys of one entry, that are looked at.
const MAX_ENTRIES: usize = 500;
const MAX_KEYS: usize = 60;
/// Steps of resolving an address, beside those for its length.
const LINK_STEPS: u64 = 60;

/// The addresses in the lists of `blocks`, in their order.
pub(in crate::crawler::extract) fn addresses(
    blocks: &[StateBlock],
    base: &Url,
    budget: &PageBudget,
) -> Vec<Url> {
    let mut found = Found { base, budget, addresses: Vec::new() };
    for block in blocks.iter().filter(|block| !block.is_tracking) {
        match &block.data {
            StateData::Tree(root) => found.search(root, Links::None, 0),
            StateData::Cache(root) => {
                let entries = references::cache_entries(root, budget);
                found.search(root, Links::Cache(&entries), 0);
            }
            // Every list is an element of the array itself.
            StateData::Devalue(values) => {
                for list in values.iter().filter_map(Value::as_array) {
                    found.take_list(list, Links::Devalue(values));
                }
            }
            StateData::Flight(rows) => {
                let by_id: HashMap<_, _> = rows.iter().map(|(id, value)| (id.as_str(), value)).collect();
                for (_, value) in rows {
                    found.search(value, Links::Flight(&by_id), 0);
                }
            }
            StateData::Call { result, arguments } => found.search(result, Links::Call(arguments), 0),
        }
    }
    found.addresses
}

struct Found<'a> {
    base: &'a Url,
    budget: &'a PageBudget,
    addresses: Vec<Url>,
}

impl Found<'_> {
    /// Looks at the lists in a value as it is written. References are followed from the entries of a list only, so that
    /// each value is visited once.
    fn search<'v>(&mut self, value: &'v Value, links: Links<'v>, depth: usize) {
        let goes_on = depth < MAX_DEPTH && self.addresses.len() < MAX_STATE_LINKS;
        if !goes_on || !self.budget.charge_steps(VALUE_STEPS) {
            return;
        }
        match value {
            Value::Array(values) => {
                self.take_list(values, links);
                values.iter().for_each(|value| self.search(value, links, depth + 1));
            }
            Value::Object(object) => object.values().for_each(|value| self.search(value, links, depth + 1)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Takes the addresses of a list's entries, if several have one.
    fn take_list<'v>(&mut self, list: &'v [Value], links: Links<'v>) {
        let mut texts = Vec::new();
        for value in list.iter().take(MAX_ENTRIES) {
            if !self.budget.charge_steps(VALUE_STEPS + links.follow_steps(value)) {
                return;
            }
            texts.extend(self.address_of(links.follow(value), links));
        }
        if texts.len() < LEAST_ENTRIES {
            return;
        }
        for text in texts {
            let steps = LINK_STEPS + (self.base.as_str().len() + text.len()) as u64;
            if self.addresses.len() >= MAX_STATE_LINKS || !self.budget.charge_steps(steps) {
                return;
            }
            self.addresses.extend(self.base.join(text).ok());
        }
    }

    /// The address of an entry: the entry itself, or its value under a key that means one.
    fn address_of<'v>(&self, entry: &'v Value, links: Links<'v>) -> Option<&'v str> {
        match entry {
            Value::String(text) => Some(text.as_str()).filter(|text| is_address(text)),
            Value::Object(object) => {
                let affordable = object
                    .iter()
                    .take(MAX_KEYS)
                    .take_while(|(key, _)| self.budget.charge_steps(key_steps(key)));
                affordable.filter(|(key, _)| keys::meaning(key, false).field == Some(Field::Url)).find_map(
                    |(_, value)| links.follow(value).as_str().map(str::trim).filter(|text| is_address(text)),
                )
            }
            _ => None,
        }
    }
}

/// Whether a text is an absolute URL or a path from the root: what else stands under such a key may be a part of one.
fn is_address(text: &str) -> bool {
    let is_rooted = text.starts_with('/') && text.len() > 1;
    text.len() <= MAX_URL && (is_rooted || text.starts_with("https://") || text.starts_with("http://"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(data: StateData) -> Vec<String> {
        let base: Url = "https://homes.example/list".parse().unwrap();
        let block = StateBlock { data, name: String::new(), is_tracking: false };
        let budget = PageBudget::for_page(10_000);
        addresses(&[block], &base, &budget).into_iter().map(String::from).collect()
    }

    #[test]
    fn lists_of_entries_with_addresses_are_links() {
        let state = json!({"results": [
            {"title": "A", "url": "/o/1"},
            {"title": "B", "url": "https://homes.example/o/2"},
            {"title": "C"},
        ]});

        assert_eq!(found(StateData::Tree(state)), ["https://homes.example/o/1", "https://homes.example/o/2"]);
        let paths = json!({"data": {"paths": ["/o/1", "/o/2"]}});
        assert_eq!(found(StateData::Tree(paths)).len(), 2);
    }

    #[test]
    fn references_are_followed() {
        let devalue = json!([[1, 2], {"url": 3}, {"url": 4}, "/o/1", "/o/2"]);
        let Value::Array(values) = devalue else { unreachable!() };

        assert_eq!(
            found(StateData::Devalue(values)),
            ["https://homes.example/o/1", "https://homes.example/o/2"]
        );
    }

    #[test]
    fn single_addresses_and_parts_of_addresses_are_none() {
        let state = json!({
            "one": [{"url": "/o/1"}],
            "slugs": [{"url": "oak"}, {"url": "elm"}],
            "page": {"url": "/o/9"},
            "words": ["a/b", "c"],
        });

        assert_eq!(found(StateData::Tree(state)), [""; 0]);
    }

    #[test]
    fn the_number_of_addresses_is_bounded() {
        let list: Vec<Value> = (0..1_000).map(|number| json!({"url": format!("/o/{number}")})).collect();

        assert_eq!(found(StateData::Tree(json!([list]))).len(), MAX_STATE_LINKS);
    }
}
