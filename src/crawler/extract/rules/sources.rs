//! Where rules look: the tree of a page, its visible text and its data, or one item of a JSON document.

use std::borrow::Cow;
use std::cell::OnceCell;

use regex::Regex;
use scraper::ElementRef;
use serde_json::Value;
use url::Url;

use super::super::page_state::StateBlock;
use super::budget::RuleBudget;
use super::data_blocks::{Asked, DataBlock, blocks_of_page};
use super::{pattern, selector, text, transform};
use crate::crawler::budget::PageBudget;
use crate::crawler::page::Page;
use crate::protocol::spider_rules::{CompiledField, CompiledRules};

/// Bytes of the text of an element, and of all visible text, that are looked at.
const MAX_ELEMENT_TEXT: usize = 32 * 1024;
const MAX_VISIBLE_TEXT: usize = 256 * 1024;
/// Elements that have no text, and the attribute in its place.
const VALUE_ATTRIBUTES: [(&str, &str); 5] =
    [("meta", "content"), ("img", "src"), ("source", "src"), ("link", "href"), ("input", "value")];

/// What rules read.
pub(in crate::crawler::extract) struct Sources<'a> {
    page: Option<&'a Page>,
    /// What URLs are relative to.
    pub(super) base: &'a Url,
    pub(super) budget: &'a PageBudget,
    data: Vec<DataBlock<'a>>,
    visible: OnceCell<String>,
}

impl<'a> Sources<'a> {
    /// A page, its blocks of JSON-LD and its state.
    pub(in crate::crawler::extract) fn of_page(
        page: &'a Page,
        json_ld: &'a [Value],
        state: &'a [StateBlock],
        rules: &CompiledRules,
    ) -> Self {
        let asks_data = rules.fields.iter().any(|field| field.json_path.is_some());
        let data = if asks_data { blocks_of_page(json_ld, state, page.budget()) } else { Vec::new() };
        let (base, budget) = (page.base(), page.budget());
        Self { page: Some(page), base, budget, data, visible: OnceCell::new() }
    }

    /// One item of a JSON document. Paths are relative to it, and there is neither markup nor visible text.
    pub(in crate::crawler::extract) fn of_item(
        item: &'a Value,
        base: &'a Url,
        budget: &'a PageBudget,
    ) -> Self {
        Self { page: None, base, budget, data: vec![DataBlock::borrowed(item)], visible: OnceCell::new() }
    }

    /// The value that a rule finds; else why it finds none.
    pub(super) fn value(
        &self,
        field: &CompiledField,
        budget: &RuleBudget<'_>,
    ) -> Result<Cow<'_, Value>, &'static str> {
        let found = match (&field.regex, field.rule.css.is_none() && field.json_path.is_none()) {
            (Some(regex), true) => {
                let visible = self.visible(budget)?;
                Cow::Owned(Value::from(captured(regex, visible, budget)?))
            }
            (None, true) => return Err("the rule names no place"),
            (Some(regex), false) => {
                let place = self.found(field, budget)?;
                Cow::Owned(Value::from(matched(regex, &place, budget)?))
            }
            (None, false) => self.found(field, budget)?,
        };
        let Some(how) = field.transform else { return Ok(found) };
        let changed =
            transform::transformed(&found, how).ok_or("nothing is left of it after the transform")?;
        Ok(Cow::Owned(changed))
    }

    /// What the selector or the path finds.
    fn found(&self, field: &CompiledField, budget: &RuleBudget<'_>) -> Result<Cow<'_, Value>, &'static str> {
        if let Some(css) = &field.rule.css {
            return self.text_of(css, field.attribute.as_deref(), budget);
        }
        let path = field.json_path.as_ref().ok_or("the rule names no place")?;
        let text = field.rule.json_path.as_deref().unwrap_or_default();
        for block in &self.data {
            match block.ask(path, text, budget) {
                Asked::Found(value) => return Ok(Cow::Borrowed(value)),
                Asked::Nothing => {}
                Asked::TooCostly => return Err("asking for the path takes too much work on this page"),
            }
        }
        Err("the path leads to nothing in the page's data")
    }

    /// The visible text of the page, a line for each block.
    fn visible(&self, budget: &RuleBudget<'_>) -> Result<&str, &'static str> {
        let root = self.page.and_then(|page| page.elements().next());
        let root = root.ok_or("there is no visible text")?;
        let visible = self.visible.get_or_init(|| text::text_of(root, MAX_VISIBLE_TEXT, budget));
        if visible.is_empty() { Err("there is no visible text") } else { Ok(visible) }
    }

    fn text_of(
        &self,
        css: &str,
        attribute: Option<&str>,
        budget: &RuleBudget<'_>,
    ) -> Result<Cow<'_, Value>, &'static str> {
        let page = self.page.ok_or("there is no markup")?;
        let Some(element) = selector::first_match(page, css, budget) else {
            return Err(if budget.is_spent() {
                "matching the selector takes too much work on this page"
            } else {
                "no element matches the selector"
            });
        };
        let told = match attribute {
            Some(name) => attribute_of(element, name).ok_or("the element has no such attribute")?,
            None => match value_attribute(element) {
                Some(value) => value.to_owned(),
                None => text::text_of(element, MAX_ELEMENT_TEXT, budget),
            },
        };
        if told.trim().is_empty() {
            Err("the element has no text")
        } else {
            Ok(Cow::Owned(Value::from(told)))
        }
    }
}

/// The names of attributes that rules look at: the tree keeps few others.
pub(in crate::crawler) fn attribute_names(rules: &CompiledRules) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for field in &rules.fields {
        let asked = field.rule.css.as_deref().into_iter().flat_map(selector::attribute_names);
        let read = field.attribute.iter().map(|name| name.to_ascii_lowercase());
        names.extend(asked.chain(read));
    }
    names.sort_unstable();
    names.dedup();
    names
}

fn attribute_of(element: ElementRef<'_>, name: &str) -> Option<String> {
    let value = element.attr(name).or_else(|| element.attr(&name.to_ascii_lowercase()))?;
    Some(crate::base::text::truncate(value, MAX_ELEMENT_TEXT).to_owned())
}

fn value_attribute(element: ElementRef<'_>) -> Option<&str> {
    let name = element.value().name();
    let (_, attribute) = VALUE_ATTRIBUTES.iter().find(|(of, _)| *of == name)?;
    element.attr(attribute)
}

fn matched(regex: &Regex, value: &Value, budget: &RuleBudget<'_>) -> Result<String, &'static str> {
    match value {
        Value::String(text) => captured(regex, text, budget),
        other => captured(regex, &transform::plain_text(other).ok_or("the path leads to no text")?, budget),
    }
}

fn captured(regex: &Regex, text: &str, budget: &RuleBudget<'_>) -> Result<String, &'static str> {
    pattern::captured(regex, text, budget).ok_or_else(|| {
        if budget.is_spent() {
            "matching the expression takes too much work on this page"
        } else {
            "the expression matches nothing"
        }
    })
}
