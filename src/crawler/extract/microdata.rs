//! The third layer: HTML microdata (the HTML standard, section "Microdata"), turned into the same objects that
//! JSON-LD gives, so that one reader understands both.

use std::collections::{HashMap, HashSet};

use scraper::ElementRef;
use serde_json::{Map, Value};

use super::bounds::MAX_URL;
use super::extraction::{Layer, LayerResult};
use super::items::{
    ELEMENT_STEPS, ElementValues, MAX_ITEM_DEPTH, MAX_ITEMS, MAX_LIST_BYTES, MAX_NAMES, MAX_TYPES,
    NAME_STEPS, OBJECT_BYTES, VALUE_BYTES, add, name_of,
};
use super::schema_org;
use super::values::Object;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Elements that an item refers to.
const MAX_REFERENCES: usize = 100;

pub(super) fn read(page: &Page) -> LayerResult {
    if !page.has_items() {
        return LayerResult { kind: Layer::Microdata, drafts: Vec::new(), skipped_blocks: 0 };
    }
    let values = ElementValues::new(page);
    let mut reader = Reader { values, budget: page.budget(), by_id: HashMap::new() };
    if page.has_item_references() {
        reader.by_id = page.elements().filter_map(|element| Some((element.attr("id")?, element))).collect();
    }
    let top = page.elements().filter(|element| is_item(*element) && element.attr("itemprop").is_none());
    let roots: Vec<_> = top.take(MAX_ITEMS).map(|root| reader.item(root, 0)).collect();
    let drafts = schema_org::drafts(&roots, page.base(), page.budget(), Layer::Microdata);
    LayerResult { kind: Layer::Microdata, drafts, skipped_blocks: 0 }
}

struct Reader<'a> {
    values: ElementValues<'a>,
    budget: &'a PageBudget,
    by_id: HashMap<&'a str, ElementRef<'a>>,
}

impl<'a> Reader<'a> {
    fn item(&mut self, root: ElementRef<'a>, depth: usize) -> Value {
        let mut object = Map::new();
        let types = root.attr("itemtype").unwrap_or_default();
        let id = root.attr("itemid").map(str::trim).filter(|id| id.len() <= MAX_URL);
        let length = types.len() + id.map_or(0, str::len);
        if !self.budget.charge_bytes(OBJECT_BYTES + VALUE_BYTES * MAX_TYPES as u64 + length as u64) {
            return Value::Null;
        }
        let types = types.split_ascii_whitespace().take(MAX_TYPES);
        object.insert("@type".to_owned(), types.map(Value::from).collect());
        if let Some(id) = id {
            object.insert("@id".to_owned(), Value::from(id));
        }
        self.properties(&mut object, root, depth);
        Value::Object(object)
    }

    /// The standard's crawl: children and referred elements, down to elements that are items of their own.
    fn properties(&mut self, object: &mut Object, root: ElementRef<'a>, depth: usize) {
        let mut seen = HashSet::from([root.id()]);
        // Many items may refer to one element, and each reads its lists again: ids that lead nowhere count, too.
        let referred = truncate(root.attr("itemref").unwrap_or_default(), MAX_LIST_BYTES);
        if !self.budget.charge_scan(referred.len()) {
            return;
        }
        let ids = referred.split_ascii_whitespace().take(MAX_REFERENCES);
        let mut pending: Vec<_> = ids.filter_map(|id| self.by_id.get(id).copied()).collect();
        pending.reverse();
        push_children(&mut pending, root);
        while let Some(element) = pending.pop() {
            if !self.budget.charge_steps(ELEMENT_STEPS) {
                return;
            }
            // The same element twice is an error of the page's, and a loop if it is followed.
            if !seen.insert(element.id()) {
                continue;
            }
            if let Some(names) = element.attr("itemprop") {
                self.property(object, element, names, depth);
            }
            if !is_item(element) {
                push_children(&mut pending, element);
            }
        }
    }

    /// Puts the element's value under each of `names`. Items nest, so the copies under further names would multiply
    /// at every level: each counts with all that is in it.
    fn property(&mut self, object: &mut Object, element: ElementRef<'a>, names: &str, depth: usize) {
        let names = truncate(names, MAX_LIST_BYTES);
        if !self.budget.charge_scan(names.len()) {
            return;
        }
        let before = self.budget.used().bytes;
        let value = self.value(element, depth);
        let value_bytes = self.budget.used().bytes - before;
        let mut names = names.split_ascii_whitespace().take(MAX_NAMES).peekable();
        while let Some(name) = names.next() {
            let name = name_of(element, name);
            let name_bytes = VALUE_BYTES + name.len() as u64;
            if !self.budget.charge_bytes(name_bytes) || !self.budget.charge_steps(NAME_STEPS) {
                return;
            }
            if names.peek().is_none() {
                return add(object, name, value);
            }
            if !self.budget.charge_bytes(value_bytes) || !self.budget.charge_steps(value_bytes / VALUE_BYTES)
            {
                return;
            }
            add(object, name, value.clone());
        }
    }

    fn value(&mut self, element: ElementRef<'a>, depth: usize) -> Value {
        if is_item(element) {
            return if depth < MAX_ITEM_DEPTH { self.item(element, depth + 1) } else { Value::Null };
        }
        self.values.value(element)
    }
}

fn is_item(element: ElementRef<'_>) -> bool {
    element.attr("itemscope").is_some()
}

/// In reverse, because the last one pushed is looked at first.
fn push_children<'a>(pending: &mut Vec<ElementRef<'a>>, element: ElementRef<'a>) {
    pending.extend(element.children().rev().filter_map(ElementRef::wrap));
}

#[cfg(test)]
mod tests {
    use super::super::draft::Draft;
    use super::*;

    fn read_page(html: &str) -> Vec<Draft> {
        let url = "https://homes.example.com/page/1".parse().unwrap();
        read(&Page::parse(html, &url, PageBudget::for_page(html.len()))).drafts
    }

    #[test]
    fn a_home_with_its_offer_is_one_draft() {
        let drafts = read_page(
            r#"<div itemscope itemtype="https://schema.org/House"><meta itemprop=identifier content=K1>
            <span itemprop=numberOfBedrooms>3</span><img itemprop=image src=/1.jpg>
            <div itemprop=offers itemscope itemtype="https://schema.org/Offer"><span itemprop=price content=425000>€425.000</span>
            <meta itemprop=priceCurrency content=EUR></div></div>"#,
        );

        let [draft] = &drafts[..] else { panic!("{drafts:#?}") };
        assert_eq!(draft.property.listing_key.as_deref(), Some("K1"));
        assert_eq!(draft.property.list_price, Some(425_000.0));
        assert_eq!(draft.currency.code(), Some("EUR"));
        assert_eq!(draft.property.bedrooms_total, Some(3));
        assert_eq!(draft.property.media.as_ref().map(Vec::len), Some(1));
        assert_eq!(draft.layer, Layer::Microdata);
    }

    #[test]
    fn types_in_lower_case_are_homes_and_agencies_are_none() {
        let home = read_page(
            "<div itemscope itemtype='http://schema.org/apartment'><b itemprop=numberOfRooms>4</b></div>",
        );
        let agency = read_page(
            "<div itemscope itemtype='http://schema.org/realestateagent'><b itemprop=address>1 Rd</b></div>",
        );

        assert!(home.len() == 1 && home[0].residence && home[0].rooms == Some(4.0));
        assert!(agency.is_empty());
    }

    #[test]
    fn entries_of_a_list_are_in_a_list() {
        let drafts = read_page(
            "<ul itemscope itemtype='https://schema.org/ItemList'><li itemprop=itemListElement itemscope \
             itemtype='https://schema.org/House'><a itemprop=url href=/h/2>x</a><b itemprop=price>900000</b></ul>",
        );

        assert!(drafts.len() == 1 && drafts[0].in_list && !drafts[0].list_page);
        assert_eq!(drafts[0].property.source_url.as_deref(), Some("https://homes.example.com/h/2"));
    }
}
