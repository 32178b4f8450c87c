//! Facts of a home that are told as pairs of a label and a value, as short texts, or as badges.

use serde_json::{Value, json};

use super::super::bounds::VALUE_STEPS;
use super::super::field::Field;
use super::super::values::{self, Object};
use super::classes::KeyClass;
use super::home::{Entry, Home, Role, is_measure};
use super::keys;
use crate::protocol::property::StandardStatus;

/// Pairs of one list, and how deep lists of pairs nest.
const MAX_PAIRS: usize = 200;
const MAX_GROUPS: usize = 6;
/// Badges of one home, and the length of a text that may be one, or a fact.
const MAX_BADGES: usize = 20;
const MAX_SHORT_TEXT: usize = 60;
/// Steps of looking at a pair.
const PAIR_STEPS: u64 = 24 * VALUE_STEPS;
/// Keys of a label, the most general last, of its value, and of the value's unit.
const LABELS: [&str; 12] = [
    "label",
    "name",
    "title",
    "key",
    "type",
    "id",
    "code",
    "attribute",
    "term",
    "caption",
    "displayName",
    "propertyID",
];
const VALUES: [&str; 11] = [
    "value",
    "text",
    "values",
    "formattedValue",
    "displayValue",
    "content",
    "val",
    "rawValue",
    "data",
    "description",
    "value_label",
];
const UNITS: [&str; 5] = ["unit", "unitCode", "unitText", "units", "suffix"];

impl<'v> Home<'v> {
    /// Adds a part that holds facts: an object of them, or a list of pairs.
    pub(super) fn gather_facts(&mut self, value: &'v Value, key: &str, role: Role, depth: usize) {
        let inner = match role {
            // Some interfaces keep all of an object but its key below `attributes` (JSON:API).
            role if role.is_home() && matches!(key, "attributes" | "fields") => Role::Named,
            Role::Unknown => Role::Unknown,
            _ => Role::Facts,
        };
        match value {
            Value::Array(values) => {
                let inner = if inner == Role::Named { Role::Facts } else { inner };
                self.gather_pairs(values, inner, depth + 1);
            }
            other => self.gather_object(other, inner, depth + 1),
        }
    }

    /// Adds the facts of a list of pairs; other lists have none.
    pub(super) fn gather_pairs(&mut self, values: &'v [Value], role: Role, depth: usize) {
        if depth >= MAX_GROUPS {
            return;
        }
        for value in values.iter().take(MAX_PAIRS) {
            if !self.scope.budget.charge_steps(PAIR_STEPS) {
                return;
            }
            match self.scope.links.follow(value) {
                Value::Object(pair) => self.gather_pair(pair, role, depth),
                Value::String(text) => self.set_short_fact(text, role),
                _ => {}
            }
        }
    }

    fn gather_pair(&mut self, pair: &'v Object, role: Role, depth: usize) {
        let scope = self.scope;
        let get = |keys: &[&str]| {
            let mut present =
                keys.iter().filter_map(|key| pair.get(*key)).map(|value| scope.links.follow(value));
            present.find(|value| !value.is_null())
        };
        let Some(value) = get(&VALUES).and_then(|value| scope.plain(value)) else {
            return self.gather_group(pair, role, depth);
        };
        let unit = get(&UNITS).filter(|unit| unit.is_string());
        for name in LABELS {
            let label = pair.get(name).map(|label| scope.links.follow(label));
            let Some(Value::String(label)) = label else { continue };
            let field = keys::meaning(label, false).field.filter(|field| {
                role.accepts(*field)
                    && !matches!(field, Field::Key(_) | Field::Url | Field::Name | Field::State)
            });
            let Some(field) = field else { continue };
            match unit {
                Some(unit) if is_measure(field) => {
                    let [value, unit] = [value, unit].map(|part| scope.links.plain(part, scope.budget));
                    self.set(field, &json!({"value": *value, "unit": *unit}), label);
                }
                _ => self.set_value(field, value, label),
            }
            return;
        }
    }

    /// A heading with a list of pairs below it.
    fn gather_group(&mut self, group: &'v Object, role: Role, depth: usize) {
        for value in group.values().take(MAX_BADGES) {
            if let Value::Array(values) = self.scope.links.follow(value) {
                self.gather_pairs(values, role, depth + 1);
            }
        }
    }

    /// "3 bedrooms", "2 baths".
    fn set_short_fact(&mut self, text: &str, role: Role) {
        if text.len() > MAX_SHORT_TEXT {
            return;
        }
        let text = text.trim();
        let end = text.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ','))).unwrap_or(text.len());
        let (number, label) = text.split_at(end);
        let field = keys::meaning(label, false).field.filter(|field| role.accepts(*field));
        let counted = |field: &Field| {
            use Field::*;
            matches!(field, Bedrooms | Rooms | Baths | FullBaths | HalfBaths)
        };
        if let Some(field) = field.filter(counted)
            && !number.is_empty()
        {
            self.set(field, &Value::from(number), label.trim());
        }
    }

    /// Sets the status that a badge on the home says. That it is for sale is no badge's news.
    pub(super) fn set_badges(&mut self, entries: &[Entry<'v>]) {
        for entry in entries {
            let is_badge = entry.meaning.class == Some(KeyClass::Badges) || keys::is_badge(entry.key);
            if !is_badge {
                continue;
            }
            match entry.value {
                Value::Array(values) => {
                    for value in values.iter().take(MAX_BADGES) {
                        self.set_badge(self.scope.links.follow(value), entry.key);
                    }
                }
                other => self.set_badge(other, entry.key),
            }
        }
    }

    fn set_badge(&mut self, value: &'v Value, key: &str) {
        let Some(text) = self.scope.text(value, MAX_SHORT_TEXT) else { return };
        if values::status(&text).is_some_and(|status| status != StandardStatus::Active) {
            self.set(Field::Status, &Value::from(text), key);
        }
    }
}
