//! A JSON document as the source of a spider: its items, and where its next part is.

use serde_json::Value;
use serde_json_path::JsonPath;
use url::Url;

use super::entry::Entry;
use crate::crawler::budget::PageBudget;
use crate::crawler::extract::parse_json;
use crate::protocol::spider_rules::CompiledJson;

/// Items of one document at most.
pub const MAX_DOCUMENT_ITEMS: usize = 2_000;
/// Steps of a value that a path gives, and bytes that its copy takes for each of its own.
const NODE_STEPS: u64 = 50;
const BYTES_PER_BYTE: u64 = 4;
/// The longest address of a next part.
const MAX_ADDRESS: usize = 2_000;

/// What one document of a source gave.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SourcePage {
    pub(super) items: Vec<Value>,
    pub(super) next: Option<Entry>,
    /// The next part is named by a token.
    pub(super) has_token: bool,
}

/// Reads the document at `url`. Nothing is read where it is no JSON.
pub(super) fn read(text: &str, url: &Url, source: &CompiledJson, budget: &PageBudget) -> SourcePage {
    let Some(document) = parse_json(text, budget) else { return SourcePage::default() };
    let items = items(&document, &source.items, text.len(), budget);
    let next = source.next.as_ref().map_or(Next::None, |path| next(&document, path, url));
    match next {
        Next::None => SourcePage { items, ..SourcePage::default() },
        Next::Address(next) => SourcePage {
            items,
            next: Some(Entry { url: next, is_list: true, changed: None }),
            has_token: false,
        },
        Next::Token => SourcePage { items, next: None, has_token: true },
    }
}

/// The objects that the path gives, or the elements of a list that it gives. Together they are at most twice as large as
/// the document, so that a path that gives everything at every depth copies it twice.
fn items(document: &Value, path: &JsonPath, document_bytes: usize, budget: &PageBudget) -> Vec<Value> {
    let mut bytes_left = 2 * document_bytes;
    let mut items = Vec::new();
    for node in path.query(document).all() {
        let nodes = match node {
            Value::Array(values) => values.as_slice(),
            other => std::slice::from_ref(other),
        };
        for node in nodes.iter().filter(|node| node.is_object()) {
            let bytes = size(node);
            let Some(left) = bytes_left.checked_sub(bytes).filter(|_| items.len() < MAX_DOCUMENT_ITEMS)
            else {
                return items;
            };
            bytes_left = left;
            if !budget.charge_steps(NODE_STEPS) || !budget.charge_bytes(BYTES_PER_BYTE * bytes as u64) {
                return items;
            }
            items.push(node.clone());
        }
    }
    items
}

/// About the bytes of a value as text.
fn size(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 4,
        Value::String(text) => 2 + text.len(),
        Value::Array(values) => 2 + values.iter().map(|value| 1 + size(value)).sum::<usize>(),
        Value::Object(object) => {
            2 + object.iter().map(|(key, value)| 4 + key.len() + size(value)).sum::<usize>()
        }
    }
}

enum Next {
    None,
    Address(Url),
    Token,
}

/// The next part: an absolute URL or a path. Anything else would have to be put into an address whose form is not
/// known.
fn next(document: &Value, path: &JsonPath, url: &Url) -> Next {
    let mut nodes = path.query(document).all().into_iter();
    let Some(named) = nodes.find(|value| !value.is_null() && **value != Value::Bool(false)) else {
        return Next::None;
    };
    let Some(text) = named.as_str().map(str::trim) else { return Next::Token };
    if text.is_empty() {
        return Next::None;
    }
    let is_address =
        ["http://", "https://", "/", "?", "./", "../"].iter().any(|start| text.starts_with(start));
    let address = if is_address && text.len() <= MAX_ADDRESS { url.join(text).ok() } else { None };
    address.map_or(Next::Token, Next::Address)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::spider_rules::{CompiledRules, JsonSource, SpiderRules};

    fn page(text: &str, items: &str, next: Option<&str>) -> SourcePage {
        let url: Url = "https://a.example/api/homes?page=1".parse().unwrap();
        let json = Some(JsonSource { items: items.to_owned(), next: next.map(str::to_owned) });
        let rules = CompiledRules::compile(&SpiderRules { json, ..SpiderRules::default() }).unwrap();
        read(text, &url, &rules.json.unwrap(), &PageBudget::for_page(text.len()))
    }

    fn next_of(next: &str) -> (Option<String>, bool) {
        let found = page(&format!(r#"{{"items": [], "next": {next}}}"#), "$.items", Some("$.next"));
        (found.next.map(|entry| entry.url.into()), found.has_token)
    }

    #[test]
    fn items_are_objects_or_the_elements_of_a_list() {
        let text = r#"{"data": {"homes": [{"id": 1}, {"id": 2}, 7, null]}}"#;

        for path in ["$.data.homes", "$.data.homes[*]"] {
            let ids: Vec<_> = page(text, path, None).items.iter().map(|item| item["id"].clone()).collect();
            assert_eq!(ids, [1, 2], "{path}");
        }
        assert_eq!(page(text, "$.other", None), SourcePage::default());
        assert_eq!(page("no json", "$.data", None), SourcePage::default());
    }

    #[test]
    fn the_next_part_is_an_address_or_a_token() {
        let address = |text: &str| (Some(text.to_owned()), false);

        assert_eq!(next_of(r#""https://b.example/2""#), address("https://b.example/2"));
        assert_eq!(next_of(r#""/api/homes?page=2""#), address("https://a.example/api/homes?page=2"));
        assert_eq!(next_of(r#""?page=2""#), address("https://a.example/api/homes?page=2"));
        for token in [r#""eyJpZCI6NX0=""#, "2", r#"{"cursor": 5}"#] {
            assert_eq!(next_of(token), (None, true), "{token}");
        }
        for end in ["null", "false", r#""""#] {
            assert_eq!(next_of(end), (None, false), "{end}");
        }
    }
}
