//! What microdata and RDFa have in common: the value of an element, and the bounds of items. Both turn marked-up
//! elements into the objects that JSON-LD gives, so that one reader understands all of them.

use scraper::ElementRef;
use serde_json::Value;

use super::bounds::MAX_URL;
use super::values::Object;
use crate::base::text::truncate;
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;

/// Top-level items of one page that are read.
pub(super) const MAX_ITEMS: usize = 1_000;
/// How deep items nest.
pub(super) const MAX_ITEM_DEPTH: usize = 16;
/// Types and names of an element that are read.
pub(super) const MAX_TYPES: usize = 16;
pub(super) const MAX_NAMES: usize = 8;
/// Bytes of a list of names or references that are read; what follows is ignored.
pub(super) const MAX_LIST_BYTES: usize = 8 * 1024;
/// Bytes of an element's text that are read: a wrapper may be marked as a property and hold the page.
const MAX_TEXT: usize = 4_000;
const MAX_TEXT_NODES: usize = 2_000;
/// How far above a price the element that strikes it out is looked for.
const STRUCK_ANCESTORS: usize = 2;
/// Bytes of a value in an attribute.
const MAX_CONTENT: usize = 16_000;

/// Steps of an element, of a node of its text, and of a name that it gives to its value.
pub(super) const ELEMENT_STEPS: u64 = 24;
pub(super) const NAME_STEPS: u64 = 12;
const TEXT_NODE_STEPS: u64 = 2;
/// Bytes of a value beside its text, and of an object's first entries.
pub(super) const VALUE_BYTES: u64 = 64;
pub(super) const OBJECT_BYTES: u64 = 700;

/// Reads the values of elements at the cost of the page's budget.
#[derive(Clone, Copy)]
pub(super) struct ElementValues<'a> {
    page: &'a Page,
    budget: &'a PageBudget,
}

impl<'a> ElementValues<'a> {
    pub(super) fn new(page: &'a Page) -> Self {
        Self { page, budget: page.budget() }
    }

    /// The value of an element that is no item: what an attribute says, else its text.
    pub(super) fn value(self, element: ElementRef<'_>) -> Value {
        // The standards read `content` on `<meta>` only or first. Search engines read it everywhere, so sites write
        // it so.
        if let Some(content) = element.attr("content") {
            return self.text_value(truncate(content, MAX_CONTENT));
        }
        let attribute = match element.value().name() {
            "audio" | "embed" | "iframe" | "img" | "source" | "track" | "video" => self.url(element, "src"),
            "a" | "area" | "link" => self.url(element, "href"),
            "object" => self.url(element, "data"),
            "data" | "meter" => element.attr("value").map(|value| truncate(value, MAX_CONTENT).to_owned()),
            "time" => element.attr("datetime").map(|time| truncate(time, MAX_CONTENT).to_owned()),
            _ => None,
        };
        self.text_value(&attribute.unwrap_or_else(|| self.text(element)))
    }

    /// The URL in an attribute.
    pub(super) fn url(self, element: ElementRef<'_>, attribute: &str) -> Option<String> {
        let url = element.attr(attribute)?.trim();
        let base = self.page.base();
        if url.len() > MAX_URL
            || !self.budget.charge_steps(ELEMENT_STEPS + (base.as_str().len() + url.len()) as u64)
        {
            return None;
        }
        base.join(url).ok().map(String::from)
    }

    pub(super) fn text_value(self, text: &str) -> Value {
        if self.budget.charge_bytes(VALUE_BYTES + text.len() as u64) {
            Value::from(text)
        } else {
            Value::Null
        }
    }

    fn text(self, element: ElementRef<'_>) -> String {
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

/// The name under which the value of `element` is kept. A price that is struck out is the one before.
pub(super) fn name_of<'n>(element: ElementRef<'_>, name: &'n str) -> &'n str {
    let struck = |element: &ElementRef<'_>| matches!(element.value().name(), "del" | "s" | "strike");
    let near = element.ancestors().take(STRUCK_ANCESTORS).filter_map(ElementRef::wrap);
    if name == "price" && std::iter::once(element).chain(near).any(|near| struck(&near)) {
        "originalPrice"
    } else {
        name
    }
}

/// A property with several values is a list, as in JSON-LD.
pub(super) fn add(object: &mut Object, name: &str, value: Value) {
    match object.get_mut(name) {
        None => {
            object.insert(name.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_come_from_the_attribute_that_the_element_has() {
        let html = "<a href='/h/1'>x</a><img src=1.jpg><time datetime=2026-03-01>March</time>\
                    <data value=3>three</data><span content=5>five</span><p>a <b>b</b></p>";
        let url = "https://homes.example.com/list/".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let values = ElementValues::new(&page);
        let names = ["a", "img", "time", "data", "span", "p"];

        let read: Vec<_> = page
            .elements()
            .filter(|element| names.contains(&element.value().name()))
            .map(|element| values.value(element))
            .collect();

        let expected = [
            "https://homes.example.com/h/1",
            "https://homes.example.com/list/1.jpg",
            "2026-03-01",
            "3",
            "5",
            "a b",
        ];
        assert_eq!(read, expected.map(Value::from));
    }

    #[test]
    fn a_price_that_is_struck_out_has_a_name_of_its_own() {
        let html = "<del><b>5</b></del><i>4</i>";
        let url = "https://homes.example.com/".parse().unwrap();
        let page = Page::parse(html, &url, PageBudget::for_page(html.len()));
        let named = |tag: &str, name| {
            let element = page.elements().find(|element| element.value().name() == tag);
            name_of(element.unwrap(), name)
        };

        assert_eq!(named("b", "price"), "originalPrice");
        assert_eq!(named("b", "name"), "name");
        assert_eq!(named("i", "price"), "price");
    }

    #[test]
    fn a_name_with_several_values_is_a_list() {
        let mut object = Object::new();

        for number in 1..=3 {
            add(&mut object, "image", Value::from(number));
        }

        assert_eq!(Value::Object(object), json!({"image": [1, 2, 3]}));
    }
}
