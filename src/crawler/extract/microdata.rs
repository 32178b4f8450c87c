//! The third layer: HTML microdata (the HTML standard, section "Microdata"), turned into the same objects that
//! JSON-LD gives, so that one reader understands both.

use std::collections::{HashMap, HashSet};

use scraper::ElementRef;
use serde_json::{Map, Value};

use super::bounds::MAX_URL;
use super::extraction::{Layer, LayerResult};
use super::schema_org;
use super::values::Object;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Top-level items of one page that are read.
const MAX_ITEMS: usize = 1_000;
/// How deep items nest.
const MAX_ITEM_DEPTH: usize = 16;
/// Bytes of an element's text that are read: a wrapper may be marked as a property and hold the page.
const MAX_TEXT: usize = 4_000;
const MAX_TEXT_NODES: usize = 2_000;
/// Bytes of a value in an attribute, types and names of an element, and elements that an item refers to.
const MAX_CONTENT: usize = 16_000;
const MAX_TYPES: usize = 16;
const MAX_NAMES: usize = 8;
const MAX_REFERENCES: usize = 100;
/// Bytes of `itemref` and `itemprop` that are read; what follows is ignored.
const MAX_LIST_BYTES: usize = 8 * 1024;

/// Steps of an element, of a node of its text, and of a name that it gives to its value.
const ELEMENT_STEPS: u64 = 24;
const TEXT_NODE_STEPS: u64 = 2;
const NAME_STEPS: u64 = 12;
/// Bytes of a value beside its text, and of an object's first entries.
const VALUE_BYTES: u64 = 64;
const OBJECT_BYTES: u64 = 700;

pub(super) fn read(page: &Page) -> LayerResult {
    if !page.has_items() {
        return LayerResult { kind: Layer::Microdata, drafts: Vec::new(), skipped_blocks: 0 };
    }
    let mut reader = Reader { page, budget: page.budget(), by_id: HashMap::new() };
    if page.has_item_references() {
        reader.by_id = page.elements().filter_map(|element| Some((element.attr("id")?, element))).collect();
    }
    let top = page.elements().filter(|element| is_item(*element) && element.attr("itemprop").is_none());
    let roots: Vec<_> = top.take(MAX_ITEMS).map(|root| reader.item(root, 0)).collect();
    let drafts = schema_org::drafts(&roots, page.base(), page.budget());
    LayerResult { kind: Layer::Microdata, drafts, skipped_blocks: 0 }
}

struct Reader<'a> {
    page: &'a Page,
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
        // The standard reads `content` on `<meta>` only. Search engines read it everywhere, so sites write it so.
        if let Some(content) = element.attr("content") {
            return self.text_value(truncate(content, MAX_CONTENT));
        }
        let attribute = match element.value().name() {
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => {
                self.url_of(element, "src")
            }
            "a" | "area" | "link" => self.url_of(element, "href"),
            "object" => self.url_of(element, "data"),
            "data" | "meter" => element.attr("value").map(|value| truncate(value, MAX_CONTENT).to_owned()),
            "time" => element.attr("datetime").map(|time| truncate(time, MAX_CONTENT).to_owned()),
            _ => None,
        };
        self.text_value(&attribute.unwrap_or_else(|| self.text(element)))
    }

    fn url_of(&self, element: ElementRef<'_>, attribute: &str) -> Option<String> {
        let url = element.attr(attribute)?.trim();
        let base = self.page.base();
        if url.len() > MAX_URL
            || !self.budget.charge_steps(ELEMENT_STEPS + (base.as_str().len() + url.len()) as u64)
        {
            return None;
        }
        base.join(url).ok().map(String::from)
    }

    fn text_value(&self, text: &str) -> Value {
        if self.budget.charge_bytes(VALUE_BYTES + text.len() as u64) {
            Value::from(text)
        } else {
            Value::Null
        }
    }

    fn text(&self, element: ElementRef<'_>) -> String {
        let mut all = String::new();
        // Bounded in nodes as well: properties nest, and each reads what is below it.
        let nodes = element.descendants().take(MAX_TEXT_NODES);
        for node in nodes.take_while(|_| self.budget.charge_steps(TEXT_NODE_STEPS)) {
            if let Some(text) = node.value().as_text() {
                all.push_str(truncate(text, MAX_TEXT - all.len()));
            }
            if all.len() == MAX_TEXT {
                break;
            }
        }
        all
    }
}

fn is_item(element: ElementRef<'_>) -> bool {
    element.attr("itemscope").is_some()
}

/// In reverse, because the last one pushed is looked at first.
fn push_children<'a>(pending: &mut Vec<ElementRef<'a>>, element: ElementRef<'a>) {
    pending.extend(element.children().rev().filter_map(ElementRef::wrap));
}

/// A property with several values is a list, as in JSON-LD.
fn add(object: &mut Object, name: &str, value: Value) {
    match object.get_mut(name) {
        None => {
            object.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}
