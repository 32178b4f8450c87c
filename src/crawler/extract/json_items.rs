//! The items of a JSON document as listings: read like page state, by the names of their keys, and by the rules of the
//! spider, whose paths are relative to an item.

use std::collections::HashSet;

use serde_json::Value;

use super::draft::Draft;
use super::explanation::{Explanation, Readouts};
use super::extraction::{ExtractOptions, Extraction, Layer, PageKind};
use super::finalize::Finisher;
use super::html::PageFacts;
use super::notes::Notes;
use super::page_state::{self, StateBlock};
use super::references::StateData;
use super::rules::{self, Sources};
use crate::crawler::page::Page;

/// Reads `items`, which were in the document that `page` stands for. An item with a key and a page of its own on the same
/// host becomes a listing, as the entry of a list.
pub(in crate::crawler) fn read_items(
    page: &Page,
    items: Vec<Value>,
    options: ExtractOptions<'_>,
) -> (Extraction, Option<Explanation>) {
    let ExtractOptions { most, rules, explain } = options;
    let (notes, mut readouts) = (Notes::new(explain), Readouts::new(explain));
    let facts = PageFacts::default();
    let finisher = Finisher::new(page, &facts, &rules.constants, &notes);
    let kind = if rules.json.is_some() { PageKind::List } else { PageKind::Neither };
    let mut extraction = Extraction { kind, ..Extraction::default() };
    let (mut state, mut told) = (Vec::new(), Vec::new());
    let mut taken = HashSet::new();
    for item in items {
        if extraction.listings.len() >= most || page.budget().is_spent() {
            break;
        }
        let read = read_item(item, page, options, &notes);
        if explain {
            state.extend(read.state.clone());
            told.extend(read.told.clone());
        }
        let Some(draft) = read.joined() else {
            extraction.unkeyed = extraction.unkeyed.saturating_add(1);
            continue;
        };
        let listing = finisher.entry(draft);
        match listing.filter(|listing| taken.insert(listing.property.listing_key.clone())) {
            Some(listing) => extraction.listings.push(listing),
            None => extraction.unkeyed = extraction.unkeyed.saturating_add(1),
        }
    }
    if extraction.unkeyed > 0 {
        notes
            .add(|| format!("{} items have no key or no page of their own on this host", extraction.unkeyed));
    }
    readouts.add_drafts(Layer::PageState, &state, 0, page.budget());
    readouts.add_drafts(Layer::Rule, &told, 0, page.budget());
    (extraction, readouts.explained(notes))
}

/// What an item tells by itself, and by rules.
struct ReadItem {
    state: Option<Draft>,
    told: Option<Draft>,
}

impl ReadItem {
    fn joined(self) -> Option<Draft> {
        match (self.told, self.state) {
            (Some(told), Some(state)) => Some(rules::over(told, state)),
            (told, state) => state.or(told),
        }
    }
}

fn read_item(item: Value, page: &Page, options: ExtractOptions<'_>, notes: &Notes) -> ReadItem {
    let rules = options.rules;
    let told = (!rules.fields.is_empty())
        .then(|| rules::read(rules, &Sources::of_item(&item, page.base(), page.budget()), notes));
    let block = StateBlock { data: StateData::Tree(item), name: String::new(), is_tracking: false };
    let drafts = page_state::drafts(std::slice::from_ref(&block), page.base(), page.budget());
    // The first one is the item itself, if it is a home; what it holds may be its neighbours.
    let state = drafts.into_iter().next();
    ReadItem { state, told: told.filter(|told| !told.origins.is_empty()) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::crawler::budget::PageBudget;
    use crate::protocol::spider_rules::{CompiledRules, SpiderRules};

    fn rules(rules: &Value) -> CompiledRules {
        let rules: SpiderRules = serde_json::from_value(rules.clone()).unwrap();
        CompiledRules::compile(&rules).unwrap()
    }

    fn read(items: &Value, rules: &CompiledRules) -> (Extraction, Explanation) {
        let url = "https://homes.example.com/api/homes?page=1".parse().unwrap();
        let page = Page::parse("", &url, PageBudget::for_page(10_000));
        let options = ExtractOptions { most: 10, rules, explain: true };
        let (extraction, explanation) = read_items(&page, items.as_array().unwrap().clone(), options);
        (extraction, explanation.unwrap())
    }

    #[test]
    fn items_are_read_by_their_keys() {
        let rules = rules(&json!({"json": {"items": "$.items[*]"}}));
        let items = json!([
            {"id": "K1", "url": "/h/1", "price": 425_000, "currency": "EUR", "bedrooms": 3},
            {"id": "K1", "url": "/h/1", "price": 425_000, "bedrooms": 3},
            {"id": "K2", "price": 425_000, "bedrooms": 3},
            {"id": "K3", "url": "https://elsewhere.example/h/3", "price": 425_000, "bedrooms": 3},
            {"name": "nothing"}
        ]);

        let (found, explanation) = read(&items, &rules);

        assert_eq!((found.kind, found.listings.len(), found.unkeyed), (PageKind::List, 1, 4));
        let home = &found.listings[0];
        assert_eq!((home.layer, home.property.list_price), (Layer::PageState, Some(425_000.0)));
        assert_eq!(home.property.source_url.as_deref(), Some("https://homes.example.com/h/1"));
        assert_eq!(explanation.layers.len(), 2);
        assert!(explanation.notes.iter().any(|note| note.starts_with("4 items")), "{:?}", explanation.notes);
    }

    #[test]
    fn paths_of_rules_are_relative_to_an_item() {
        let rules = rules(&json!({
            "json": {"items": "$[*]"},
            "constants": {"currency": "CHF"},
            "fields": {
                "listing_key": {"json_path": "$.ref.code"},
                "source_url": {"json_path": "$.ref.code", "regex": "^K(.*)$", "transform": "text"},
                "list_price": {"json_path": "$.amounts[0]"},
                "living_area": {"css": ".area"},
            },
        }));
        let items = json!([{"ref": {"code": "K7"}, "amounts": [900, 800], "rooms": 3}]);

        let (found, explanation) = read(&items, &rules);

        let home = &found.listings[0];
        assert_eq!(home.property.listing_key.as_deref(), Some("K7"));
        assert_eq!(home.property.source_url.as_deref(), Some("https://homes.example.com/api/7"));
        assert_eq!((home.property.list_price, home.property.currency.as_deref()), (Some(900.0), Some("CHF")));
        assert_eq!(home.origins["list_price"].fragment, "$.amounts[0]");
        assert_eq!(home.origins["currency"].fragment, "constants.currency");
        assert!(explanation.notes.contains(&"living_area: there is no markup".to_owned()));
    }
}
