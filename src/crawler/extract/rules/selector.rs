//! Matches a CSS selector against the tree of a page. Every step of the matcher over the tree is counted, because
//! `a ~ b`, `:has` and their like cost the square of a page. When the budget is spent the tree ends, and the matcher
//! with it.

use cssparser::Parser as CssParser;
use html5ever::{Namespace, ns};
use scraper::ElementRef;
use scraper::selector::{CssLocalName, CssString, NonTSPseudoClass, Parser, PseudoElement, Simple};
use selectors::attr::{AttrSelectorOperation, CaseSensitivity, NamespaceConstraint};
use selectors::bloom::BloomFilter;
use selectors::matching::{
    self, ElementSelectorFlags, MatchingContext, MatchingForInvalidation, MatchingMode, NeedsSelectorFlags,
    QuirksMode, SelectorCaches,
};
use selectors::parser::{ParseRelative, SelectorList};
use selectors::{Element, OpaqueElement};

use super::budget::RuleBudget;
use crate::crawler::page::Page;

/// Steps of going from one element to another, and of looking at an element's name or attributes.
const MOVE_STEPS: u64 = 3;
const LOOK_STEPS: u64 = 2;
/// What the matcher remembers of an element for selectors with a pseudo-class.
const CACHE_BYTES: u64 = 48;

/// The first element of `page` that matches `css`, in the order of the page. None for a selector that is none.
pub(super) fn first_match<'a>(page: &'a Page, css: &str, budget: &RuleBudget<'_>) -> Option<ElementRef<'a>> {
    let selectors = SelectorList::parse(&Parser, &mut CssParser::new(css), ParseRelative::No).ok()?;
    let is_cached = css.contains(':');
    // For `:has` the matcher keeps a filter of 4 KiB for each element that it was asked of.
    let has_filters = css.to_ascii_lowercase().contains(":has");
    let mut caches = SelectorCaches::default();
    page.elements().take_while(|_| !budget.is_spent()).find(|element| {
        if is_cached && !budget.charge_bytes(CACHE_BYTES) {
            return false;
        }
        if has_filters {
            caches = SelectorCaches::default();
        }
        let element = CountedElement { element: *element, budget };
        let mut context = MatchingContext::new(
            MatchingMode::Normal,
            None,
            &mut caches,
            QuirksMode::NoQuirks,
            NeedsSelectorFlags::No,
            MatchingForInvalidation::No,
        );
        let mut all = selectors.slice().iter();
        let matches = all.any(|one| matching::matches_selector(one, 0, None, &element, &mut context));
        // Without the rest of the tree an element may look like the first one.
        matches && !budget.is_spent()
    })
}

/// The names of attributes that `css` asks for: `[data-price]`, `[itemprop=price]`.
pub(super) fn attribute_names(css: &str) -> impl Iterator<Item = String> + '_ {
    css.split('[').skip(1).filter_map(|rest| {
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')));
        let name = &rest[..end.unwrap_or(rest.len())];
        (!name.is_empty()).then(|| name.to_ascii_lowercase())
    })
}

/// An element whose surroundings cost something to look at.
#[derive(Clone, Debug)]
struct CountedElement<'a, 'b> {
    element: ElementRef<'a>,
    budget: &'b RuleBudget<'b>,
}

impl<'a> CountedElement<'a, '_> {
    fn moved(&self, find: impl FnOnce(ElementRef<'a>) -> Option<ElementRef<'a>>) -> Option<Self> {
        if !self.budget.charge_steps(MOVE_STEPS) {
            return None;
        }
        find(self.element).map(|element| Self { element, budget: self.budget })
    }

    /// The value of an attribute that is looked through.
    fn scanned(&self, name: &str) -> Option<&'a str> {
        let value = self.element.attr(name)?;
        self.budget.charge_steps(LOOK_STEPS + value.len() as u64 / 8).then_some(value)
    }
}

impl Element for CountedElement<'_, '_> {
    type Impl = Simple;

    fn opaque(&self) -> OpaqueElement {
        OpaqueElement::new(self.element.value())
    }

    fn parent_element(&self) -> Option<Self> {
        self.moved(|element| element.parent().and_then(ElementRef::wrap))
    }

    fn parent_node_is_shadow_root(&self) -> bool {
        false
    }

    fn containing_shadow_host(&self) -> Option<Self> {
        None
    }

    fn is_pseudo_element(&self) -> bool {
        false
    }

    // Text between two tags is one node and comments are none, so that the next element is near.
    fn prev_sibling_element(&self) -> Option<Self> {
        self.moved(|element| element.prev_siblings().find_map(ElementRef::wrap))
    }

    fn next_sibling_element(&self) -> Option<Self> {
        self.moved(|element| element.next_siblings().find_map(ElementRef::wrap))
    }

    fn first_element_child(&self) -> Option<Self> {
        self.moved(|element| element.children().find_map(ElementRef::wrap))
    }

    fn is_html_element_in_html_document(&self) -> bool {
        self.element.value().name.ns == ns!(html)
    }

    fn has_local_name(&self, name: &CssLocalName) -> bool {
        self.budget.charge_steps(LOOK_STEPS) && self.element.value().name.local == name.0
    }

    fn has_namespace(&self, namespace: &Namespace) -> bool {
        &self.element.value().name.ns == namespace
    }

    fn is_same_type(&self, other: &Self) -> bool {
        self.element.value().name == other.element.value().name
    }

    fn attr_matches(
        &self,
        ns: &NamespaceConstraint<&Namespace>,
        local_name: &CssLocalName,
        operation: &AttrSelectorOperation<&CssString>,
    ) -> bool {
        let attributes = &self.element.value().attrs;
        if !self.budget.charge_steps(LOOK_STEPS + attributes.len() as u64) {
            return false;
        }
        attributes.iter().any(|(key, value)| {
            !matches!(*ns, NamespaceConstraint::Specific(url) if *url != key.ns)
                && local_name.0 == key.local
                && self.budget.charge_steps(value.len() as u64 / 4)
                && operation.eval_str(value)
        })
    }

    fn match_non_ts_pseudo_class(
        &self,
        _class: &NonTSPseudoClass,
        _context: &mut MatchingContext<'_, Self::Impl>,
    ) -> bool {
        false
    }

    fn match_pseudo_element(
        &self,
        _element: &PseudoElement,
        _context: &mut MatchingContext<'_, Self::Impl>,
    ) -> bool {
        false
    }

    fn apply_selector_flags(&self, _flags: ElementSelectorFlags) {}

    fn is_link(&self) -> bool {
        matches!(self.element.value().name(), "a" | "area") && self.element.attr("href").is_some()
    }

    fn is_html_slot_element(&self) -> bool {
        false
    }

    fn has_id(&self, id: &CssLocalName, case_sensitivity: CaseSensitivity) -> bool {
        self.scanned("id").is_some_and(|own| case_sensitivity.eq(id.0.as_bytes(), own.as_bytes()))
    }

    /// Not through the element's own list of classes, which stays in memory.
    fn has_class(&self, name: &CssLocalName, case_sensitivity: CaseSensitivity) -> bool {
        let classes = self.scanned("class").unwrap_or_default();
        let mut classes = classes.split_ascii_whitespace();
        classes.any(|class| case_sensitivity.eq(name.0.as_bytes(), class.as_bytes()))
    }

    fn has_custom_state(&self, _name: &CssLocalName) -> bool {
        false
    }

    fn imported_part(&self, _name: &CssLocalName) -> Option<CssLocalName> {
        None
    }

    fn is_part(&self, _name: &CssLocalName) -> bool {
        false
    }

    fn is_empty(&self) -> bool {
        !self.element.children().any(|child| child.value().is_element() || child.value().is_text())
    }

    fn is_root(&self) -> bool {
        self.element.parent().is_some_and(|parent| parent.value().is_document())
    }

    fn add_element_unique_hashes(&self, _filter: &mut BloomFilter) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawler::budget::PageBudget;

    fn page(html: &str) -> Page {
        let url = "https://homes.example.com/h/1".parse().unwrap();
        Page::parse(html, &url, PageBudget::for_page(html.len()))
    }

    fn found(html: &str, css: &str) -> Option<String> {
        let page = page(html);
        let budget = RuleBudget::new(page.budget());
        first_match(&page, css, &budget).map(|element| element.text().collect())
    }

    #[test]
    fn selectors_find_the_first_element_that_they_match() {
        let html =
            "<main id=top><p class='a b'>1</p><p class=b>2</p><ul><li>3<li data-id=x>4</ul><b>5</b></main>";
        for (css, text) in [
            ("p", "1"),
            (".b", "1"),
            ("p.b:not(.a)", "2"),
            ("p + p", "2"),
            ("#top > ul li:nth-child(2)", "4"),
            ("[data-id=x]", "4"),
            ("main li:last-child", "4"),
            ("p ~ b", "5"),
            ("ul:has([data-id]) + b", "5"),
            ("i, b", "5"),
        ] {
            assert_eq!(found(html, css).as_deref(), Some(text), "{css}");
        }
        assert_eq!(found(html, ".c"), None);
        assert_eq!(found(html, "p["), None);
    }

    #[test]
    fn selectors_that_cost_the_square_of_a_page_are_cut_off() {
        let wide = "<i></i>".repeat(40_000);
        for css in ["b ~ i", "i:has(~ b)", "i ~ i ~ i ~ b", "i:not(i ~ i ~ i):nth-last-of-type(3) b"] {
            let page = page(&wide);
            let budget = RuleBudget::new(page.budget());

            assert_eq!(first_match(&page, css, &budget).map(|found| found.value().name()), None, "{css}");

            assert!(!page.budget().is_spent(), "{css}: the page's own part is left");
        }
    }

    #[test]
    fn the_attributes_of_a_selector_are_known_by_name() {
        let names: Vec<_> =
            attribute_names("p[Data-Price] > [ itemprop = 'price'], a[href^='/x[1]'] b").collect();

        assert_eq!(names, ["data-price", "itemprop", "href", "1"]);
    }
}
