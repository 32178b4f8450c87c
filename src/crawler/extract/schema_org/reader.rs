//! Walks through the objects of a page, follows references between them, and makes a draft of each that may be a
//! listing.

use std::collections::HashMap;

use serde_json::Value;
use url::Url;

use super::super::bounds::{MAX_DEPTH, MAX_DRAFTS, VALUE_STEPS, key_steps};
use super::super::draft::Draft;
use super::super::extraction::Layer;
use super::super::field::Field;
use super::super::values::Object;
use super::super::vocabulary::{local_name, normalize_key};
use super::draft_builder::DraftBuilder;
use super::kinds::{self, Kind};
use super::parts::{self, Part};
use super::source::Source;
use crate::crawler::budget::PageBudget;

/// Drafts for everything in `roots` that may be a listing, or a part of one.
pub(in crate::crawler::extract) fn drafts(
    roots: &[Value],
    base: &Url,
    budget: &PageBudget,
    layer: Layer,
) -> Vec<Draft> {
    let by_id = HashMap::new();
    let mut reader = Reader { base, budget, layer, by_id, drafts: Vec::new(), in_list: false };
    for root in roots {
        reader.index(root, 0);
    }
    for root in roots {
        reader.visit(root, 0);
    }
    reader.drafts
}

pub(super) struct Reader<'a> {
    base: &'a Url,
    pub(super) budget: &'a PageBudget,
    layer: Layer,
    /// Objects by their `@id`, so that a reference can be followed.
    by_id: HashMap<&'a str, &'a Object>,
    drafts: Vec<Draft>,
    /// Whether what is visited is an entry of a list.
    in_list: bool,
}

impl<'a> Reader<'a> {
    pub(super) fn charge_value(&self, depth: usize) -> bool {
        depth < MAX_DEPTH && self.drafts.len() < MAX_DRAFTS && self.budget.charge_steps(VALUE_STEPS)
    }

    /// The normal form of a property's name; `None` when the budget is spent.
    pub(super) fn key(&self, key: &str) -> Option<String> {
        self.budget.charge_steps(key_steps(key)).then(|| normalize_key(local_name(key)))
    }

    pub(super) fn source<'s>(&self, role: &'s str) -> Source<'s>
    where
        'a: 's,
    {
        Source { base: self.base, budget: self.budget, role }
    }

    pub(super) fn kind(&self, object: &Object) -> Kind {
        self.budget.charge_steps(kinds::type_steps(object));
        kinds::kind(object)
    }

    fn index(&mut self, value: &'a Value, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.index(value, depth + 1)),
            Value::Object(object) => {
                if let Some(id) = kinds::id(object).filter(|_| object.len() > 1) {
                    self.budget.charge_steps(key_steps(id));
                    self.by_id.entry(id).or_insert(object);
                }
                object.values().for_each(|value| self.index(value, depth + 1));
            }
            _ => {}
        }
    }

    /// Looks for listings in `value` and below.
    fn visit(&mut self, value: &'a Value, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.visit(value, depth + 1)),
            Value::Object(object) => self.visit_object(object, depth),
            _ => {}
        }
    }

    pub(super) fn visit_object(&mut self, object: &'a Object, depth: usize) {
        if !self.charge_value(depth) {
            return;
        }
        match self.kind(object) {
            Kind::Residence | Kind::Offer => self.read(object, depth),
            Kind::Foreign => {
                if let Some(graph) = object.get("@graph") {
                    self.visit(graph, depth + 1);
                }
            }
            Kind::List => {
                if kinds::is_result_page(object) {
                    let mut page = Draft::new(self.layer);
                    (page.list_page, page.in_list) = (true, self.in_list);
                    self.drafts.push(page);
                }
                self.listed(|reader| reader.visit_children(object, depth));
            }
            Kind::Other => self.visit_children(object, depth),
        }
    }

    fn visit_children(&mut self, object: &'a Object, depth: usize) {
        let before = self.drafts.len();
        for (key, value) in object {
            let Some(key) = self.key(key) else { return };
            // The parts of a page belong to it; those of anything else are neighbours.
            match parts::part(&key) {
                Some(Part::List) if key != "haspart" => self.listed(|reader| reader.visit(value, depth + 1)),
                _ => self.visit(value, depth + 1),
            }
        }
        // A ListItem may keep the URL to itself and nest the home below `item`.
        if let (Some(url), [draft]) = (object.get("url"), &mut self.drafts[before..])
            && object.contains_key("item")
            && draft.property.source_url.is_none()
        {
            let source = Source { base: self.base, budget: self.budget, role: "ListItem" };
            source.set(draft, Field::Url, "url", url);
        }
    }

    fn read(&mut self, object: &'a Object, depth: usize) {
        let mut builder = DraftBuilder::new(self.layer);
        self.gather(&mut builder, object, depth, "");
        if let Some(currency) = builder.currency {
            self.source("").set(&mut builder.draft, Field::Currency, "priceCurrency", currency);
        }
        // What was gathered when the budget ran out is a part of a listing.
        if self.budget.is_spent() {
            return;
        }
        builder.draft.list_page = builder.counts_other_offers();
        builder.draft.in_list = self.in_list;
        self.drafts.push(builder.draft);
        for (key, value) in object {
            let Some(key) = self.key(key) else { return };
            match parts::part(&key) {
                Some(Part::List) => self.listed(|reader| reader.visit(value, depth + 1)),
                Some(_) => {}
                None => self.visit(value, depth + 1),
            }
        }
    }

    /// Visits what is an entry of a list.
    pub(super) fn listed(&mut self, visit: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.in_list, true);
        visit(self);
        self.in_list = before;
    }

    /// The objects that `value` holds or refers to.
    pub(super) fn objects(&self, value: &'a Value) -> Vec<&'a Object> {
        let values = match value {
            Value::Array(values) => &values[..],
            other => std::slice::from_ref(other),
        };
        let values = values.iter().take(MAX_DRAFTS).take_while(|_| self.budget.charge_steps(VALUE_STEPS));
        values.filter_map(|value| self.object(value)).collect()
    }

    /// The object that `value` is or refers to.
    pub(super) fn object(&self, value: &'a Value) -> Option<&'a Object> {
        let object = value.as_object()?;
        let is_reference = |id: &&str| object.len() <= 2 && self.budget.charge_steps(key_steps(id));
        let id = kinds::id(object).filter(is_reference);
        Some(id.and_then(|id| self.by_id.get(id).copied()).unwrap_or(object))
    }
}
