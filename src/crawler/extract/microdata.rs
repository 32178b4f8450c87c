//! The third layer: HTML microdata (the HTML standard, section "Microdata"), turned into the same objects that JSON-LD
//! gives, so that one reader understands both.

use std::collections::{HashMap, HashSet};

use scraper::ElementRef;
use serde_json::{Map, Value};
use url::Url;

use super::values::Object;
use super::{Found, Layer, MAX_VALUES, schema_org};
use crate::crawler::page::Page;

/// Top-level items of one page that are read.
const MAX_ITEMS: usize = 1_000;
/// How deep items nest.
const MAX_ITEM_DEPTH: usize = 16;
/// Bytes of an element's text that are read: a wrapper may be marked as a property and hold the page.
const MAX_TEXT: usize = 4_000;
const MAX_TEXT_NODES: usize = 2_000;

pub(super) fn read(page: &Page) -> Found {
    let mut reader = Reader { page, by_id: HashMap::new(), elements_left: MAX_VALUES };
    if page.elements().any(|element| element.attr("itemref").is_some()) {
        reader.by_id = page.elements().filter_map(|element| Some((element.attr("id")?, element))).collect();
    }
    let top = page.elements().filter(|element| is_item(*element) && element.attr("itemprop").is_none());
    let roots: Vec<_> = top.take(MAX_ITEMS).map(|root| reader.item(root, 0)).collect();
    Found { kind: Layer::Microdata, drafts: schema_org::drafts(&roots, page.base()), skipped_blocks: 0 }
}

struct Reader<'a> {
    page: &'a Page,
    by_id: HashMap<&'a str, ElementRef<'a>>,
    elements_left: usize,
}

impl<'a> Reader<'a> {
    fn item(&mut self, root: ElementRef<'a>, depth: usize) -> Value {
        let mut object = Map::new();
        let types = root.attr("itemtype").unwrap_or_default().split_ascii_whitespace();
        object.insert("@type".to_owned(), types.map(Value::from).collect());
        if let Some(id) = root.attr("itemid") {
            object.insert("@id".to_owned(), Value::from(id.trim()));
        }
        self.properties(&mut object, root, depth);
        Value::Object(object)
    }

    /// The standard's crawl: children and referred elements, down to elements that are items of their own.
    fn properties(&mut self, object: &mut Object, root: ElementRef<'a>, depth: usize) {
        let mut seen = HashSet::from([root.id()]);
        let referred = root.attr("itemref").unwrap_or_default().split_ascii_whitespace();
        let mut pending: Vec<_> = referred.filter_map(|id| self.by_id.get(id).copied()).take(100).collect();
        pending.reverse();
        push_children(&mut pending, root);
        while let Some(element) = pending.pop() {
            // The same element twice is an error of the page's, and a loop if it is followed.
            if self.elements_left == 0 || !seen.insert(element.id()) {
                continue;
            }
            self.elements_left -= 1;
            if let Some(names) = element.attr("itemprop") {
                let value = self.value(element, depth);
                for name in names.split_ascii_whitespace().take(8) {
                    add(object, name, value.clone());
                }
            }
            if !is_item(element) {
                push_children(&mut pending, element);
            }
        }
    }

    fn value(&mut self, element: ElementRef<'a>, depth: usize) -> Value {
        if is_item(element) {
            return if depth < MAX_ITEM_DEPTH { self.item(element, depth + 1) } else { Value::Null };
        }
        // The standard reads `content` on `<meta>` only. Search engines read it everywhere, so sites write it so.
        if let Some(content) = element.attr("content") {
            return Value::from(content);
        }
        let attribute = match element.value().name() {
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => {
                url_of(self.page, element, "src")
            }
            "a" | "area" | "link" => url_of(self.page, element, "href"),
            "object" => url_of(self.page, element, "data"),
            "data" | "meter" => element.attr("value").map(str::to_owned),
            "time" => element.attr("datetime").map(str::to_owned),
            _ => None,
        };
        Value::from(attribute.unwrap_or_else(|| text(element)))
    }
}

fn is_item(element: ElementRef<'_>) -> bool {
    element.attr("itemscope").is_some()
}

/// In reverse, because the last one pushed is looked at first.
fn push_children<'a>(pending: &mut Vec<ElementRef<'a>>, element: ElementRef<'a>) {
    pending.extend(element.children().rev().filter_map(ElementRef::wrap));
}

fn url_of(page: &Page, element: ElementRef<'_>, attribute: &str) -> Option<String> {
    let url: Option<Url> = page.base().join(element.attr(attribute)?.trim()).ok();
    url.map(String::from)
}

fn text(element: ElementRef<'_>) -> String {
    let mut all = String::new();
    // Bounded in nodes as well: properties nest, and each reads what is below it.
    for node in element.descendants().take(MAX_TEXT_NODES) {
        if let Some(text) = node.value().as_text() {
            all.push_str(crate::base::text::cut(text, MAX_TEXT - all.len()));
        }
    }
    all
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
