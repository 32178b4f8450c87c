//! One walk over the tree of a page, with the end of each element: for readers that look at the whole page once.

use scraper::Node;
use scraper::node::Element;

use super::parsed::Page;

/// Steps of visiting a node.
const NODE_STEPS: u64 = 4;

/// What a walk calls.
pub trait Visitor<'a> {
    /// An element begins. True to go into it: then `close` is called at its end.
    fn open(&mut self, element: &'a Element) -> bool;
    /// Text between two tags.
    fn text(&mut self, text: &'a str);
    /// The element that was entered last ends.
    fn close(&mut self);
}

impl Page {
    /// Walks over the page in its order. Ends without the missing calls of `close` where the budget is spent.
    pub fn walk<'a>(&'a self, visitor: &mut impl Visitor<'a>) {
        let root = self.html.tree.root();
        let mut next = root.first_child();
        while let Some(node) = next {
            if !self.budget.charge_steps(NODE_STEPS) {
                return;
            }
            let enters = match node.value() {
                Node::Element(element) => visitor.open(element),
                Node::Text(text) => {
                    visitor.text(text);
                    false
                }
                _ => false,
            };
            if enters {
                next = node.first_child();
                if next.is_some() {
                    continue;
                }
                visitor.close();
            }
            let mut at = node;
            next = loop {
                if let Some(sibling) = at.next_sibling() {
                    break Some(sibling);
                }
                match at.parent() {
                    Some(parent) if parent.id() != root.id() => {
                        visitor.close();
                        at = parent;
                    }
                    _ => break None,
                }
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    #[derive(Default)]
    struct Log(String);

    impl<'a> Visitor<'a> for Log {
        fn open(&mut self, element: &'a Element) -> bool {
            let enters = element.name() != "script";
            self.0.push_str(if enters { "<" } else { "!" });
            self.0.push_str(element.name());
            enters
        }

        fn text(&mut self, text: &'a str) {
            self.0.push_str(&format!("'{text}'"));
        }

        fn close(&mut self) {
            self.0.push('>');
        }
    }

    #[test]
    fn elements_are_opened_and_closed_and_refused_ones_are_left_out() {
        let html = "<p>a<b>c</b><i></i></p><script>x</script><br>d<template><u>t</u></template>";
        let url = "https://homes.example.com/".parse().unwrap();
        let mut log = Log::default();

        Page::parse(html, &url, PageBudget::for_page(html.len())).walk(&mut log);

        assert_eq!(log.0, "<html<head><body<p'a'<b'c'><i>>!script<br>'d'<template>>>");
    }
}
